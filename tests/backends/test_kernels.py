"""Every registered kernel agrees with the reference, which runs on NumPy arrays."""

import itertools

import numpy as np
import pytest

import stiefelkit

from ._cases import (
    BATCHES,
    DTYPES,
    ORDERS,
    SHAPES,
    TOLERANCE,
    arguments,
    assert_close,
    host,
    move,
    registered,
)

KERNELS = list(registered())
PLAIN = [p for p in KERNELS if "." not in p.values[0].name]
FORWARD = [p for p in KERNELS if p.values[0].name.endswith(".forward")]
# They decline on a CPU, and are tested by tests of their own.
FOR_A_GPU = ("torch:cholesky",)
# Phases of complex numbers are as exact as these are large, and pivots may be small. What factors
# of a frame give back is tested to rounding in `linalg/test_inverses.py`.
TOLERANCES = {"givens_angles": 40_000, "householder_vectors": 40_000}
# Each shape costs JAX a compilation, so it does not see all combinations.
MIXES = [(s, "one") for s in SHAPES] + [("general", b) for b in BATCHES] + [("large", "batch")]


def skip_what_costs(case, shape, dtype):
    if case.library == "jax" and (shape == "large" or dtype not in ("float32", "complex128")):
        pytest.skip("JAX compiles each shape and dtype; two dtypes and the small shapes do")


def options_of(op):
    if op.name != "solve_triangular":
        return [{}]
    flags = (False, True)
    return [{"lower": a, "adjoint_of": b} for a in flags for b in flags]


def reference(op, args, options):
    with stiefelkit.use_kernels(False):
        return op.reference(*args, **options)


@pytest.fixture
def numbers():
    return np.random.default_rng(7)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "batch"), MIXES)
@pytest.mark.parametrize("case", PLAIN)
def test_kernel_equals_reference(case, shape, batch, dtype, numbers):
    skip_what_costs(case, shape, dtype)
    args = arguments(case.op, shape, batch, dtype, numbers)
    if case.op.name == "givens_rotate" and 0 in (*args[0].shape, SHAPES[shape]["m"] - 1):
        pytest.skip("there are no two columns to rotate")
    for options in options_of(case.op):
        moved = move(args, case.library)
        out = case.kernel(*moved, **options)
        if out is NotImplemented:
            continue
        tolerance = TOLERANCES.get(case.op.name, TOLERANCE) if "complex" in dtype else TOLERANCE
        assert_close(host(out), reference(case.op, args, options), tolerance)
        assert_close(host(tuple(moved)), tuple(move(args, "numpy")), 0)


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
@pytest.mark.parametrize("shape", ["general", "k=1", "large"])
@pytest.mark.parametrize("order", [o for o in ORDERS if o != "C"])
@pytest.mark.parametrize("case", [p for p in PLAIN if p.values[0].library in ("numpy", "torch")])
def test_memory_order_changes_nothing(case, order, shape, dtype, numbers):
    args = arguments(case.op, shape, "one", dtype, numbers)
    if case.op.name == "givens_rotate" and shape == "k=1":
        pytest.skip("there are no two columns to rotate")
    for options in options_of(case.op):
        moved = move(args, case.library, order)
        out = case.op(*moved, **options)
        assert_close(host(out), reference(case.op, args, options))
        assert_close(host(tuple(moved)), tuple(move(args, "numpy")), 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "batch"), MIXES)
@pytest.mark.parametrize("case", FORWARD)
def test_gradient_kernels_equal_the_reference(case, shape, batch, dtype, numbers):
    skip_what_costs(case, shape, dtype)
    op, args = case.op, arguments(case.op, shape, batch, dtype, numbers)
    backward = stiefelkit.kernel_for(case.library, f"{op.name}.backward")
    out = case.kernel(*move(args, case.library))
    if out is NotImplemented:
        pytest.skip("the kernel declines")
    with stiefelkit.use_kernels(False):
        Y, residuals = op.forward(*args)
        G = numbers.standard_normal(Y.shape).astype(dtype)
        expected = op.backward(G, residuals)
    assert_close(host(out[0]), Y)
    before = host(out[1])
    moved = move([G], case.library)
    # Slopes are sums over the columns, hence the width.
    through_op = op.forward(*move(args, case.library))[1]
    assert_close(host(op.backward(*moved, through_op)), expected, 400 * max(Y.shape[-1], 1))
    assert len(backward(*moved, out[1])) == len(op.signature.parameters)
    assert_close(host(out[1]), before, 0)
    assert_close(host(moved[0]), G, 0)


@pytest.mark.parametrize("case", [p for p in FORWARD if "givens" in p.values[0].name])
def test_fewer_angles_turn_a_frame(case, numbers):
    n, p = 7, 3
    theta, X = numbers.standard_normal(n * p - p * (p + 1) // 2), numbers.standard_normal((n, 2))
    out = case.op(*move([theta, X], case.library))
    assert_close(host(out), reference(case.op, [theta, X], {}))


@pytest.mark.parametrize("case", FORWARD)
def test_forward_and_backward_come_as_a_pair(case):
    assert stiefelkit.kernel_for(case.library, f"{case.op.name}.backward") is not None


@pytest.mark.parametrize("case", [p for p in PLAIN if str(p.values[0]) not in FOR_A_GPU])
def test_no_kernel_declines_everything(case, numbers):
    options = {"overwrite": True} if case.op.name == "givens_rotate" else {}
    outs = []
    # A kernel may be for small or for large sizes only, for batches, or for one field.
    cases = ("general", "one"), ("large", "one"), ("general", "many"), ("n=1", "many")
    for (shape, batch), dtype in itertools.product(cases, ("complex64", "float32")):
        args = move(arguments(case.op, shape, batch, dtype, numbers), case.library)
        if case.op.name == "givens_rotate":
            args = [np.eye(3), 0, 1, np.asarray(0.1)]
        outs.append(case.kernel(*args, **options))
    assert any(out is not NotImplemented for out in outs)
