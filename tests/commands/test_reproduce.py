"""`stiefelkit reproduce`, on an experiment that takes no time."""

import json

import numpy as np
import pytest

from stiefelkit import _commands
from stiefelkit.__main__ import main
from stiefelkit._experiments import (
    Check,
    Experiment,
    Figure,
    Note,
    Panel,
    Part,
    Setting,
    Table,
    measure_part,
    read_part,
)

from ._command import refused


def present(result):
    lines = {"loss": ([1.0, 2.0], result["loss"])}
    yield Note("A sentence.")
    yield Table("Results", ("rule", "updates"), (("uniform", 12), ("none", None)))
    yield Figure("curves", (Panel("Loss", "update", "loss", lines, {"level": 0.1}, "y"),))
    yield Check("loss at the end", result["loss"][-1], 0.5)
    yield Check("seed", result["seed"], 3, at_least=True)


@pytest.fixture
def measured(monkeypatch):
    """The settings under which parts were measured, in order."""
    settings = []

    def measure(setting):
        settings.append(setting)
        return {"loss": [1.0, 0.25], "seed": setting.seed, "never": None}

    parts = tuple(Part(name, f"Part {name}", measure, present) for name in ("one", "two"))
    table = {"toy": Experiment("toy", "A toy", parts)}
    monkeypatch.setattr(_commands._reproduce, "EXPERIMENTS", table)
    return settings


def reproduce(folder, *options):
    return main(["reproduce", "toy", "--out", str(folder), *options])


def test_a_report_has_tables_pictures_and_verdicts(tmp_path, measured, capsys):
    assert reproduce(tmp_path, "--seed", "3") == 0
    out = capsys.readouterr().out
    assert out.count("PASS") == 4
    assert "4 of 4 passed" in out
    report = (tmp_path / "report.md").read_text()
    for words in ("# A toy", "## Part two", "| uniform | 12 |", "| none | – |", "(curves.png)"):
        assert words in report
    assert "- `PASS  loss at the end: 0.25 (wanted <= 0.5)`" in report
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_figure_that_misses_its_bound_fails_the_command(tmp_path, measured, capsys):
    assert reproduce(tmp_path, "--seed", "1") == 1
    assert "FAIL  seed: 1 (wanted >= 3)" in capsys.readouterr().out


def test_what_was_never_reached_fails():
    assert not Check("updates", None, 200).passed
    assert "never" in str(Check("updates", None, 200))


def test_measured_parts_are_kept(tmp_path, measured):
    reproduce(tmp_path)
    reproduce(tmp_path)
    assert len(measured) == 2


def test_one_part_is_measured_again(tmp_path, measured):
    reproduce(tmp_path, "--part", "two")
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["two.json"]
    reproduce(tmp_path)
    reproduce(tmp_path, "--part", "one", "--seed", "0")
    assert len(measured) == 3
    assert "Part two" in (tmp_path / "report.md").read_text()


def test_the_setting_reaches_the_measurement(tmp_path, measured):
    reproduce(tmp_path, "--quick", "--seed", "5", "--dtype", "float64")
    assert (measured[0].quick, measured[0].seed) == (True, 5)
    assert str(measured[0].like.dtype) == "float64"
    record = json.loads((tmp_path / "one.json").read_text())
    assert (record["quick"], record["library"], record["dtype"]) == (True, "numpy", "float64")


def test_a_double_part_is_measured_and_kept_in_double_precision(tmp_path, measured):
    part = Part("three", "Part three", measured_dtype, lambda result: [], double=True)
    setting = Setting(False, 0, np.empty(0, np.float32))
    record = measure_part(part, setting, str(tmp_path))
    assert (record["dtype"], record["result"]) == ("float64", {"dtype": "float64"})
    assert read_part(part, setting, str(tmp_path)) == record


def measured_dtype(setting):
    return {"dtype": str(setting.like.dtype)}


def test_parts_of_another_setting_are_refused(tmp_path, measured, capsys):
    reproduce(tmp_path)
    capsys.readouterr()
    message = refused(capsys, "reproduce", "toy", "--out", tmp_path, "--seed", 4)
    for words in ("seed 0", "seed 4", "--out", "--part"):
        assert words in message


@pytest.mark.parametrize("contents", ["", "{}", "[1]", '{"quick": true'])
def test_a_damaged_part_is_refused(tmp_path, measured, capsys, contents):
    (tmp_path / "one.json").write_text(contents)
    assert "is no measured part" in refused(capsys, "reproduce", "toy", "--out", tmp_path)


def test_unknown_names_are_refused(tmp_path, measured, capsys):
    assert "toy" in refused(capsys, "reproduce", "toi", "--out", tmp_path)
    assert "two" in refused(capsys, "reproduce", "toy", "--out", tmp_path, "--part", "tow")
