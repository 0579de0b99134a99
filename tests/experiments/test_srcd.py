"""Coordinate descent on networks and problems: the pieces, and what results come to."""

import math

import numpy as np
import pytest

from stiefelkit._experiments import Check, Figure, Note, Setting, Table
from stiefelkit._experiments import _srcd_copying as copying
from stiefelkit._experiments import _srcd_digits as digits
from stiefelkit._experiments import _srcd_drift as drift
from stiefelkit._experiments import _srcd_learning as learning
from stiefelkit._experiments import _srcd_rules as rules
from stiefelkit._experiments import _srcd_update as update
from stiefelkit._experiments._curves import train_curve
from stiefelkit.optim import SGD, Uniform
from stiefelkit.rnn import CopyingAtMarker

from .._classes import assert_close, orthonormality

LIKE = np.empty(0)
SETTING = Setting(True, 0, LIKE)
TASK = CopyingAtMarker(2, batch_size=3)
NAMES = pytest.mark.parametrize("name", rules.NAMES)


def items(present, result, kind):
    return [item for item in present(result) if isinstance(item, kind)]


def failed(present, result):
    return [check.name for check in items(present, result, Check) if not check.passed]


@NAMES
@pytest.mark.parametrize("normalized", [False, True])
def test_every_rule_moves_the_network_and_keeps_the_matrix_orthogonal(name, normalized):
    model = copying.published_start(TASK, 6, 0, LIKE)
    start = model.params
    rule = rules.rule_for_network(name, 0.1, SGD(0.1), normalized=normalized)
    run = train_curve(model, TASK, rule, updates=3, rng=0)
    assert run["residual"] < 1e-13
    moved = np.abs(model.params["cell"]["recurrent"] - start["cell"]["recurrent"]).max()
    assert (moved == 0) == (name == rules.FROZEN)
    assert np.abs(model.params["cell"]["W_in"] - start["cell"]["W_in"]).max() > 0


def test_normalized_descent_by_all_entries_follows_the_gradient():
    W, G = np.eye(4), np.random.default_rng(0).standard_normal((4, 4))
    omega = (G - G.T) / 2
    rule = rules.rule_for_matrix(rules.SRGD, 1e-6, normalized=True)
    Y, _ = rule.update(G, rule.init(W, rules.GROUP), W)
    square = np.mean(omega[~np.eye(4, dtype=bool)] ** 2)
    assert_close(Y - W, -1e-6 * omega / square**0.5, 1e-11)


def test_the_published_start():
    model = copying.published_start(TASK, 300, 0, LIKE)
    cell, readout = model.params["cell"], model.params["readout"]
    assert set(cell) == {"W_in", "recurrent", "b"}
    # Five standard deviations of an estimate from 3000 and 2700 numbers.
    assert np.std(cell["W_in"]) == pytest.approx((2 / 10) ** 0.5, rel=0.065)
    assert np.std(readout["U"]) == pytest.approx((2 / 300) ** 0.5, rel=0.07)
    assert 0.009 < np.abs(cell["b"]).max() <= 0.01
    assert orthonormality(copying.published_start(TASK, 9, 0, LIKE, haar=True)
                          .params["cell"]["recurrent"]) < 1e-14  # fmt: skip


def test_rotations_through_the_cayley_transform():
    W = copying.cayley_rotations(5, np.random.default_rng(3), LIKE)
    u, A = np.random.default_rng(3).uniform(-math.pi, math.pi, 2), np.zeros((5, 5))
    A[0, 1], A[1, 0], A[2, 3], A[3, 2] = u[0], -u[0], u[1], -u[1]
    assert_close(W, np.linalg.solve(np.eye(5) + A, np.eye(5) - A), 1e-14)


@pytest.mark.parametrize("make", [learning.procrustes_instance, learning.diagonalization_instance])
@pytest.mark.parametrize("seed", range(4))
def test_the_least_value_can_be_reached_from_the_start(make, seed):
    problem, W = make(6, seed, LIKE)
    best = problem.minimizer(W)
    assert orthonormality(W) < 1e-13
    assert np.linalg.det(W) * np.linalg.det(best) > 0 or make is learning.diagonalization_instance
    assert problem.value(best) == pytest.approx(float(problem.optimum(W)), abs=1e-12)
    assert problem.value(W) > 1e-2 + problem.value(best)


def test_gap_of_a_frozen_matrix_stays_and_of_a_moved_one_falls():
    problem, W = learning.procrustes_instance(5, 0, LIKE)
    kept = learning.gap_curve(problem, W, rules.Frozen(), 50, 0)
    assert_close(np.asarray(kept["value"]), np.ones(len(kept["value"])), 1e-12)
    assert (kept["update"][0], kept["update"][-1]) == (1, 50)
    moved = learning.gap_curve(problem, W, rules.rule_for_matrix(rules.SRGD, 0.5), 200, 0)
    assert np.all(np.diff(moved["value"]) <= 1e-14)
    assert abs(moved["value"][-1]) < 1e-9


def test_repairs_bound_what_rounding_adds_up():
    kept, lost = (
        drift.residuals(rule, 3, 2000, SETTING) for rule in (Uniform(), drift.Unrepaired())
    )
    assert len(kept) == len(lost) == 100
    assert max(kept[50:]) < max(lost[50:]) < 1e-12


def test_times_of_updates_and_iterations():
    dense = update._update_times(6, 4, True, 0.0, SETTING)
    assert set(dense) - set(update._update_times(6, 4, False, 0.0, SETTING)) == {rules.SRGD}
    found = update._iteration_times(6, 2, 0.0, SETTING)
    assert min(*dense.values(), *found.values()) > 0
    assert {"factors", "dense", "SRGD"} < set(found)


def curve(values=(3.0, 2.0)):
    return {"value": list(values), "update": [1.0, 2.0], "seconds": [0.1, 0.2]}


def published(**last):
    curves = {
        name: {**curve(), "first": 3.0, "last": last.get(name, 2.0), "residual": 1e-6}
        for name in rules.NAMES
    }
    return {"baseline": 0.5, "budget": 2e-6, "updates": 20, "curves": curves}


def test_copying_as_published():
    assert failed(copying._present_published, published()) == []
    found = failed(copying._present_published, published(uniform=2.5))
    assert found == ["largest loss over that of W frozen"]
    assert len(failed(copying._present_published, published(cyclic=math.nan))) >= 1
    (table,) = items(copying._present_published, published(), Table)
    assert len(table.rows) == len(rules.NAMES)


def test_copying_with_rmsprop():
    result = {
        **{"baseline": 0.5, "part": 0.1, "bound": 350, "limit": 400},
        "curves": {name: curve() for name in rules.NAMES},
        "updates": {name: [200, 300] for name in rules.NAMES},
        "seconds": dict.fromkeys(rules.NAMES, 1.0),
    }
    assert failed(copying._present_rmsprop, result) == []
    result["updates"]["uniform"] = [200, None]
    assert failed(copying._present_rmsprop, result) == ["most updates to 0.1 of it, uniform"]
    notes = [note.text for note in items(copying._present_rmsprop, result, Note)]
    assert [text[:5] for text in notes if "misses" in text] == ["Run 2"]


def test_learning():
    curves = {name: curve((0.5, 0.05)) for name in (*rules.RULES, rules.SRGD)}
    result = {"n": 4, "bounds": {"uniform": 0.1}, "problems": {"Procrustes": curves}}
    assert failed(learning._present, result) == []
    assert items(learning._present, result, Table)[0].rows[0][3:5] == (2.0, 0.2)
    curves["Gauss-Southwell"] = curve((0.5, 0.4))
    found = failed(learning._present, result)
    assert found == ["gap, Procrustes, Gauss-Southwell over uniform"]
    assert items(learning._present, result, Table)[0].rows[3][3:5] == (None, None)


def test_digits():
    result = {
        **{"n": 8, "bound": 0.8},
        "curves": {name: curve() for name in rules.NAMES},
        "accuracy": {str(k): {name: [0.3 * k, 0.8] for name in rules.NAMES} for k in (1, 3)},
    }
    assert failed(digits._present, result) == []
    result["accuracy"]["3"]["uniform"] = [0.7, 0.8]
    assert failed(digits._present, result) == ["mean accuracy after 3 epochs, uniform"]


def test_slopes_of_updates():
    sizes = [256, 512, 1024]
    times = {name: [1e-6 * n for n in sizes] for name in (update._PULLBACK, update._COLUMNS)}
    times[rules.SRGD] = [1e-9 * n**3 for n in sizes[:2]]
    result = {"sizes": sizes, "rows": 4, "times": times, "quick": False}
    assert failed(update._present_update, result) == []
    times[rules.SRGD] = [1e-9 * n**2 for n in sizes[:2]]
    times[update._COLUMNS] = [1e-9 * n**2 for n in sizes]
    assert len(failed(update._present_update, result)) == 2


def test_iteration_and_drift():
    names = ("factors", "dense", "SRGD", "gradient, factors", "gradient, dense")
    row = dict(zip(names, (0.7, 1.0, 9.0, 0.6, 0.9), strict=True))
    result = {"rows": [{"n": 8, **row}], "bound": 0.78}
    assert failed(update._present_iteration, result) == []
    assert len(failed(update._present_iteration, {**result, "bound": 0.6})) == 1
    runs = {"with repairs": [1.0] * 100, "without": [9.0] * 100}
    result = {"n": 3, "updates": 200, "every": 50, "budget": 2.0, "runs": runs}
    assert failed(drift._present, result) == []
    assert len(failed(drift._present, {**result, "budget": 0.5})) == 1


def test_panels_hold_few_curves():
    figures = items(copying._present_published, published(), Figure)
    assert all(len(panel.lines) <= 6 for figure in figures for panel in figure.panels)
    shown = {name for figure in figures for panel in figure.panels for name in panel.lines}
    assert shown == set(rules.NAMES)
