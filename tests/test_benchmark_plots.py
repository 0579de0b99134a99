"""Pictures of asv's results, of a folder as asv writes it."""

import importlib.util
import json
import pathlib

import pytest

pytest.importorskip("matplotlib")
SCRIPT = pathlib.Path(__file__).parents[1] / "asv_bench" / "plot_results.py"
COLUMNS = ["result", "params", "version", "started_at", "duration"]


@pytest.fixture
def plots():
    spec = importlib.util.spec_from_file_location("plot_results", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


@pytest.fixture
def results(tmp_path):
    """Return a folder of two commits, whose files are not in the order of their dates."""
    machine = tmp_path / "results" / "here"
    machine.mkdir(parents=True)
    (machine / "machine.json").write_text('{"machine": "here", "version": 1}')
    for commit, date, times in (("b" * 40, 1000, [1.0, None]), ("a" * 40, 2000, [2.0, 4.0])):
        rows = {"maps.time": [times, [["'CWY'", "'TCWY'"]], "v"], "dispatch.time": [[0.5], [], "v"]}
        record = {"commit_hash": commit, "date": date, "result_columns": COLUMNS, "results": rows}
        (machine / f"{commit[:8]}-env.json").write_text(json.dumps(record))
    return tmp_path / "results"


def test_results_are_read_by_commit_and_parameters(plots, results):
    found = plots.read(results)
    first, second = (1000, "b" * 8), (2000, "a" * 8)
    assert {label: sorted(points) for label, points in found["here", "maps.time"].items()} == {
        "CWY": [(*first, 1.0), (*second, 2.0)],
        "TCWY": [(*second, 4.0)],
    }
    assert sorted(found["here", "dispatch.time"][""]) == [(*first, 0.5), (*second, 0.5)]


@pytest.mark.parametrize(
    ("only", "names"),
    [("", ["here-dispatch.time", "here-maps.time"]), ("maps.*TCWY", ["here-maps.time"])],
)
@pytest.mark.parametrize(("kind", "head"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_each_benchmark_has_a_picture(plots, results, tmp_path, only, names, kind, head):
    out = tmp_path / "pictures"
    given = {"--results": results, "--only": only, "--out": out, "--format": kind}
    plots.main([str(part) for pair in given.items() for part in pair])
    assert sorted(path.stem for path in out.iterdir()) == names
    assert all(path.read_bytes().startswith(head) for path in out.iterdir())


def test_no_results_are_an_error(plots, results, capsys):
    with pytest.raises(SystemExit):
        plots.main(["--results", str(results), "--only", "absent"])
    assert "no result of asv whose name matches 'absent'" in capsys.readouterr().err
