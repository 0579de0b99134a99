"""The check for slowdowns fails on a planted one, and on nothing else."""

import importlib.util
import os
import pathlib
import subprocess
import sys

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
KERNEL = """import numba
from planted_loop import loop

@numba.njit(cache=True)
def first():
    return loop()
"""
# What is summed depends on the last term, so that no compiler finds a closed form.
LOOP = """import numba

@numba.njit
def loop():
    x = 1.0
    for k in range({count}):
        x = x / (x + k)
    return x
"""


@pytest.fixture
def check(tmp_path, capsys):
    """Return a function that commits files, changes them, and runs the check with cases."""
    spec = importlib.util.spec_from_file_location("check_regression", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    repository, cases = tmp_path / "repository", tmp_path / "cases.py"
    repository.mkdir()

    def write(files):
        for name, text in files.items():
            (repository / name).write_text(text)

    def git(*arguments):
        identity = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
        command = ["git", *identity, "-C", str(repository), *arguments]
        subprocess.run(command, check=True, capture_output=True)

    def run(before, after, source=CASES, use=None):
        git("init")
        write(before)
        git("add", ".")
        git("commit", "--message", "Plant")
        if use is not None:
            use(repository)
        write(after)
        cases.write_text(source)
        options = ["--repository", str(repository), "--cases", str(cases)]
        code = script.main(["HEAD", *options, "--factor", "4", "--turns", "3"])
        return code, capsys.readouterr().out

    return run


def sleeping(name, seconds):
    """Return the files of a package with one function, which sleeps."""
    module = MODULE.format(name=name, seconds=seconds)
    return {"pyproject.toml": PROJECT.format(name=name), "planted.py": module}


# The sleeps are long against what a busy machine adds to one, and the ratio is far from the factor.
def test_a_planted_slowdown_fails(check):
    code, shown = check(sleeping("first", 0.001), sleeping("second", 0.05))
    assert code == 1
    assert "SLOWER" in shown


@pytest.mark.parametrize("after", [0.02, 0.001])
def test_what_is_no_slower_passes(check, after):
    code, shown = check(sleeping("first", 0.02), sleeping("second", after))
    assert code == 0
    assert "ok" in shown


def test_a_slowdown_in_what_a_cached_kernel_imports_fails(check):
    pytest.importorskip("numba")

    def use(repository):
        # Leaves a cache beside the file of the kernel, which does not change afterwards.
        code = "from planted import first; first()"
        environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
        subprocess.run([sys.executable, "-c", code], check=True, cwd=repository, env=environment)
        assert list(repository.glob("__pycache__/*.nbi"))

    files = {"pyproject.toml": PROJECT.format(name="first"), "planted.py": KERNEL}
    before, after = ({"planted_loop.py": LOOP.format(count=n)} for n in (100, 10**6))
    code, shown = check(files | before, after, use=use)
    assert code == 1
    assert "SLOWER" in shown


def test_a_case_that_the_base_has_not_is_new(check):
    source = "import planted\n\nCASES = {'new': lambda: planted.second}\n"
    code, shown = check(sleeping("first", 0.001), sleeping("second", 0.001), source)
    assert code == 0
    assert "new, the base has none: AttributeError" in shown


def test_a_case_that_does_not_run_is_an_error(check):
    source = "import planted\n\nCASES = {'broken': lambda: planted.first}\n"
    code, shown = check(sleeping("first", 0.001), sleeping("second", 0.001), source)
    assert code == 2
    assert "FAILS: AttributeError" in shown
