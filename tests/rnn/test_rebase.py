"""Dynamic trivialization in training: what moving the base keeps, and what it comes to."""

import numpy as np
import pytest

from stiefelkit import optim
from stiefelkit._xp import to_host
from stiefelkit.manifolds import Orthogonal
from stiefelkit.parametrizations import ExponentialMap, Trivialization
from stiefelkit.retractions import ExponentialRetraction
from stiefelkit.rnn import AbstractCallback, OrthogonalCell, Rebase

from .._classes import DTYPES, NUMPY, assert_close, eps
from ._networks import assert_trees_equal
from ._runs import adam, on_host, partition, train, without_seconds, write_checkpoint


def cell(map_name="exponential", start="rotation"):
    return OrthogonalCell(2, 4, recurrent=Trivialization(4, map=map_name), start=start)


class Watch(AbstractCallback):
    """Keeps the leaves and the matrix after each update."""

    def __init__(self):
        self.leaves, self.matrices = [], []

    def update(self, run):
        leaves = run.params["cell"]["recurrent"]
        self.leaves.append({name: to_host(x) for name, x in leaves.items()})
        self.matrices.append(to_host(run.model.cell.recurrent.matrix(leaves)))


@pytest.mark.libraries("numpy", "strict", "torch")
@pytest.mark.parametrize("map_name", ["exponential", "cayley"])
def test_base_moves_every_few_updates_and_the_matrix_stays(map_name, library):
    before, after = Watch(), Watch()
    run = train(
        cell(map_name),
        adam(0.1),
        callbacks=[before, Rebase(every=4), after],
        epochs=3,
        like=library.like(),
    )
    moved = [k + 1 for k, leaves in enumerate(after.leaves) if not np.any(leaves["A"])]
    assert moved == [4, 8]
    for k, (one, two) in enumerate(zip(before.matrices, after.matrices, strict=True)):
        assert_close(two, one, 100 * eps("float64"))
        if k + 1 in moved:
            assert_close(after.leaves[k]["base"], two, 100 * eps("float64"))
        else:
            assert_close(after.leaves[k]["base"], before.leaves[k]["base"], 0)
    # The last epoch's parameters are those that the callback left.
    last = {name: to_host(x) for name, x in run.model.params["cell"]["recurrent"].items()}
    assert_trees_equal(last, after.leaves[-1])
    assert run.params is None


@pytest.mark.libraries("numpy", "strict", "torch")
@pytest.mark.parametrize("every", [1, 2, 4, 100])
def test_resumed_run_is_the_uninterrupted_one(every, library, tmp_path):
    """Interrupted after 6 updates: between two moves, and just after one."""
    options = {"callbacks": [Rebase(every)], "like": library.like("float32")}
    whole = train(cell(), partition(), epochs=4, **options)
    _, path = write_checkpoint(tmp_path, cell(), partition(), epochs=2, **options)
    resumed = train(cell(), partition(), epochs=4, resume=path, seed=9, **options)
    assert without_seconds(resumed.history) == without_seconds(whole.history)
    assert_trees_equal(on_host(resumed.model.params), on_host(whole.model.params))
    assert_trees_equal(on_host(resumed.state.slots), on_host(whole.state.slots))


def losses(recurrent, start, **options):
    made = OrthogonalCell(2, 4, recurrent=recurrent, start=start)
    return [record["loss"] for record in train(made, optim.SGD(0.05), epochs=4, **options).history]


@NUMPY
@pytest.mark.parametrize("dtype", DTYPES)
def test_moved_after_every_update_is_descent_on_the_group(dtype, library):
    like = library.like(dtype)
    moving = losses(Trivialization(4), "haar", callbacks=[Rebase(every=1)], like=like)
    group = losses(Orthogonal(retraction=ExponentialRetraction()), "haar", like=like)
    assert moving[-1] < 0.9 * moving[0]
    np.testing.assert_allclose(moving, group, rtol=500 * eps(dtype))


@NUMPY
@pytest.mark.parametrize("dtype", DTYPES)
def test_never_moved_from_the_identity_is_the_exponential(dtype, library):
    like = library.like(dtype)
    still = losses(Trivialization(4), "identity", like=like)
    static = losses(ExponentialMap(4), "identity", like=like)
    np.testing.assert_allclose(still, static, rtol=500 * eps(dtype))


def test_other_cells_are_refused():
    with pytest.raises(TypeError, match=r"`Rebase` is for .* Got OrthogonalCell with CWY"):
        train("CWY", callbacks=[Rebase()])
    with pytest.raises(TypeError, match="Got ElmanCell with NoneType"):
        train("Elman", callbacks=[Rebase()])


@pytest.mark.parametrize("every", [0, -1])
def test_moves_are_at_least_one_update_apart(every):
    with pytest.raises(ValueError, match=f"needs every >= 1. Got {every}"):
        Rebase(every)
