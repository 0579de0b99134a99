"""What is installed, and what lies where."""

import importlib.metadata
import importlib.util
import pathlib
import subprocess
import tomllib

import pytest

import stiefelkit

ROOT = pathlib.Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = [ROOT / "stiefelkit", *sorted((ROOT / "backends").glob("stiefelkit_*"))]
EXTRAS = {"torch", "cupy12x", "cupy13x", "cuda", "jax", "numba", "train", "test", "docs", "bench"}
TOP_LEVEL = {
    "pyproject.toml",
    "stiefelkit",
    "backends",
    "tests",
    "docs",
    "asv_bench",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "CITATION.cff",
}


def test_version_is_that_of_the_installed_distribution():
    assert importlib.metadata.version("stiefelkit") == stiefelkit.__version__


def test_extras():
    assert set(PROJECT["optional-dependencies"]) == EXTRAS


def test_hard_dependencies():
    names = {d.split(">")[0] for d in PROJECT["dependencies"]}
    assert names == {"numpy", "scipy", "array-api-compat", "array-api-extra"}


def test_top_level_is_the_architecture():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    found = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert {name for name in found if not name.startswith(".")} == TOP_LEVEL


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.name)
def test_packages_are_typed_and_importable_by_name(package):
    assert (package / "py.typed").exists()
    assert importlib.util.find_spec(package.name) is not None


@pytest.mark.parametrize("group", ["stiefelkit.kernels", "stiefelkit.backends"])
def test_entry_points_name_backend_packages(group):
    entries = importlib.metadata.entry_points(group=group)
    homes = {entry.value.split(":")[0] for entry in entries}
    assert homes
    assert homes <= {package.name for package in PACKAGES}
    assert set(PROJECT["entry-points"][group]) <= {entry.name for entry in entries}


def test_command_is_installed():
    scripts = importlib.metadata.entry_points(group="console_scripts", name="stiefelkit")
    assert {script.value for script in scripts} == {"stiefelkit.__main__:main"}


@pytest.mark.parametrize(
    "path",
    sorted([*(ROOT / "stiefelkit").rglob("*.py"), *(ROOT / "backends").rglob("*.py")]),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_files_are_short(path):
    assert len(path.read_text().splitlines()) <= 250
