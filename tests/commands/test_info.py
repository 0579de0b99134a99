"""`stiefelkit info`: versions, libraries, devices and kernels."""

import importlib.metadata
import importlib.util

import pytest

from stiefelkit import __version__
from stiefelkit.__main__ import main

# A backend, the module it needs, and the distribution with its version.
LIBRARIES = {"numpy": "numpy", "torch": "torch", "jax": "jax", "cupy": "cupy"}


@pytest.fixture
def lines(capsys):
    """What the command prints."""
    assert main(["info"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out.splitlines()


def test_versions_are_listed(lines):
    assert lines[0].startswith(f"stiefelkit {__version__}, Python 3.")
    assert {f"  {n} {importlib.metadata.version(n)}" for n in ("numpy", "scipy")} < set(lines)


@pytest.mark.parametrize("name", LIBRARIES)
def test_library_is_listed(name, lines):
    found = [line for line in lines if line.startswith(name)]
    assert len(found) == 1
    if importlib.util.find_spec(LIBRARIES[name]) is None:
        assert found[0].startswith(f"{name}: not usable. ")
        assert "pip install" in found[0]
    else:
        version = importlib.import_module(LIBRARIES[name]).__version__
        assert found[0].startswith(f"{name} {version}: devices ")


def test_kernels_of_numpy_are_listed(lines):
    place = next(i for i, line in enumerate(lines) if line.startswith("numpy "))
    kernels = lines[place + 1].removeprefix("  kernels: ").split(", ")
    assert {"solve_triangular", "givens_rotate"} < set(kernels)
