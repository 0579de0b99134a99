"""One source, many libraries: the numbers, dtypes and devices of the arguments everywhere."""

import numpy as np
import pytest

from stiefelkit._xp import array_namespace, device, to_host

from .._arguments import (
    arguments,
    array_positions,
    as_tuple,
    assert_tuples_close,
    cases,
    cotangents,
    each,
    on_library,
    run,
)

EPS = np.finfo(np.float64).eps
# Eager JAX compiles each operation for each shape, and the other two need a GPU.
DEAR = ("jax", "cupy", "torch-cuda")
SOME = cases(shapes=("general",), batches=("one",), fields=("real",)) + cases(
    shapes=("odd",), batches=("batch", "mixed"), fields=("complex",)
)
FEW_REAL = cases(shapes=("small",), batches=("one",), fields=("real",))
FEW_COMPLEX = cases(shapes=("small",), batches=("batch",), fields=("complex",))


def check_equal_to_numpy(case, library):
    args = arguments(case)
    plain, out, grads = (each(to_host, part) for part in run(case, args, library))
    expected, _, expected_grads = run(case, args)
    assert_tuples_close(plain, expected, 500, EPS)
    assert_tuples_close(out, expected, 500, EPS)
    assert_tuples_close(grads, expected_grads, 2000, EPS)


@pytest.mark.libraries("numpy", "strictest", "torch")
@pytest.mark.parametrize("case", cases())
def test_equal_to_numpy(case, library):
    check_equal_to_numpy(case, library)


@pytest.mark.libraries("strict", "strict-device1")
@pytest.mark.parametrize("case", SOME)
def test_equal_to_numpy_on_some_shapes(case, library):
    check_equal_to_numpy(case, library)


@pytest.mark.libraries(*DEAR)
@pytest.mark.parametrize("case", FEW_REAL)
def test_equal_to_numpy_where_shapes_are_dear(case, library):
    check_equal_to_numpy(case, library)


def check_single_precision(case, library):
    host = [a.astype(_single(a)) if isinstance(a, np.ndarray) else a for a in arguments(case)]
    args = [a.astype(_double(a)) if isinstance(a, np.ndarray) else a for a in host]
    plain, out, grads = run(case, args, library, "float32")
    expected, _, expected_grads = run(case, args)
    found = [x for x in (*plain, *out, *grads) if x is not None]
    assert {array_namespace(x) for x in found} == {library.xp}
    assert all(device(x) == library.device for x in found)
    dtypes = [None if x is None else _single(x).name for x in (*expected, *expected_grads)]
    assert [_name(x) for x in (*plain, *grads)] == dtypes
    single = np.finfo(np.float32).eps
    assert_tuples_close(each(to_host, plain), expected, 100, single)
    assert_tuples_close(each(to_host, out), expected, 100, single)
    assert_tuples_close(each(to_host, grads), expected_grads, 500, single)


def _single(x):
    return np.dtype(np.complex64 if np.iscomplexobj(x) else np.float32)


def _double(x):
    return np.complex128 if np.iscomplexobj(x) else np.float64


def _name(x):
    return None if x is None else to_host(x).dtype.name


@pytest.mark.libraries("numpy", "strict.*", "torch")
@pytest.mark.parametrize("case", cases(shapes=("general", "square"), batches=("one", "batch")))
def test_single_precision_equals_double(case, library):
    check_single_precision(case, library)


@pytest.mark.libraries(*DEAR)
@pytest.mark.parametrize("case", FEW_COMPLEX)
def test_single_precision_equals_double_where_shapes_are_dear(case, library):
    check_single_precision(case, library)


@pytest.mark.libraries("numpy", "strict", "torch")
@pytest.mark.parametrize("case", cases(shapes=("odd",), batches=("one", "mixed")))
def test_inputs_stay_as_they_are(case, library):
    args = arguments(case)
    given = on_library(case, args, library)
    out, residuals = case.op.forward(*given, **case.options)
    case.op(*given, **case.options)
    drawn = as_tuple(cotangents(case, out))
    G = each(library.asarray, drawn)
    case.op.backward(G if isinstance(out, tuple) else G[0], residuals)
    places = array_positions(case, args)
    after = (*(to_host(given[i]) for i in places), *each(to_host, G))
    assert_tuples_close(after, (*(args[i] for i in places), *drawn), 0, 0)


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize("case", cases(shapes=("odd",), batches=("one", "mixed")))
def test_read_only_arrays_are_taken(case, library):
    args = arguments(case)
    places = array_positions(case, args)
    for i in places:
        args[i].setflags(write=False)
    _, _, grads = run(case, args)
    assert [g.shape for g in grads if g is not None] == [args[i].shape for i in places]


HALVES = cases(shapes=("general",), batches=("one",), fields=("real",))


def check_sixteen_bits(case, half, library):
    """Compare with the result in single precision of the same numbers, rounded."""

    def cast(dtype):
        return lambda x: library.xp.astype(x, dtype)

    single, args = library.xp.float32, arguments(case)
    places = array_positions(case, args)
    wide = on_library(case, args, library, "float32")
    given = [cast(half)(a) if i in places else a for i, a in enumerate(wide)]
    wide = [cast(single)(a) if i in places else a for i, a in enumerate(given)]
    out, residuals = case.op.forward(*given, **case.options)
    expected, wide_residuals = case.op.forward(*wide, **case.options)
    G = each(lambda g: cast(half)(library.asarray(g, "float32")), cotangents(case, expected))
    found = (*as_tuple(out), *case.op.backward(G, residuals))
    wanted = (*as_tuple(expected), *case.op.backward(each(cast(single), G), wide_residuals))
    assert all(x.dtype == half for x in found if x is not None)
    found, wanted = each(cast(single), found), each(cast(single), each(cast(half), wanted))
    assert_tuples_close(each(to_host, found), each(to_host, wanted), 0, 0)


@pytest.mark.libraries("numpy", "torch", "torch-cuda", "cupy")
@pytest.mark.parametrize("case", HALVES)
def test_float16_is_stored_but_not_computed_with(case, library):
    check_sixteen_bits(case, library.xp.float16, library)


@pytest.mark.libraries("torch", "torch-cuda")
@pytest.mark.parametrize("case", HALVES)
def test_bfloat16_is_stored_but_not_computed_with(case, library):
    check_sixteen_bits(case, library.xp.bfloat16, library)
