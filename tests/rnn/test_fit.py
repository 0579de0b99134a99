"""Training: that it learns, says nothing, and leaves a model behind that can be used."""

import dataclasses

import numpy as np
import pytest

from stiefelkit import optim
from stiefelkit._tree import tree_leaves
from stiefelkit.linalg import OuterProduct
from stiefelkit.manifolds import Orthogonal
from stiefelkit.parametrizations import CWY
from stiefelkit.rnn import (
    AbstractCallback,
    Adding,
    Copying,
    EarlyStopping,
    Model,
    ModReLU,
    OrthogonalCell,
    Target,
    fit,
)

from .._classes import DTYPES, eps
from ._networks import assert_trees_equal, some_cells
from ._runs import CELLS, TASK, adam, model, on_host, train

SIZE = {
    "CWY": {"hidden_size": 24, "recurrent": None},
    "Orthogonal": {"hidden_size": 24},
    "Elman": {"hidden_size": 24, "activation": ModReLU()},
}


@pytest.mark.parametrize(
    ("recurrent", "slow"), [(CWY(64), 1e-3), (Orthogonal(), 3e-4)], ids=["CWY", "Orthogonal"]
)
def test_copying_is_learned(recurrent, slow):
    task = Copying(10, batch_size=16, updates_per_epoch=25)
    cell = OrthogonalCell(10, 64, recurrent=recurrent)
    rule = optim.Partition({"cell/recurrent*": optim.RMSProp(slow), "*": optim.RMSProp(3e-3)})
    network = Model.for_task(cell, task, rng=0)
    run = fit(network, task, rule, epochs=12, rng=0, callbacks=[Target(task.baseline / 10)])
    assert run.history[-1]["validation_loss"] < task.baseline / 10
    assert run.history[-1]["residual"] <= 20 * 64 * eps("float32")
    assert network.evaluate(task.test())["loss"] < task.baseline / 9


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_adding_improves(cell, dtype):
    cell = dataclasses.replace(CELLS[cell], **SIZE[cell])
    task = Adding(10, batch_size=64, updates_per_epoch=100)
    network = Model.for_task(cell, task, rng=0, like=np.empty(0, dtype))
    before = network.evaluate(task.validation())["loss"]
    run = fit(network, task, adam(), epochs=3, rng=0)
    assert run.history[-1]["validation_loss"] < min(before, task.baseline) / 2


@pytest.mark.parametrize("cell", some_cells())
@pytest.mark.parametrize("dtype", DTYPES)
def test_history_has_plain_numbers_of_every_epoch(cell, dtype):
    run = train(cell, epochs=3, like=np.empty(0, dtype))
    names = {"epoch", "step", "loss", "validation_loss", "seconds"}
    names |= {"residual"} if isinstance(cell, OrthogonalCell) else set()
    assert [record["epoch"] for record in run.history] == [1, 2, 3]
    assert [record["step"] for record in run.history] == [3, 6, 9]
    assert {frozenset(record) for record in run.history} == {frozenset(names)}
    assert {type(x) for record in run.history for x in record.values()} == {int, float}
    assert len(run.losses) == TASK.updates_per_epoch
    assert run.history[-1]["loss"] == pytest.approx(np.mean(run.losses), rel=1e-12)


def test_classes_have_an_accuracy():
    run = train(OrthogonalCell(10, 4), task=Copying(1, 256, 1), epochs=1)
    assert {"accuracy", "validation_accuracy"} < run.history[0].keys()
    assert 0 <= run.history[0]["accuracy"] <= 1


@pytest.mark.parametrize("cell", CELLS)
def test_one_seed_gives_one_run(cell):
    first, second, other = (train(cell, seed=seed) for seed in (3, 3, 4))
    assert_trees_equal(on_host(first.model.params), on_host(second.model.params))
    assert first.losses == second.losses != other.losses


def test_generator_goes_on_where_it_was():
    rng = np.random.default_rng(3)
    runs = [fit(model(), TASK, adam(), epochs=1, rng=rng) for _ in range(2)]
    assert runs[0].losses == train(seed=3, epochs=1).losses != runs[1].losses


@pytest.mark.parametrize("cell", CELLS)
def test_nothing_is_printed_or_written(cell, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(cell)
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_fixed_signs_stay():
    network = model(OrthogonalCell(2, 4, start="haar"))
    before = on_host(network.params)["cell"]["recurrent"]
    fit(network, TASK, adam(), epochs=1, rng=0)
    after = network.params["cell"]["recurrent"]
    np.testing.assert_array_equal(after["d"], before["d"])
    assert not np.array_equal(after["V"], before["V"])


def test_no_epochs_change_nothing():
    run = train(epochs=0)
    assert run.history == []
    assert_trees_equal(on_host(run.model.params), on_host(model().params))


@pytest.mark.parametrize("recurrent", [Orthogonal(), CWY(12)], ids=["Orthogonal", "CWY"])
@pytest.mark.parametrize(
    ("rule", "forms"),
    [
        (optim.CoordinateDescent(1e-2), False),
        (optim.CoordinateDescent(1e-2, optim.GreedyMatching()), True),
        (optim.Partition({"cell/recurrent": optim.CoordinateDescent(1e-2), "*": adam()}), False),
        (adam(), True),
    ],
)
def test_weight_gradient_is_formed_for_rules_that_read_it_all(recurrent, rule, forms, monkeypatch):
    calls, dense = [], OuterProduct.dense
    monkeypatch.setattr(OuterProduct, "dense", lambda G: calls.append(1) or dense(G))
    train(OrthogonalCell(2, 12, recurrent=recurrent), rule, epochs=1)
    assert bool(calls) == (forms or isinstance(recurrent, CWY))


@dataclasses.dataclass(frozen=True)
class Breaking(Adding):
    """The adding task, whose third epoch has a NaN."""

    after: int = 2

    def train(self, rng):
        object.__setattr__(self, "after", self.after - 1)
        for i, batch in enumerate(super().train(rng)):
            bad = self.after < 0 and i == 1
            yield batch._replace(inputs=batch.inputs * np.nan) if bad else batch


class Copies(AbstractCallback):
    """Keeps a copy of the parameters after each epoch."""

    def __init__(self):
        self.kept = []

    def epoch(self, run):
        self.kept.append(on_host(run.model.params))


@pytest.mark.parametrize(
    ("cell", "optimizer"),
    [
        *((cell, adam()) for cell in CELLS),
        # Which changes W in its memory.
        (OrthogonalCell(2, 12, recurrent=Orthogonal()), optim.CoordinateDescent(0.1)),
    ],
    ids=str,
)
@pytest.mark.libraries("numpy", "torch")
def test_loss_that_is_not_finite_leaves_the_last_good_parameters(cell, optimizer, library):
    task, copies = Breaking(3, 128, 3), Copies()
    network = model(cell, task, like=library.like())
    with pytest.raises(FloatingPointError, match=r"not finite in epoch 3.*Lower the learning rate"):
        fit(network, task, optimizer, epochs=5, rng=0, callbacks=[copies])
    assert len(copies.kept) == 2
    assert_trees_equal(on_host(network.params), copies.kept[-1])


def test_divergence_is_an_error():
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="not finite"):
        train("Elman", optim.SGD(1e200), epochs=5)


class Recorder(AbstractCallback):
    """Writes down which hooks were called, and stops after an epoch."""

    def __init__(self, stop_after=None):
        self.calls, self.stop_after = [], stop_after

    def start(self, run):
        self.calls.append(("start", run.epoch))

    def update(self, run):
        self.calls.append(("update", run.epoch))

    def epoch(self, run):
        self.calls.append(("epoch", run.epoch))
        run.stop = run.epoch == self.stop_after

    def end(self, run):
        self.calls.append(("end", run.epoch))


@pytest.mark.parametrize("stop_after", [None, 1])
def test_callbacks_are_called_in_order(stop_after):
    recorder = Recorder(stop_after)
    run = train(callbacks=iter([recorder]))
    epochs = stop_after or 2
    expected = [("start", 0)]
    for i in range(epochs):
        expected += [("update", i)] * TASK.updates_per_epoch + [("epoch", i + 1)]
    assert recorder.calls == [*expected, ("end", epochs)]
    assert run.epoch == epochs


def test_early_stopping_needs_a_metric_that_there_is():
    with pytest.raises(ValueError, match=r"no metric `accuracy`.*'loss'"):
        train(callbacks=[EarlyStopping(1, "accuracy")])


@pytest.mark.parametrize("patience", [0, -1])
def test_early_stopping_waits_for_one_epoch_at_least(patience):
    with pytest.raises(ValueError, match=f"`EarlyStopping` needs patience >= 1. Got {patience}"):
        EarlyStopping(patience)


@pytest.mark.parametrize(
    ("metric", "value", "epochs"),
    [("loss", 1e9, 1), ("loss", 0.0, 2), ("accuracy", -1.0, 1), ("accuracy", 1.1, 2)],
)
def test_target_is_approached_from_the_right_side(metric, value, epochs):
    task = Copying(1, 256, 1)
    run = train(OrthogonalCell(10, 4), task=task, callbacks=[Target(value, metric)])
    assert run.epoch == epochs
    assert run.reason == (f"{metric} has reached {value}" if epochs == 1 else "")


def test_last_update_is_checked_too():
    # The only update of the second epoch: its loss is still finite, what it leaves is not.
    task = Adding(4, batch_size=8, updates_per_epoch=1)
    network = Model.for_task(OrthogonalCell(2, 4), task, rng=0)
    broken = optim.SGD(lambda step: 1e-3 if step == 0 else float("nan"))
    with pytest.raises(FloatingPointError, match="epoch 2"):
        fit(network, task, broken, epochs=3, rng=0)
    assert all(np.isfinite(x).all() for x in tree_leaves(network.params))
