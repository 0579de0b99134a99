"""Functions of tensors have the gradients of their ops, under every transform of PyTorch."""

import numpy as np
import pytest

from stiefelkit.linalg import (
    cayley,
    cwy_apply,
    givens_angles,
    givens_product,
    givens_rotate,
    householder_vectors,
    orthonormalize,
    solve,
    tcwy_matrix,
)
from stiefelkit.parametrizations import CWY, UnitaryFFT
from stiefelkit.rnn import ModReLU, Tanh, unroll

from .._classes import DOUBLES, assert_close
from ._torch_front import (
    Layer,
    draw,
    draw_weight,
    every_choice,
    front,
    host,
    loss,
    torch,
)

pytestmark = pytest.mark.usefixtures("passes_on_both")
PLACES = {"tall": (3, 2), "wide": (2, 3), "square": (3, 3), "batch": (2, 2, 1)}


def leaf(rng, *shape, dtype="float64"):
    return torch.as_tensor(draw(rng, shape, dtype)).requires_grad_()


@pytest.mark.parametrize("dtype", DOUBLES)
@pytest.mark.parametrize("shape", list(PLACES.values()), ids=list(PLACES))
@every_choice
def test_weights(chosen, based, shape, dtype, rng):
    layer = front.orthogonal(
        Layer(draw(rng, shape, dtype)), orthogonal_map=chosen, use_trivialization=based
    )
    parts = layer.parametrizations.weight
    leaves = [torch.empty_like(x).normal_().requires_grad_() for x in parts.parameters()]
    assert torch.autograd.gradcheck(parts[0], leaves)


@pytest.mark.parametrize("parametrization", [CWY(3, 2, free_phases=True), UnitaryFFT(2)], ids=str)
def test_apply_of_a_parametrization(parametrization, rng):
    apply = front.differentiable_pair(
        parametrization.apply_forward, parametrization.apply_backward, name="apply"
    )
    params = parametrization.init(rng=rng, like=torch.empty(0, dtype=torch.complex128))
    free = [name for name in params if name not in parametrization.fixed]
    leaves = [params[name].requires_grad_() for name in free]
    X = leaf(rng, 2, parametrization.p, 2, dtype="complex128")

    def function(X, *leaves):
        return apply({**params, **dict(zip(free, leaves, strict=True))}, X)

    assert torch.autograd.gradcheck(function, (X, *leaves))


def test_broadcasting_options_none_and_what_is_no_tensor(rng):
    V, X = leaf(rng, 4, 2), leaf(rng, 2, 1, 4, 3)
    W = leaf(rng, 3, 4, 2)
    assert torch.autograd.gradcheck(front.differentiable(cwy_apply), (W, X))
    assert torch.autograd.gradcheck(front.differentiable(tcwy_matrix), (V,))
    rotate = front.differentiable(givens_rotate)
    theta = leaf(rng)
    assert torch.autograd.gradcheck(lambda X, t: rotate(X, 0, 2, t, side="left"), (V, theta))
    polar = front.differentiable(orthonormalize)
    assert torch.autograd.gradcheck(lambda X: polar(X, method="polar"), (V,))
    # The cotangent of one output is left out, and an output is None.
    Q = torch.as_tensor(draw_weight(rng, (3, 3))).requires_grad_()
    theta, phi, _ = front.differentiable(givens_angles)(Q)
    assert phi is None
    theta.sum().backward()
    assert Q.grad.isfinite().all()
    vectors = front.differentiable(householder_vectors)
    assert torch.autograd.gradcheck(lambda Q: vectors(Q)[0], (Q,))
    with pytest.raises(TypeError, match="`tcwy_matrix` takes tensors"):
        front.differentiable(tcwy_matrix)(np.eye(2))


def test_an_input_that_is_given_twice_gets_both_gradients(rng):
    A = leaf(rng, 3, 3)
    assert torch.autograd.gradcheck(lambda A: front.differentiable(solve)(A, A @ A), (A,))
    assert torch.autograd.gradcheck(lambda A: front.differentiable(cwy_apply)(A, A), (A,))


@pytest.mark.parametrize("last", [True, False])
def test_the_loop_of_a_network(last, rng):
    run = front.differentiable(unroll)
    W, Z, h, b = leaf(rng, 3, 3), leaf(rng, 4, 2, 3), leaf(rng, 2, 3), leaf(rng, 3)
    tanh, relu = {"activation": Tanh(), "last": last}, {"activation": ModReLU(), "last": last}
    assert torch.autograd.gradcheck(lambda *args: run(*args, **tanh), (W, Z, h))
    assert torch.autograd.gradcheck(lambda *args: run(*args, **relu), (W, Z, h, b))


def test_the_gradient_is_that_of_the_operations_inside(rng):
    """PyTorch's own gradient of the reference is an independent one."""
    V, X = leaf(rng, 2, 5, 3, dtype="complex128"), leaf(rng, 5, 2, dtype="complex128")
    ours = torch.autograd.grad(loss(front.differentiable(cwy_apply)(V, X)), (V, X))
    theirs = torch.autograd.grad(loss(cwy_apply.reference(V, X)), (V, X))
    for mine, other in zip(ours, theirs, strict=True):
        assert_close(host(mine), host(other), 1e-11)


def test_nothing_is_saved_twice(rng):
    V, X = leaf(rng, 2000, 2), leaf(rng, 2000, 8)  # too large for arrays, which nobody sees
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        front.differentiable(cwy_apply)(V, X)
    kept = [x for x in kept if x.numel()]  # what is empty stands for an input
    places = [x.untyped_storage().data_ptr() for x in kept]
    assert len(places) == len(set(places))
    # Besides the arguments, k-by-k and k-by-m numbers.
    given = {V.data_ptr(), X.data_ptr()}
    assert sum(x.numel() for x in kept if x.data_ptr() not in given) == 2 * 2 + 2 * 8


FUNCTIONS = {
    "batched": (cwy_apply, [(4, 2), (4, 3)]),
    "batched, other batch axes": (cwy_apply, [(4, 2), (2, 4, 3)]),
    "in place inside": (givens_product, [(6,), (4, 2)]),
    "one by one": (unroll, [(3, 3), (2, 2, 3), (2, 3)]),
}


@pytest.mark.parametrize("mapped", [(0, 0), (None, 0), (0, None), (-1, 0)], ids=str)
@pytest.mark.parametrize("what", FUNCTIONS)
def test_vmap_of_values_and_gradients(what, mapped, rng):
    op, shapes = FUNCTIONS[what]
    options = {"activation": Tanh()} if op is unroll else {}
    function = front.differentiable(op)
    mapped = (*mapped, None)[: len(shapes)]
    args = [
        torch.as_tensor(draw(rng, shape if dim is None else (3, *shape)))
        for shape, dim in zip(shapes, mapped, strict=True)
    ]

    def entry(b):
        return [x if dim is None else x[b] for x, dim in zip(args, mapped, strict=True)]

    def value(*args):
        return function(*args, **options)

    gradient = torch.func.grad(lambda *args: loss(value(*args)), tuple(range(len(args))))
    given = [x.movedim(0, -1) if dim == -1 else x for x, dim in zip(args, mapped, strict=True)]
    values = torch.func.vmap(value, in_dims=mapped)(*given)
    gradients = torch.func.vmap(gradient, in_dims=mapped)(*given)
    for b in range(3):
        assert_close(host(values[b]), host(value(*entry(b))), 1e-13)
        for mine, other in zip(gradients, gradient(*entry(b)), strict=True):
            assert_close(host(mine[b]), host(other), 1e-11)


@pytest.mark.parametrize("what", FUNCTIONS)
def test_jacrev(what, rng):
    op, shapes = FUNCTIONS[what]
    options = {"activation": Tanh()} if op is unroll else {}
    args = [leaf(rng, *shape) for shape in shapes]

    def value(*args):
        return front.differentiable(op)(*args, **options)

    found = torch.func.jacrev(value, tuple(range(len(args))))(*args)
    expected = torch.autograd.functional.jacobian(value, tuple(args))
    for mine, other in zip(found, expected, strict=True):
        assert_close(host(mine), host(other), 1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_autocast_leaves_maps_in_their_dtype(dtype, rng):
    A = leaf(rng, 6, 2, dtype=dtype)
    skew = torch.cat([A[:2] - A[:2].mT, A[2:]])
    function = front.differentiable(cayley)
    (expected,) = torch.autograd.grad(loss(function(skew)), A, retain_graph=True)
    with torch.autocast("cpu", torch.bfloat16):
        Q = function(skew)
        (found,) = torch.autograd.grad(loss(Q), A)
    assert Q.dtype == A.dtype
    assert_close(host(Q), host(function(skew)), 0)
    assert_close(host(found), host(expected), 0)
