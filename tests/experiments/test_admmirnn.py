"""The experiments of training by alternating directions: helpers, and what made-up results say."""

import math

import numpy as np
import pytest

from stiefelkit._experiments import EXPERIMENTS, Check, Figure, Setting, Table
from stiefelkit._experiments import _admm_characters as characters
from stiefelkit._experiments import _admm_digits as digits
from stiefelkit._experiments import _admm_divergence as divergence
from stiefelkit._experiments import _admm_lagrangian as lagrangian
from stiefelkit._experiments import _admm_runs as runs
from stiefelkit._experiments._report import draw
from stiefelkit.optim import SGD
from stiefelkit.rnn import ADMM, Batch
from stiefelkit.rnn._admm_sweep import start, sweep

SETTING = Setting(True, 0, np.empty(0, np.float32))


def items(present, result, kind):
    return [item for item in present(result) if isinstance(item, kind)]


def small_batch(rng, classes=3):
    return Batch(rng.standard_normal((3, 12, 2)), rng.integers(0, classes, 12))


def small_network(at="last"):
    return runs.network((2, 4, 3), at, 1.0, 0, np.empty(0))


@pytest.mark.parametrize("scale", [0.1, 3.0])
def test_weights_start_with_the_spread_wanted_and_in_double_precision(scale):
    for part in EXPERIMENTS["admmirnn"].parts:
        assert part.adapt(SETTING).like.dtype == np.float64
    params = runs.network((50, 200, 100), "last", scale, 0, np.empty(0)).params
    for x, count in (
        (params["cell"]["W_in"], 50),
        (params["cell"]["recurrent"], 200),
        (params["readout"]["U"], 200),
    ):
        assert x.dtype == np.float64
        # The standard deviation of 10^4 draws is known to 1 / sqrt(2 10^4), five times here.
        assert np.std(x) * count**0.5 == pytest.approx(scale, rel=5 / 2e4**0.5)
    assert not np.any(params["cell"]["c"])
    assert not np.any(params["readout"]["u"])


class OneBatch:
    """A task of one batch."""

    def __init__(self, batch):
        self.batch, self.baseline, self.updates_per_epoch = batch, None, 1

    def train(self, rng):
        yield self.batch

    def validation(self):
        return []


@pytest.mark.parametrize("rule", [runs.RESET, SGD(0.1)], ids=["ADMM", "SGD"])
def test_a_run_has_the_scores_of_every_epoch(rng, rule):
    batch, model = small_batch(rng), small_network()
    run = runs.train(rule, model, OneBatch(batch), [batch], 3, 0)
    assert len(run["loss"]) == len(run["accuracy"]) == len(run["seconds"]) == 3
    assert run["finite"]
    assert run["held"][-1] == pytest.approx(model.evaluate([batch])["loss"])
    assert run["seconds"] == sorted(run["seconds"])
    assert ("r1" in run) is isinstance(rule, ADMM)


def test_a_run_ends_at_its_limit_of_seconds_and_where_it_is_not_finite(rng):
    batch = small_batch(rng)
    assert (
        len(runs.train(SGD(0.1), small_network(), OneBatch(batch), [batch], 9, 0, 0.0)["loss"]) == 1
    )
    with np.errstate(all="ignore"):
        run = runs.train(SGD(1e308), small_network(), OneBatch(batch), [batch], 9, 0)
    assert not run["finite"]
    assert len(run["loss"]) < 9


@pytest.mark.parametrize("admm", [runs.RESET, runs.TEXTBOOK], ids=lambda admm: admm.variant)
def test_the_trace_ends_each_sweep_with_the_value_that_the_sweep_reports(rng, admm):
    batch, model = small_batch(rng), small_network()
    values = lagrangian.trace(admm, model, batch, 3)
    # At the start, o, s and a of three steps, two blocks of weights.
    assert [len(v) for v in values] == [1 + 1 + 2 * 3 + 2] * 3
    slots, params = start(admm, model, batch.inputs), model.params
    for found in values:
        params, slots, numbers = sweep(admm, model, params, slots, batch)
        assert found[-1] == pytest.approx(numbers["lagrangian"], rel=1e-13)
    assert lagrangian.rise(values, weights=False) < 1e-13


def test_rises_are_told_apart():
    values = [[4.0, 2.0, 3.0, 2.0, 5.0], [4.0, 3.0, 2.0, 1.0, 0.5]]
    assert lagrangian.rise(values, weights=False) == 0.5
    assert lagrangian.rise(values, weights=True) == 1.5


def made_up_lagrangian(increase):
    found = {"variables": increase, "weights": -0.1}
    names = ("reset", "textbook")
    return {
        "sweeps": 2,
        "eps": 2e-16,
        "rises": dict.fromkeys(names, found),
        "traces": {name: [[3.0, 2.5, 2.0], [2.2, 2.1, 1.0]] for name in names},
    }


@pytest.mark.parametrize(("increase", "passed"), [(1e-15, True), (1e-6, False)])
def test_an_increase_fails(increase, passed):
    checks = items(lagrangian.LAGRANGIAN.present, made_up_lagrangian(increase), Check)
    assert [check.passed for check in checks] == [passed, passed, True]


def test_the_whole_residual_counts_every_entry():
    run = {"r1": [1.0, 0.0], "r2": [1.0, 0.0], "r3": [1.0, 2.0]}
    found = digits.whole_residual(run, 4)
    assert found == pytest.approx([(2 * 8 * 4 + 10) ** 0.5, 40**0.5])


def made_up_digits(accuracy, residual):
    sweeps = 30
    run = {
        "accuracy": [accuracy] * sweeps, "loss": [0.1] * sweeps, "finite": True,
        "seconds": [0.1 * k for k in range(1, sweeps + 1)],
        **{name: [1.0] * (sweeps - 1) + [residual] for name in runs.RESIDUALS},
    }  # fmt: skip
    return {
        "n": 4,
        "runs": {name: [run, run] for name in runs.rules()},
        "marks": [[20, 0.9]],
        "compared": 25,
        "residual": 1e-3,
    }


def test_accuracy_and_residuals_are_judged(tmp_path):
    present = digits.DIGITS.present
    for accuracy, residual in ((0.95, 5e-4), (0.85, 5e-3)):
        checks = items(present, made_up_digits(accuracy, residual), Check)
        assert [check.passed for check in checks] == [accuracy > 0.9, residual < 1e-3]
        assert [check.value for check in checks] == pytest.approx([accuracy, residual])
    for figure in items(present, made_up_digits(0.95, 5e-4), Figure):
        draw(figure, str(tmp_path))
        assert (tmp_path / f"{figure.name}.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("last", "finite", "expected"),
    [(1.0, True, False), (19.0, True, False), (21.0, True, True), (math.nan, True, True),
     (1.0, False, True)],
)  # fmt: skip
def test_divergence_is_ten_times_the_first_loss_or_no_number(last, finite, expected):
    assert divergence.diverged({"first": 2.0, "last": last, "finite": finite}) is expected


def test_diverged_and_stuck_runs_are_counted():
    good = {"first": 2.0, "last": 0.1, "accuracy": 0.9, "held": 0.8, "finite": True}
    bad = {**good, "finite": False, "accuracy": 0.2}
    entries = [{**good, "scale": 0.01}, *({**bad, "scale": scale} for scale in (0.1, 1.0, 3.0))]
    result = {"n": 4, "epochs": 2, "runs": {"ADMM reset": entries, "SGD 1": entries[:1] * 4}}
    result["runs"]["SGD 1"] = [{**good, "scale": entry["scale"]} for entry in entries]
    (check,) = items(divergence.DIVERGENCE.present, result, Check)
    assert (check.value, check.passed) == (3, False)
    (table,) = items(divergence.DIVERGENCE.present, result, Table)
    assert table.rows[0][:4] == ("ADMM reset", 3, 3, 0.8)
    assert table.rows[1][:3] == ("SGD 1", 0, 0)


def test_windows_are_the_same_in_every_epoch():
    task = characters.Windows(5, 200, 0, 1)
    first, second = (
        np.concatenate([b.targets for b in task.train(np.random.default_rng(k))], axis=1)
        for k in (0, 1)
    )
    assert first.shape == (5, 192)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(np.sort(first.ravel()), np.sort(second.ravel()))
    assert 2 < task.unigram() < math.log(task.output_size)


def test_held_out_loss_is_judged_by_the_unigram_entropy(tmp_path):
    run = {"held": [4.0, 2.5], "seconds": [1.0, 2.0], "loss": [4.0, 2.0]}
    result = {
        "n": 4, "length": 5, "count": 9, "sweeps": 2, "unigram": 3.0, "bound": 0.85,
        "runs": {"ADMM": run, "Adam 1e-3": run},
    }  # fmt: skip
    (check,) = items(characters.CHARACTERS.present, result, Check)
    assert check.value == pytest.approx(2.5 / 3)
    assert check.passed
    (figure,) = items(characters.CHARACTERS.present, result, Figure)
    draw(figure, str(tmp_path))
    assert (tmp_path / "characters.png").stat().st_size > 0
