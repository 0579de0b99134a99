"""The architecture, as a test: what each layer may name and import."""

import ast
import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
CORE = ROOT / "stiefelkit"
BACKENDS = ROOT / "backends"
FRAMEWORKS = ("torch", "cupy", "cupyx", "jax", "tensorflow", "triton", "numba")
LAYERS = (
    *("_typing", "_xp", "_tree", "_signature", "_kernels", "_dispatch"),
    *("linalg", "retractions", "manifolds", "parametrizations", "problems"),
    *("optim", "solvers", "rnn", "_experiments", "_commands", "__main__"),
)
RANK = {name: k for k, name in enumerate(LAYERS)} | {"solvers": LAYERS.index("optim")}
# What a backend package is about, besides NumPy and SciPy.
OWN = {
    "stiefelkit_scipy": set(),
    "stiefelkit_numba": {"numba", "llvmlite"},
    "stiefelkit_torch": {"torch"},
    "stiefelkit_cuda": {"cupy", "torch", "cuda"},
    "stiefelkit_cupy": {"cupy", "cupyx"},
    "stiefelkit_jax": {"jax"},
}


def files(root):
    found = [p for p in sorted(root.rglob("*.py")) if "__pycache__" not in p.parts]
    return [pytest.param(p, id=p.relative_to(ROOT).as_posix()) for p in found]


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path):
    """Yield (dotted name, whether inside a function) of everything that a file imports."""
    tree = tree_of(path)
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = BACKENDS if BACKENDS in path.parents else ROOT
            parts = path.relative_to(base).parts
            package = parts[: len(parts) - node.level] if node.level else ()
            stem = ".".join([*package, *filter(None, [node.module])])
            yield from ((f"{stem}.{alias.name}", id(node) in inside) for alias in node.names)


def docstrings(tree):
    """Return the ids of the constants that are documentation."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def names(path):
    """Yield every identifier, attribute, keyword, import and string constant of a file."""
    tree = tree_of(path)
    documentation = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg | ast.keyword):
            yield node.arg or ""
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in documentation:
                yield node.value
    yield from (name for name, _ in imports(path))


def layer(path):
    return path.relative_to(CORE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", files(CORE))
def test_the_mathematics_names_no_framework(path):
    pattern = re.compile(rf"(?<![a-zA-Z])({'|'.join(FRAMEWORKS)})(?![a-zA-Z])", re.IGNORECASE)
    assert [name for name in names(path) if pattern.search(name)] == []


@pytest.mark.parametrize("path", files(CORE))
def test_the_mathematics_asks_no_array_where_it_comes_from(path):
    pattern = re.compile(r"^is_\w+_(namespace|array)$")
    allowed = {"is_writeable_array"} if path.name == "_xp.py" else set()
    assert {name for name in names(path) if pattern.match(name)} <= allowed


@pytest.mark.parametrize("path", [p for p in files(CORE) if layer(p.values[0]) in RANK])
def test_imports_point_down(path):
    own = layer(path)
    targets = [name.split(".") for name, _ in imports(path)]
    reached = {t[1] for t in targets if t[0] == "stiefelkit" and len(t) > 1 and t[1] != own}
    not_below = {name for name in reached & RANK.keys() if RANK[name] >= RANK[own]}
    assert not_below | (reached & {"testing"}) == set()


@pytest.mark.parametrize("path", files(CORE))
def test_layers_are_known(path):
    assert layer(path) in {*LAYERS, "__init__", "testing"}


@pytest.mark.parametrize("path", files(CORE))
def test_numpy_is_imported_where_host_numbers_are(path):
    roots = {name.split(".")[0] for name, _ in imports(path)}
    if "numpy" in roots:
        layers = LAYERS[LAYERS.index("solvers") :]
        assert layer(path) in {"_typing", "_xp", *layers, "testing"}


@pytest.mark.parametrize("path", files(CORE))
def test_scipy_is_imported_inside_functions_of_the_solvers(path):
    found = {inside for name, inside in imports(path) if name.split(".")[0] == "scipy"}
    assert found <= ({True} if layer(path) == "solvers" else set())


@pytest.mark.parametrize("path", files(CORE))
def test_one_file_reaches_the_array_api_packages(path):
    roots = {name.split(".")[0] for name, _ in imports(path)}
    packages = {"array_api_compat", "array_api_extra"}
    assert roots & packages <= (packages if path.name == "_xp.py" else set())


@pytest.mark.parametrize("path", files(CORE))
def test_nothing_imports_a_backend(path):
    assert [name for name, _ in imports(path) if name.startswith("stiefelkit_")] == []


def public_names():
    """Return every dotted name that an `__init__.py` of the mathematics lists."""
    found = {"stiefelkit"}
    for path in sorted(CORE.rglob("__init__.py")):
        package = ".".join(path.parent.relative_to(ROOT).parts)
        found.add(package)
        for node in tree_of(path).body:
            if isinstance(node, ast.ImportFrom | ast.Import):
                found |= {f"{package}.{alias.asname or alias.name}" for alias in node.names}
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(f"{package}.{node.name}")
            elif isinstance(node, ast.Assign):
                found |= {f"{package}.{t.id}" for t in node.targets if isinstance(t, ast.Name)}
    return found


@pytest.mark.parametrize("path", files(BACKENDS))
def test_a_backend_imports_public_names_only(path):
    reached = {name for name, _ in imports(path) if name.split(".")[0] == "stiefelkit"}
    assert reached - public_names() == set()


@pytest.mark.parametrize("path", files(BACKENDS))
def test_a_backend_imports_its_own_framework_only(path):
    package = path.relative_to(BACKENDS).parts[0]
    roots = {name.split(".")[0] for name, _ in imports(path)} - {"stiefelkit", package}
    shared = {"numpy", "scipy", "tqdm", "stiefelkit_cuda", "stiefelkit_numba"} | set(
        sys.stdlib_module_names
    )
    assert roots <= OWN[package] | shared
