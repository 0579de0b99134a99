"""What the CuPy package asks of CuPy, checked on a stand-in, since a GPU is rarely at hand.

The stand-in is NumPy with the documented limits of CuPy 14: no broadcasting of batches.
"""

import subprocess
import sys

import pytest

STAND_IN = """
import sys, types
import numpy as np
from scipy.linalg import solve_triangular as solve_one

def solve_triangular(a, b, trans=0, lower=False):
    assert a.shape[:-1] == b.shape[:-1] and a.dtype == b.dtype and b.size and trans in "NC"
    pairs = zip(a.reshape(-1, *a.shape[-2:]), b.reshape(-1, *b.shape[-2:]))
    return np.stack([solve_one(x, y, trans, lower) for x, y in pairs]).reshape(b.shape)

class CUDARuntimeError(RuntimeError): pass
def get_count(): raise CUDARuntimeError("cudaErrorNoDevice")

runtime = types.SimpleNamespace(getDeviceCount=get_count, CUDARuntimeError=CUDARuntimeError)
cupy = types.ModuleType("cupy")
cupy.__version__, cupy.broadcast_to = "14.2.0", np.broadcast_to
cupy.cuda, cupy.is_available = types.SimpleNamespace(runtime=runtime), lambda: False
linalg = types.ModuleType("cupyx.scipy.linalg")
linalg.solve_triangular = solve_triangular
sys.modules |= {"cupy": cupy, "cupyx": types.ModuleType("cupyx"), "cupyx.scipy.linalg": linalg}
sys.modules["cupyx.scipy"] = types.ModuleType("cupyx.scipy")
"""
AGREES = """
from stiefelkit_cupy._solve_triangular import solve_triangular as kernel
from stiefelkit.linalg import solve_triangular
rng = np.random.default_rng(0)
def draw(*shape): return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
for a, b, m in (((), (), 2), ((2, 1), (3,), 2), ((4,), (), 1), ((0,), (), 2), ((), (), 0)):
    A, B = draw(*a, 5, 5) + 9 * np.eye(5), draw(*b, 5, m)
    for lower in (False, True):
        for adjoint_of in (False, True):
            X = kernel(A, B, lower=lower, adjoint_of=adjoint_of)
            Y = solve_triangular.reference(A, B, lower=lower, adjoint_of=adjoint_of)
            assert X.shape == Y.shape and np.allclose(X, Y, rtol=0, atol=1e-14)
"""
UNUSABLE = """
from stiefelkit_cupy import BACKEND
assert BACKEND.devices() == []
cupy.is_available = lambda: True
assert BACKEND.devices() == []
"""
OLD = """
cupy.__version__ = "13.4.0"
from stiefelkit_cupy._solve_triangular import solve_triangular as kernel
A, B = np.eye(3), np.ones((2, 3, 1))
assert kernel(A, B) is NotImplemented
assert (kernel(A, B[0]) == 1).all()
"""


@pytest.mark.parametrize("script", [AGREES, UNUSABLE, OLD], ids=["agrees", "unusable", "old"])
def test_on_a_stand_in(script):
    done = subprocess.run(
        [sys.executable, "-c", STAND_IN + script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
