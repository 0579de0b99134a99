"""The parts of the experiment `cwy`: their measurements agree, and made-up results are judged."""

import json

import numpy as np
import pytest

from stiefelkit._experiments import EXPERIMENTS, Check, Figure, Table, _curves, _cwy_maps, _cwy_time
from stiefelkit._experiments._cwy_maps import MAPS, MOVING, REFLECTIONS, rule, started, train
from stiefelkit._experiments._cwy_time import APPLIED, COMPACT, EXPONENTIAL, FORMED, IN_STEPS
from stiefelkit.linalg import cwy_apply, cwy_matrix
from stiefelkit.parametrizations import CWY, Householder
from stiefelkit.rnn import Adding, Copying

from .._classes import assert_close

PARTS = {part.name: part for part in EXPERIMENTS["cwy"].parts}
LIKE = np.empty(0)


def present(name, result):
    """Return what a part says of a result, read back from a file."""
    return list(PARTS[name].present(json.loads(json.dumps(result))))


def checks(items):
    return {item.name: item for item in items if isinstance(item, Check)}


def test_parts():
    assert list(PARTS) == ["copying", "adding", "time"]


@pytest.mark.parametrize("n", [1, 5, 8])
def test_all_maps_start_from_one_matrix(n):
    found = [started(Copying(3), name, n, 7, LIKE) for name in MAPS]
    for model in found[1:]:
        assert_close(model.recurrent_matrix(), found[0].recurrent_matrix(), 1e-13)
        assert_close(model.params["cell"]["W_in"], found[0].params["cell"]["W_in"], 0)


@pytest.mark.parametrize("name", MAPS)
def test_base_of_the_moving_map_alone_moves(name, monkeypatch):
    monkeypatch.setattr(_cwy_maps, "REBASE_EVERY", 4)
    kept = {}

    def keep(*args):
        kept["model"] = started(*args)
        return kept["model"]

    monkeypatch.setattr(_cwy_maps, "started", keep)
    task = Adding(3, batch_size=4, updates_per_epoch=4)
    run = train(task, name, 4, rule(1e-2, 1e-2), updates=4, seed=1, like=LIKE)
    leaves = kept["model"].params["cell"]["recurrent"]
    assert np.any(leaves.get("A", 1.0)) == (name != MOVING)
    assert run["residual"] < 1e-13


def test_curves_end_at_their_level():
    task = Adding(3, batch_size=4)
    options = {"updates": 25, "seed": 1, "like": LIKE}
    run = train(task, REFLECTIONS, 4, rule(1e-3, 1e-3), target=1e9, **options)
    assert len(run["loss"]) == 10
    run["seconds"] = [1.0] * 25
    binned = _curves.binned({**run, "loss": [2.0] * 25})
    assert binned == {"loss": [2.0] * 3, "update": [10, 20, 25], "seconds": [10, 20, 25]}


def test_both_recurrences_have_one_gradient(rng):
    V, Z, G = (rng.standard_normal(s) for s in ((6, 2), (4, 3, 6), (4, 3, 6)))
    d = np.asarray([1.0, -1, 1, 1, -1, 1])
    dW = _cwy_time.run_formed(cwy_matrix(V) * d, Z, G)
    expected = _cwy_time.build(CWY(6, k=2), {"V": V, "d": d}, dW)
    assert_close(_cwy_time.run_applied(V, d, Z, G), expected, 1e-12)


def test_reflections_one_by_one_are_the_same_map(rng):
    V, X, G = (rng.standard_normal(s) for s in ((5, 5), (5, 3), (5, 5)))
    expected = cwy_apply.backward(X, cwy_apply.forward(V, X)[1])[0]
    assert_close(_cwy_time.reflect_once(V, X), expected, 1e-12)
    both = [
        _cwy_time.build(map_, {"V": V, "d": np.ones(5)}, G) for map_ in (CWY(5), Householder(5))
    ]
    assert_close(both[1], both[0], 1e-12)


def test_times_are_sums_and_multiples(monkeypatch):
    def best(calls, budget):
        for call in calls.values():
            assert np.all(np.isfinite(call()))
        return {name: float(k + 1) for k, name in enumerate(calls)}

    monkeypatch.setattr(_cwy_time, "_best", best)
    row = _cwy_time.compare_maps(4, 5, 2, True, LIKE, 0)
    assert row["build"] == {COMPACT: 1, "Cayley": 2, EXPONENTIAL: 5, "one by one": 6}
    assert row["total"][COMPACT] == 1 + row["loop"] == 5
    assert row["total"][IN_STEPS] == 5 * 3
    assert EXPONENTIAL not in _cwy_time.compare_maps(4, 5, 2, False, LIKE, 0)["build"]
    few = _cwy_time.compare_counts(32, 5, 2, [2, 32], LIKE, 0)
    assert few == {FORMED: [3, 3], APPLIED: [3, 3], "chosen": [3, 3]}


def copying(reached):
    curve = {"loss": [0.5, 0.01], "update": [10, 20], "seconds": [1.0, 2.0], "step": 0.1,
             "residual": 1e-6}  # fmt: skip
    curves = {name: {**curve, "reached": reached.get(name)} for name in MAPS}
    case = {"baseline": 0.2, "rate": 1e-4, "bound": 200, "limit": 400, "curves": curves}
    return {"n": 190, "delays": {"100": case, "1000": {**case, "bound": 1000}}}


@pytest.mark.parametrize(("reached", "passed"), [(150, [1, 1]), (300, [0, 1]), (None, [0, 0])])
def test_copying_is_judged_by_the_updates_of_compact_wy(reached, passed):
    items = present("copying", copying({REFLECTIONS: reached}))
    found = checks(items)
    assert [check.passed for check in found.values()] == [bool(p) for p in passed]
    assert all("of CWY to 0.1" in name for name in found)
    figure = next(item for item in items if isinstance(item, Figure))
    assert [panel.x for panel in figure.panels] == ["update", "seconds"] * 2
    table = next(item for item in items if isinstance(item, Table))
    assert len(table.rows) == 8
    assert {len(row) for row in table.rows} == {len(table.header)}


@pytest.mark.parametrize(("final", "passed"), [(0.009, True), (0.011, False)])
def test_adding_is_judged_by_the_last_errors(final, passed):
    curve = {"error": [0.2, final], "update": [100, 200], "seconds": [1.0, 2.0], "final": final,
             "residual": 1e-6}  # fmt: skip
    result = {"n": 64, "rate": 1e-3, "bound": 0.01, "baseline": 1 / 6, "curves": {"100": curve}}
    items = present("adding", result)
    assert [c.passed for c in checks(items).values()] == [passed]
    table = next(item for item in items if isinstance(item, Table))
    assert table.rows[0][:3] == (100, final, pytest.approx(6 * final))


def times(slow=1.0):
    def row(s, exponential=True):
        build = {COMPACT: 0.1 * s, "Cayley": 0.1 * s, "one by one": 1.0 * s}
        build |= {EXPONENTIAL: 0.6 * s} if exponential else {}
        return {"build": build, "total": {**build, IN_STEPS: 2.0 * s * slow}, "loop": 0.0}

    few = {FORMED: [4.0, 4.0], APPLIED: [1.0, 8.0], "chosen": [1.0, 4.0]}
    bounds = {"steps": 10, "exponential": 5, "few": 0.5, "chosen": 1.3}
    return {"T": 9, "B": 2, "sizes": [4, 8], "rows": [row(4), row(8, False)], "judged": 8,
            "most": 4, "few": few, "counts": [2, 8], "k": 2, "bounds": bounds}  # fmt: skip


def test_times_are_judged_by_ratios():
    items = present("time", times())
    found = [check.value for check in checks(items).values()]
    assert found == pytest.approx([20, 6, 0.25, 1])
    assert all(check.passed for check in checks(items).values())
    figure = next(item for item in items if isinstance(item, Figure))
    assert figure.panels[0].lines[EXPONENTIAL] == ([4], [pytest.approx(2.4)])
    assert IN_STEPS in figure.panels[1].lines
    build, total, few = (item for item in items if isinstance(item, Table))
    assert build.rows[1][build.header.index(EXPONENTIAL)] is None
    assert total.rows[1][total.header.index(IN_STEPS)] == 16
    assert few.rows[0] == (2, 4, 1, 1)


def test_slow_compact_wy_fails():
    found = list(checks(present("time", times(slow=0.4))).values())
    assert [check.passed for check in found] == [False, True, True, True]


def test_wrong_choice_fails():
    result = times()
    result["few"]["chosen"] = [4.0, 4.0]
    assert [c.passed for c in checks(present("time", result)).values()][2:] == [False, False]
