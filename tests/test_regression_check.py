"""The check for slowdowns fails on a planted one, and on nothing else."""

import importlib.util
import pathlib
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).parents[1] / "asv_bench" / "check_regression.py"
PROJECT = """[project]
name = "planted"
[project.entry-points."planted.kernels"]
one = "planted:{name}"
"""
MODULE = "import time\n\ndef {name}():\n    time.sleep({seconds})\n"
# The name of the function is that of the entry point, so each side has to find its own.
CASES = """
import importlib.metadata

def make():
    (point,) = importlib.metadata.entry_points(group="planted.kernels")
    return point.load()

CASES = {"planted": make}
"""


@pytest.fixture
def check(tmp_path, capsys):
    """Return a function that commits one module, changes it, and runs the check with cases."""
    spec = importlib.util.spec_from_file_location("check_regression", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    repository, cases = tmp_path / "repository", tmp_path / "cases.py"
    repository.mkdir()

    def write(name, seconds):
        (repository / "pyproject.toml").write_text(PROJECT.format(name=name))
        (repository / "planted.py").write_text(MODULE.format(name=name, seconds=seconds))

    def git(*arguments):
        identity = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
        command = ["git", *identity, "-C", str(repository), *arguments]
        subprocess.run(command, check=True, capture_output=True)

    def run(before, after, source=CASES):
        git("init")
        write("first", before)
        git("add", ".")
        git("commit", "--message", "Plant")
        write("second", after)
        cases.write_text(source)
        options = ["--repository", str(repository), "--cases", str(cases)]
        code = script.main(["HEAD", *options, "--factor", "4", "--turns", "3"])
        return code, capsys.readouterr().out

    return run


# The sleeps are long against what a busy machine adds to one, and the ratio is far from the factor.
def test_a_planted_slowdown_fails(check):
    code, shown = check(0.001, 0.05)
    assert code == 1
    assert "SLOWER" in shown


@pytest.mark.parametrize("after", [0.02, 0.001])
def test_what_is_no_slower_passes(check, after):
    code, shown = check(0.02, after)
    assert code == 0
    assert "ok" in shown


def test_a_case_that_the_base_has_not_is_new(check):
    source = "import planted\n\nCASES = {'new': lambda: planted.second}\n"
    code, shown = check(0.001, 0.001, source)
    assert code == 0
    assert "new, the base has none: AttributeError" in shown


def test_a_case_that_does_not_run_is_an_error(check):
    source = "import planted\n\nCASES = {'broken': lambda: planted.first}\n"
    code, shown = check(0.001, 0.001, source)
    assert code == 2
    assert "FAILS: AttributeError" in shown
