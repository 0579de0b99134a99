"""How the core deals with providers: missing, broken, in conflict, or switched off."""

import subprocess
import sys

import numpy as np
import pytest

import stiefelkit
from stiefelkit.linalg import solve_triangular

ENTRY = """
import importlib.metadata, sys, warnings
import numpy as np
class Entry:
    def __init__(self, name, load):
        self.name, self.load = name, load
def give(*entries):
    importlib.metadata.entry_points = lambda group: entries
import stiefelkit
from stiefelkit.linalg import gram
def table(): return {"gram": "no_such_module:gram"}
def fail(): raise OSError("cannot open shared object file")
def missing(): raise ModuleNotFoundError("No module named 'nothing'")
X = np.ones((2, 2))
"""


def run(script):
    """Run a script in a fresh process, where nothing is loaded or remembered."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


@pytest.mark.parametrize("framework", ["torch", "jax", "cupy", "numba"])
def test_a_missing_framework_is_named_with_its_remedy(framework):
    extra = "cupy12x" if framework == "cupy" else framework
    hide = f"import sys; sys.modules['{framework}'] = None"
    code, _, err = run(f"{hide}; import stiefelkit_{framework}")
    assert code == 1
    assert "ModuleNotFoundError" in err
    assert f"Install it by `pip install stiefelkit[{extra}]`" in err


def test_missing_numba_is_no_kernel_and_no_warning():
    code, out, err = run(
        "import sys, warnings; sys.modules['numba'] = None; warnings.simplefilter('error')\n"
        "import stiefelkit as s; import numpy as np\n"
        "s.linalg.givens_product(np.zeros(1), np.eye(2))\n"
        "print(s.kernel_for('numpy', 'givens_product'), s.kernel_for('numpy', 'gram') is not None)"
    )
    assert (code, out, err) == (0, "None True", "")


def test_a_table_loads_neither_scipy_nor_numba():
    code, out, err = run(
        "import stiefelkit_scipy, stiefelkit_numba, sys\n"
        "print([m for m in ('scipy', 'numba') if m in sys.modules])"
    )
    if "needs Numba" in err:
        pytest.skip("numba is not installed")
    assert (code, out) == (0, "[]")


@pytest.mark.parametrize("load", ["lambda: table()", "fail"])
def test_a_broken_provider_warns_once_and_the_reference_runs(load):
    code, out, err = run(
        ENTRY + f"give(Entry('numpy-bad', {load}))\n"
        "with warnings.catch_warnings(record=True) as seen:\n"
        "    warnings.simplefilter('always')\n"
        "    for n in (1, 2, 3): Y = gram(np.ones((n, 2)))\n"
        "print(len(seen), seen[0].category.__name__, 'numpy-bad' in str(seen[0].message), Y[0, 0])"
    )
    assert (code, out, err) == (0, "1 RuntimeWarning True 3.0", "")


def test_a_missing_framework_is_silently_no_kernel():
    code, out, err = run(ENTRY + "give(Entry('numpy', missing)); print(gram(X)[0, 0])")
    assert (code, out, err) == (0, "2.0", "")


def test_two_providers_of_one_name_are_an_error():
    code, _, err = run(ENTRY + "give(Entry('numpy', table), Entry('numpy', table)); gram(X)")
    assert code == 1
    assert "`gram` has two kernels for `numpy` arrays, of two entry points named `numpy`" in err


def test_kernels_can_be_switched_off(monkeypatch):
    def tell(A):
        raise RuntimeError("the kernel ran")

    monkeypatch.setattr("stiefelkit_scipy._solve_triangular._check_diagonal", tell)
    with pytest.raises(RuntimeError, match="the kernel ran"):
        solve_triangular(np.eye(3), np.ones((3, 2)))
    with stiefelkit.use_kernels(False):
        assert np.all(solve_triangular(np.eye(3), np.ones((3, 2))) == 1)


def test_shapes_are_checked_before_a_kernel_is_chosen():
    with pytest.raises(ValueError, match="n=3 from `A` and n=2 from `B`"):
        solve_triangular(np.eye(3), np.ones((2, 2)))
