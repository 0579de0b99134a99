"""The experiments of the unitary evolution RNN: their helpers, and what made-up results say."""

import math

import numpy as np
import pytest

from stiefelkit._experiments import EXPERIMENTS, Check, Figure, Setting, Table
from stiefelkit._experiments import _urnn_digits as digits
from stiefelkit._experiments import _urnn_networks as networks
from stiefelkit._experiments import _urnn_step as step
from stiefelkit._experiments._report import draw
from stiefelkit.optim import ClipValue
from stiefelkit.rnn import Adding, Copying, ElmanCell, LSTMCell, UnitaryCell

LIKE = np.empty(0, "float32")
PARTS = {part.name: part for part in EXPERIMENTS["urnn"].parts}


@pytest.fixture(scope="module")
def task():
    return digits.Digits(validation_size=0.0)


def curve(final, reached):
    return {
        "units": 4, "parameters": 100, "loss": [1.0, final], "update": [10.0, 20.0],
        "seconds": [1.0, 2.0], "final": final, "reached": reached,
    }  # fmt: skip


def copying(reached):
    curves = {name: curve(0.01, reached[0]) for name in ("uRNN", "LSTM", "Elman")}
    found = {"baseline": 0.2, "cap": 300, "reached": reached, "curves": curves}
    return {"delays": {"100": found}}


def adding(final):
    curves = {"uRNN": curve(final, None), "LSTM": curve(0.1, None)}
    return {"length": 100, "baseline": 1 / 6, "bound": 0.3, "curves": curves}


def of_digits(accuracy, parameters=100):
    run = {"units": 4, "parameters": 100, "accuracy": [0.5, accuracy], "final": accuracy}
    runs = {"uRNN": run, "LSTM": {**run, "parameters": parameters, "final": 0.1}}
    return {"epochs": 2, "bound": 0.9, "orders": {"digits": runs}}


def of_steps(power):
    units = [128, 1024, 2048, 4096]
    names = (step.FFT, step.BOTH, step.DENSE)
    powers = dict(zip(names, (power, 1.0, 2.0), strict=True))
    seconds = {name: [1e-9 * n**p for n in units] for name, p in powers.items()}
    return {"units": units, "seconds": seconds, "from": 1024}


RESULTS = {
    "all-within": ("copying", copying([144, 155]), []),
    "one-too-late": ("copying", copying([144, 301]), ["updates of the uRNN to a tenth, T = 100"]),
    "one-never": ("copying", copying([144, None]), ["updates of the uRNN to a tenth, T = 100"]),
    "learned": ("adding", adding(0.04), []),
    "at-the-baseline": ("adding", adding(0.16), ["error of the uRNN over that of the answer 1"]),
    "not-a-number": ("adding", adding(math.nan), ["error of the uRNN over that of the answer 1"]),
    "recognized": ("digits", of_digits(0.95), []),
    "guessed": ("digits", of_digits(0.1), ["accuracy of the uRNN, digits"]),
    "unequal": ("digits", of_digits(0.95, 94), ["largest difference in the number of parameters"]),
    "loglinear": ("step", of_steps(1.1), []),
    "too-steep": ("step", of_steps(1.4), ["slope of a step by transforms, from n = 1024"]),
}


@pytest.mark.parametrize(
    ("part", "result", "failed"), [pytest.param(*case, id=k) for k, case in RESULTS.items()]
)
def test_verdicts_are_those_of_the_numbers(part, result, failed):
    items = list(PARTS[part].present(result))
    assert [i.name for i in items if isinstance(i, Check) and not i.passed] == failed
    assert any(isinstance(i, Figure) for i in items)
    tables = [i for i in items if isinstance(i, Table)]
    assert all(len(table.header) == len(row) for table in tables for row in table.rows)
    assert tables


@pytest.mark.parametrize("case", ["all-within", "learned", "recognized", "loglinear"])
def test_pictures_are_drawn(case, tmp_path):
    part, result, _ = RESULTS[case]
    for figure in (i for i in PARTS[part].present(result) if isinstance(i, Figure)):
        draw(figure, str(tmp_path))
    assert (tmp_path / f"{part}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("cell", "task", "count"),
    [
        (UnitaryCell(10, 128), Copying(), 6153),
        (UnitaryCell(2, 512), Adding(), 8193),
        (LSTMCell(10, 40), Copying(), 4 * 40 * (10 + 40 + 1) + 9 * 41),
        (ElmanCell(10, 80), Copying(), 80 * (10 + 80 + 1) + 9 * 81),
    ],
    ids=["copying", "adding", "LSTM", "Elman"],
)
def test_complex_parameters_count_as_two(cell, task, count):
    assert networks.count_parameters(networks.make_model(cell, task, 0, LIKE).params) == count


@pytest.mark.parametrize("n", [64, 128])
def test_networks_of_the_digits_have_equal_numbers_of_parameters(n, task):
    def count(cell):
        model = networks.make_model(cell, task, 0, LIKE)
        return networks.count_parameters(model.params)

    wanted = count(UnitaryCell(1, n))
    for make in digits._MAKERS.values():
        best = networks.closest_size(make, task, wanted, LIKE)
        away = [abs(count(make(k)) - wanted) for k in (best - 1, best, best + 1)]
        assert away[1] == min(away)
        assert away[1] <= 0.05 * wanted


def test_only_the_others_are_clipped():
    assert networks.rule_for(UnitaryCell(1, 2)) == networks.RULE
    for cell in (LSTMCell(1, 2), ElmanCell(1, 2)):
        assert networks.rule_for(cell) == ClipValue(networks.RULE, 1.0)


def test_a_curve_ends_at_its_target():
    task = Copying(3, batch_size=20)
    found = networks.measure_curve(
        UnitaryCell(10, 16), task, LIKE, updates=400, rng=0, target=task.baseline
    )
    assert found["final"] < task.baseline
    assert found["update"][-1] < 400
    assert found["reached"] is None
    assert len(found["loss"]) == len(found["update"]) == len(found["seconds"])


def test_steps_that_are_timed_are_steps_of_the_network():
    calls = step._calls(8, 0, np.empty(0, "complex64"))
    shapes = {name: call().shape for name, call in calls.items()}
    assert shapes[step.DENSE] == (20, 8)
    assert shapes[step.FFT] == (10, 20, 8)


def test_digits_are_recognized_better_than_by_guessing(task):
    setting = Setting(True, 0, LIKE)
    found = digits._train("uRNN", UnitaryCell(1, 24), task, 2, setting)
    assert len(found["accuracy"]) == 2
    assert found["final"] == pytest.approx(np.mean(found["accuracy"]))
    assert found["final"] > 0.2
