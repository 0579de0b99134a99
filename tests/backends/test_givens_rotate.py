"""The rotation in the memory of the matrix."""

import numpy as np
import pytest

import stiefelkit
from stiefelkit.linalg import givens_rotate

from ._cases import assert_close

kernel = stiefelkit.kernel_for("numpy", "givens_rotate")
theta = np.asarray(0.7)


def matrix(dtype="float64", order="C"):
    return np.asarray(np.random.default_rng(3).standard_normal((5, 4)), dtype=dtype, order=order)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(("side", "i", "j"), [("right", 0, 3), ("right", 2, 1), ("left", 4, 1)])
def test_it_turns_in_place(side, i, j, order, dtype):
    X = matrix(dtype, order)
    angle = theta.astype(dtype)
    expected = givens_rotate.reference(X, i, j, angle, side=side)
    out = givens_rotate(X, i, j, angle, side=side, overwrite=True)
    assert out is X
    assert_close(X, expected, 4)


def test_it_declines_what_it_does_not_do():
    read_only = matrix()
    read_only.flags.writeable = False
    angles = np.asarray([0.1, 0.2])
    assert kernel(matrix(), 0, 1, theta) is NotImplemented
    assert kernel(read_only, 0, 1, theta, overwrite=True) is NotImplemented
    assert kernel(matrix("complex128"), 0, 1, theta, overwrite=True) is NotImplemented
    assert kernel(matrix()[:, ::2], 0, 1, theta, overwrite=True) is NotImplemented
    assert kernel(matrix(), 0, 1, angles, overwrite=True) is NotImplemented
    assert kernel(matrix(), 0, 1, theta, theta, overwrite=True) is NotImplemented
