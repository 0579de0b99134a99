"""The CUDA package as it is installed: its sources compile, and what it needs is named."""

import importlib.metadata
import inspect
import pathlib
import shutil
import subprocess
import sys
import tomllib

import numpy as np
import pytest
import stiefelkit_cuda
from stiefelkit_cuda import _sources

import stiefelkit

NVCC = shutil.which("nvcc")
ROOT = pathlib.Path(__file__).parents[2]
TABLES = {"cupy-cuda": "CUPY_KERNELS", "torch-cuda": "TORCH_KERNELS"}
KERNELS = stiefelkit_cuda._TABLES["CUPY_KERNELS"]


def resolve(target):
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


@pytest.mark.skipif(NVCC is None, reason="nvcc is not at hand")
@pytest.mark.parametrize("source", _sources.SOURCES)
def test_sources_compile_for_every_dtype(source, tmp_path):
    names = [name for dtype in _sources.TYPES for name in _sources.instances(source, dtype)]
    wanted = "".join(f"template __global__ decltype({name}) {name};\n" for name in names)
    program = tmp_path / f"{source}.cu"
    program.write_text(_sources.text(source) + wanted)
    options = ["-std=c++17", "-arch=sm_80", "-cubin", "-Werror", "all-warnings"]
    command = [NVCC, *options, "-o", tmp_path / "out", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out").read_bytes().count(b".nv.info.") >= len(names)


def test_sources_are_package_data():
    folder = pathlib.Path(_sources.__file__).parent / "sources"
    assert {path.stem for path in folder.iterdir()} == {"scalar", *_sources.SOURCES}
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert "sources/*.cu" in patterns["package-data"]["stiefelkit_cuda"]


def test_sources_include_nothing():
    for source in _sources.SOURCES:
        assert "#include" not in _sources.text(source)


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_have_the_arguments_of_their_op(name):
    op, _, half = name.partition(".")
    found = list(inspect.signature(resolve(KERNELS[name])).parameters.values())
    reference = inspect.signature(stiefelkit.ops()[op].reference).parameters
    expected = list(reference.values())
    if half == "backward":
        assert [p.name for p in found[:2]] == ["G", "saved"]
        found = found[2:]
        expected = [p for p in expected if p.kind is p.KEYWORD_ONLY]
    assert [(p.name, p.kind, p.default) for p in found] == [
        (p.name, p.kind, p.default) for p in expected
    ]


@pytest.mark.parametrize("entry", TABLES)
def test_entry_points_give_the_tables(entry):
    (found,) = importlib.metadata.entry_points(group="stiefelkit.kernels", name=entry)
    assert found.value == f"stiefelkit_cuda:{TABLES[entry]}"


@pytest.mark.parametrize(
    ("hidden", "table", "extra"),
    [
        ("cupy", "CUPY_KERNELS", "cupy12x"),
        ("torch", "TORCH_KERNELS", "cuda"),
        ("cuda", "TORCH_KERNELS", "cuda"),
    ],
)
def test_what_is_missing_is_named_with_its_remedy(hidden, table, extra):
    script = f"import sys; sys.modules['{hidden}'] = None; from stiefelkit_cuda import {table}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr
    assert f"stiefelkit[{extra}]`" in done.stderr


def test_tensors_on_a_cpu_are_declined():
    torch = pytest.importorskip("torch")
    from stiefelkit.rnn import Tanh

    X, theta, small = torch.eye(4), torch.zeros(6), torch.zeros(())
    pairs = np.asarray([[0, 1]])
    calls = {
        "givens_product": lambda f: f(theta, X),
        "givens_product.forward": lambda f: f(theta, X),
        "givens_rotate": lambda f: f(X, 0, 1, small),
        "orthonormalize": lambda f: f(X),
        "orthonormalize.forward": lambda f: f(X),
        "coordinate_descent_sweep": lambda f: f(X, X, pairs, learning_rate=0.1),
        "unroll": lambda f: f(X, torch.ones(9, 4, 4), X, activation=Tanh()),
        "unroll.forward": lambda f: f(X, torch.ones(9, 4, 4), X, activation=Tanh()),
    }
    assert calls.keys() == {name for name in KERNELS if not name.endswith(".backward")}
    for name, call in calls.items():
        assert call(resolve(KERNELS[name])) is NotImplemented, name


def test_arrays_of_other_libraries_are_declined():
    assert resolve(KERNELS["orthonormalize"])(np.eye(3)) is NotImplemented
