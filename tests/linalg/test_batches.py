"""Leading axes: an op on a batch is the op on each member, and may broadcast."""

import itertools

import numpy as np
import pytest

from .._arguments import (
    OPS,
    arguments,
    array_positions,
    as_tuple,
    assert_tuples_close,
    cases,
    cotangents,
    each,
    run,
)

EPS = np.finfo(np.float64).eps


def trailing(case):
    return {p.position: len(p.dims) for p in case.op.signature.parameters}


def batch_shapes(case, args):
    """Return the leading axes of each array, and what they broadcast to."""
    lead = {
        i: args[i].shape[: args[i].ndim - trailing(case)[i]] for i in array_positions(case, args)
    }
    return lead, np.broadcast_shapes(*lead.values())


def member(x, lead, batch, index):
    """Return what an array contributes to one member of the broadcast batch."""
    stretched = np.broadcast_to(x, (*batch, *x.shape[len(lead) :]))
    return stretched[index]


def loop(case, args, G):
    """Return outputs and cotangents of one call for each member of the batch."""
    lead, batch = batch_shapes(case, args)
    outs = [np.empty(g.shape, g.dtype) if g is not None else None for g in as_tuple(G)]
    grads = {i: np.zeros_like(args[i]) for i in lead}
    for index in itertools.product(*map(range, batch)):
        single = [member(a, lead[i], batch, index) if i in lead else a for i, a in enumerate(args)]
        out, residuals = case.op.forward(*single, **case.options)
        for whole, y in zip(outs, as_tuple(out), strict=True):
            if y is not None:
                whole[index] = y
        g = each(lambda g, index=index: g[index], G)
        back = [d for d in case.op.backward(g, residuals) if d is not None]
        for i, d in zip(lead, back, strict=True):
            # The place of this member in the array before it was stretched.
            own = index[len(batch) - len(lead[i]) :]
            grads[i][tuple(k if n > 1 else 0 for k, n in zip(own, lead[i], strict=True))] += d
    return tuple(outs), tuple(grads.values())


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize(
    "case", cases(shapes=("general", "n=1", "odd", "recursive"), batches=("batch", "mixed"))
)
def test_batch_is_a_loop_over_its_members(case, library):
    args = arguments(case)
    out, residuals = case.op.forward(*args, **case.options)
    G = cotangents(case, out)
    grads = tuple(g for g in case.op.backward(G, residuals) if g is not None)
    expected, expected_grads = loop(case, args, G)
    assert_tuples_close(as_tuple(out), expected, 200, EPS)
    assert_tuples_close(grads, expected_grads, 1000, EPS)
    assert [g.shape for g in grads] == [args[i].shape for i in array_positions(case, args)]


def check_empty_batch(case, library):
    args = arguments(case)
    plain, out, grads = run(case, args, library)
    single = [a[:0] if i in array_positions(case, args) else a for i, a in enumerate(args)]
    full = as_tuple(case.op(*arguments(case._replace(batch="batch")), **case.options))
    shapes = [None if y is None else (0, *y.shape[1:]) for y in full]
    assert [None if y is None else tuple(y.shape) for y in plain] == shapes
    assert [None if y is None else tuple(y.shape) for y in out] == shapes
    given = [tuple(single[i].shape) for i in array_positions(case, args)]
    assert [tuple(g.shape) for g in grads if g is not None] == given


@pytest.mark.libraries("numpy", "strict.*", "torch")
@pytest.mark.parametrize("case", cases(shapes=("general", "square"), batches=("empty",)))
def test_empty_batch(case, library):
    check_empty_batch(case, library)


@pytest.mark.libraries("torch-cuda", "jax", "cupy")
@pytest.mark.parametrize("case", cases(shapes=("small",), batches=("empty",), fields=("real",)))
def test_empty_batch_where_shapes_are_dear(case, library):
    check_empty_batch(case, library)


# Complex rotations put signs into phases and turn by other angles than real ones.
SAME_WHEN_COMPLEX = tuple(name for name in OPS if name != "givens_angles")


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize(
    "case", cases(("general",), ("one",), names=SAME_WHEN_COMPLEX, fields=("real",))
)
def test_complex_op_on_real_numbers_is_the_real_op(case, library):
    args = arguments(case)
    kinds = {p.position: p.kind for p in case.op.signature.parameters}
    widened = [
        a.astype(complex) if kinds.get(i, "real") != "real" and a is not None else a
        for i, a in enumerate(args)
    ]
    actual = as_tuple(case.op(*widened, **case.options))
    expected = as_tuple(case.op(*args, **case.options))
    pairs = [(x, y) for x, y in zip(actual, expected, strict=True) if y is not None]
    assert_tuples_close(*zip(*pairs, strict=True), 100, EPS)
