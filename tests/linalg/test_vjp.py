"""The gradients: finite differences in double precision, and every library against NumPy."""

import numpy as np
import pytest

from .._arguments import (
    adjoint,
    arguments,
    array_positions,
    as_tuple,
    cases,
    cotangents,
    draw_like,
)

# Central differences of fourth order: rounding, some 1e-12, is what remains.
STEP = 1e-4
WEIGHTS = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))


def directions(case, args):
    """Return one random direction for each array, in the set where the op is defined."""
    rng = np.random.default_rng(2)
    positive = {p.position for p in case.op.signature.parameters if p.kind == "positive"}
    found = {}
    for i in array_positions(case, args):
        D = draw_like(rng, args[i].shape, np.iscomplexobj(args[i]))
        found[i] = D + adjoint(D) if i in positive else D
    return found


def slopes(case, args, G, along):
    """Return the derivative of Re<G, op(args)> along each direction."""

    def value(i, step):
        moved = [a + step * STEP * along[i] if j == i else a for j, a in enumerate(args)]
        out = as_tuple(case.op(*moved, **case.options))
        return sum(inner(g, y) for g, y in zip(as_tuple(G), out, strict=True))

    return [sum(w * value(i, step) for step, w in WEIGHTS) / STEP for i in along]


def inner(x, y):
    return 0.0 if x is None else float(np.sum(np.real(np.conj(x) * y)))


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize("case", cases())
def test_backward_equals_finite_differences(case, library):
    args = arguments(case)
    Y, residuals = case.op.forward(*args, **case.options)
    G = cotangents(case, Y)
    grads = case.op.backward(G, residuals)
    along = directions(case, args)
    given = [g for g in grads if g is not None]
    expected = [inner(D, g) for D, g in zip(along.values(), given, strict=True)]
    np.testing.assert_allclose(slopes(case, args, G, along), expected, rtol=1e-8, atol=1e-8)
