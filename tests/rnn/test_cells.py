"""What every cell does: its parameters, its forward pass, and what it refuses."""

import numpy as np
import pytest

from stiefelkit import rnn
from stiefelkit._tree import tree_items
from stiefelkit.manifolds import AbstractManifold, Euclidean, Orthogonal
from stiefelkit.parametrizations import CWY
from stiefelkit.rnn import AbstractCell, Identity, LSTMCell, OrthogonalCell

from .._classes import (
    DTYPES,
    NUMPY,
    REAL,
    assert_close,
    assert_kept,
    concrete,
    eps,
    host,
    normal,
    orthonormality,
)
from ._networks import (
    assert_trees_close,
    assert_trees_equal,
    every_cell,
    on,
    recurrents,
    some_cells,
)

T, B, D, N = 6, 3, 2, 4
every = pytest.mark.parametrize("cell", every_cell(D, N))
ungated = pytest.mark.parametrize(
    "cell", [p for p in every_cell(D, N) if not isinstance(p.values[0], LSTMCell)]
)
some = pytest.mark.parametrize("cell", some_cells(D, N))
dtypes = pytest.mark.parametrize("dtype", DTYPES)
STARTS = ("rotation", "cayley", "haar", "identity")


def begin(cell, dtype):
    return cell.init(rng=0, like=np.empty(0, dtype))


def draw(rng, cell, dtype):
    """Return inputs, real ones, and a first state."""
    X = rng.standard_normal((T, B, D)).astype(REAL[dtype])
    return X, normal(rng, (B, cell.state_size), dtype).astype(dtype)


@NUMPY
@every
@dtypes
def test_forward_is_the_step_repeated(cell, dtype, library, rng):
    params, (X, h) = begin(cell, dtype), draw(rng, cell, dtype)
    H, _ = cell.forward(params, X, h)
    by_steps = np.stack([(h := cell.step(params, h, x))[:, :N] for x in X])
    assert_kept(H, library, dtype)
    assert_close(host(H), host(by_steps), 50 * eps(dtype))


@NUMPY
@every
@dtypes
def test_last_state_is_the_last_of_all(cell, dtype, library, rng):
    params, (X, h) = begin(cell, dtype), draw(rng, cell, dtype)
    found, _ = cell.forward(params, X, h, last=True)
    assert_close(host(found), host(cell.forward(params, X, h)[0][-1]), 0)


@NUMPY
@ungated
@dtypes
def test_step_is_the_formula(cell, dtype, library, rng):
    params, (X, h) = begin(cell, dtype), draw(rng, cell, dtype)
    if "c" in params:
        params["c"] = params["c"] + np.arange(N, dtype=dtype)
    W = cell.recurrent_forward(params["recurrent"])[0]
    z = h @ W.T + X[0] @ params["W_in"].T + params.get("c", 0)
    expected = cell.activation.apply(z, params["b"])
    assert_close(host(cell.step(params, h, X[0])), host(expected), 50 * eps(dtype))


@NUMPY
@some
@dtypes
def test_first_state_is_zero_unless_given(cell, dtype, library, rng):
    params, (X, h) = begin(cell, dtype), draw(rng, cell, dtype)
    found, _ = cell.forward(params, X)
    assert_close(host(found), host(cell.forward(params, X, 0 * h)[0]), 0)


@NUMPY
@some
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_real_inputs_are_complex_ones_without_imaginary_part(cell, dtype, library, rng):
    params, (X, h) = begin(cell, dtype), draw(rng, cell, dtype)
    found, _ = cell.forward(params, X, h)
    assert_close(host(found), host(cell.forward(params, X.astype(dtype), h)[0]), 0)


@some
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_equal_to_numpy_on_every_library(cell, dtype, library, rng):
    params, (X, _) = begin(cell, dtype), draw(rng, cell, dtype)
    g = normal(rng, (T, B, N), dtype).astype(dtype)
    H, residuals = cell.forward(params, X)
    grads, dh0 = cell.backward(g, residuals)
    found, kept = cell.forward(on(library, params), library.asarray(X))
    found_grads, found_dh0 = cell.backward(library.asarray(g), kept)
    assert_kept(found, library, dtype)
    assert_close(host(found), host(H), 100 * eps(dtype))
    assert_trees_close(found_grads, grads, 500, eps(dtype))
    assert_close(host(found_dh0), host(dh0), 500 * eps(dtype))


@some
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_one_seed_gives_one_start_on_every_library(cell, dtype, library):
    params = cell.init(rng=3, like=library.like(dtype))
    found, expected = dict(tree_items(params)), dict(tree_items(cell.init(rng=3, like=np.empty(0))))
    assert found.keys() == expected.keys()
    assert_kept(params["W_in"], library, dtype)
    double = cell.init(rng=3, like=np.empty(0, "complex128" if "complex" in dtype else "float64"))
    assert_trees_close(params, double, 100, eps(dtype))


@NUMPY
@every
@dtypes
def test_manifolds_have_the_structure_of_the_parameters(cell, dtype, library):
    params = begin(cell, dtype)
    manifolds = cell.manifolds(params)
    assert manifolds.keys() == params.keys() >= {"W_in", "recurrent"}
    leaves = manifolds["recurrent"]
    if isinstance(params["recurrent"], dict):
        assert leaves.keys() == params["recurrent"].keys()
    assert all(isinstance(m, AbstractManifold) for _, m in tree_items(manifolds))


@pytest.mark.parametrize("recurrent", recurrents(N), ids=str)
def test_fixed_leaves_are_left_alone(recurrent):
    cell = OrthogonalCell(D, N, recurrent=recurrent)
    found = cell.manifolds(begin(cell, "float64"))["recurrent"]
    fixed = getattr(recurrent, "fixed", None)
    free = {k: None if k in fixed else Euclidean() for k in found} if fixed else recurrent
    assert found == free


@NUMPY
@pytest.mark.parametrize("cell", every_cell(1, 1))
@dtypes
def test_one_unit_is_enough(cell, dtype, library, rng):
    params = begin(cell, dtype)
    H, residuals = cell.forward(params, np.ones((T, B, 1), REAL[dtype]))
    grads, dh0 = cell.backward(H, residuals)
    assert H.shape == (T, B, 1)
    assert grads["W_in"].shape == params["W_in"].shape
    assert dh0.shape == (B, cell.state_size)


@NUMPY
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("recurrent", recurrents(5), ids=str)
@dtypes
def test_start_is_the_matrix_that_was_asked_for(recurrent, start, dtype, library):
    cell = OrthogonalCell(D, 5, recurrent=recurrent, start=start)
    W = host(cell.recurrent_forward(begin(cell, dtype)["recurrent"])[0])
    reference = OrthogonalCell(D, 5, recurrent=Orthogonal(), start=start)
    expected = host(begin(reference, dtype)["recurrent"])
    assert orthonormality(W) <= 20 * 5 * eps(dtype)
    assert_close(W, expected, 50 * eps(dtype))


@NUMPY
def test_identity_start_is_the_identity(library):
    cell = OrthogonalCell(D, N, recurrent=Orthogonal(), start="identity")
    assert_close(begin(cell, "float64")["recurrent"], np.eye(N), 0)


@NUMPY
@dtypes
def test_too_few_reflections_start_somewhere_orthogonal(dtype, library):
    cell = OrthogonalCell(D, N, recurrent=CWY(N, k=2))
    W = host(cell.recurrent_forward(begin(cell, dtype)["recurrent"])[0])
    assert orthonormality(W) <= 20 * 3 * eps(dtype)


def test_default_is_cwy_of_the_size():
    assert OrthogonalCell(D, N).recurrent == CWY(N)


@some
@pytest.mark.parametrize("shape", [(T, B, D + 1), (T, B, 1), (B, D)], ids=str)
def test_inputs_of_another_shape_are_refused(cell, shape, library):
    params = cell.init(rng=0, like=library.like())
    name = type(cell).__name__
    with pytest.raises(ValueError, match=rf"`{name}` .*\(T, B, {D}\)") as raised:
        cell.forward(params, library.asarray(np.zeros(shape)))
    assert str(shape) in str(raised.value)


@pytest.mark.parametrize("cls", concrete(rnn, AbstractCell))
@pytest.mark.parametrize(("d", "n"), [(0, 4), (2, 0), (2, -1), (2, 1.5)])
def test_sizes_below_one_are_refused(cls, d, n):
    with pytest.raises(ValueError, match=rf"`{cls.__name__}` needs (input|hidden)_size >= 1") as e:
        cls(d, n)
    assert f"Got {d if d < 1 else n}" in str(e.value)


@pytest.mark.parametrize("recurrent", recurrents(3)[:1], ids=str)
def test_matrix_of_another_size_is_refused(recurrent):
    with pytest.raises(ValueError, match=r"4.*3|3.*4"):
        OrthogonalCell(D, 4, recurrent=recurrent)


def test_unknown_start_is_refused():
    with pytest.raises(ValueError, match=r"`haar`|haar.*orthogonal|'orthogonal'"):
        OrthogonalCell(D, N, start="orthogonal")


@pytest.mark.parametrize("cell", some_cells(activation=Identity()))
def test_no_bias_no_parameter(cell):
    assert "b" not in begin(cell, "float64")


@pytest.mark.parametrize("cell", every_cell(3, 5), ids=str)
def test_integer_seed_is_one_stream_for_all_parameters(cell):
    like = np.empty(0, "complex128" if cell.complex_only else "float64")
    assert_trees_equal(
        cell.init(rng=0, like=like), cell.init(rng=np.random.default_rng(0), like=like)
    )
