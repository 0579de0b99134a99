"""Importing costs nothing that is not asked for, and every public name is documented."""

import inspect
import re
import subprocess
import sys

import pytest

from stiefelkit import linalg

HEAVY = ("torch", "cupy", "jax", "numba", "scipy", "sklearn", "matplotlib", "tqdm")
PUBLIC = {n: x for n, x in vars(linalg).items() if not n.startswith("_") and callable(x)}
SECTIONS = ("Parameters", "Returns", "Notes", "Examples")


def test_import_loads_no_framework():
    code = f"import sys, stiefelkit; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_import_prints_and_warns_nothing():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import stiefelkit"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout + done.stderr == ""


def sections(text):
    """Return the names that are underlined in a docstring."""
    return re.findall(r"^(\w+)\n-+$", inspect.cleandoc(text), re.MULTILINE)


@pytest.mark.parametrize("name", [n for n, x in PUBLIC.items() if inspect.isfunction(x)])
def test_functions_have_every_section(name):
    assert [s for s in SECTIONS if s not in sections(PUBLIC[name].__doc__)] == []


@pytest.mark.parametrize("name", [n for n, x in PUBLIC.items() if hasattr(x, "signature")])
def test_parameters_are_those_of_the_signature(name):
    op = PUBLIC[name]
    text = inspect.cleandoc(op.__doc__).split("\nParameters\n")[1].split("\nReturns\n")[0]
    listed = re.findall(r"^(\w+(?:, \w+)*) :", text, re.MULTILINE)
    documented = [n for group in listed for n in group.split(", ")]
    assert documented == list(inspect.signature(op).parameters)


@pytest.mark.parametrize("name", [n for n, x in PUBLIC.items() if hasattr(x, "signature")])
def test_costs_are_stated(name):
    assert re.search(r"[Cc]osts? |flops", PUBLIC[name].__doc__.split("Notes")[1])


@pytest.mark.parametrize("name", [n for n, x in PUBLIC.items() if inspect.isclass(x)])
def test_classes_are_documented(name):
    assert len(inspect.cleandoc(PUBLIC[name].__doc__)) > 40
