"""One `jax.custom_vjp` for whatever has a forward and a backward pass of its own.

A cotangent of JAX is the conjugate of the one with dL = Re<g, dz>, so it is conjugated on its
way in and on its way out.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy

from stiefelkit.linalg import OuterProduct


@jax.tree_util.register_pytree_node_class
class _Saved:
    """Residuals as JAX keeps them: arrays, beside whatever else there is among their leaves."""

    def __init__(self, arrays, rest):
        self.arrays, self.rest = arrays, rest

    @classmethod
    def pack(cls, residuals):
        leaves, structure = jax.tree.flatten(residuals)
        arrays = [x for x in leaves if _is_array(x)]
        places = tuple(_is_array(x) for x in leaves)
        return cls(arrays, (structure, places, tuple(x for x in leaves if not _is_array(x))))

    def unpack(self):
        (structure, places, others), arrays = self.rest, iter(self.arrays)
        others = iter(others)
        return structure.unflatten([next(arrays if here else others) for here in places])

    def tree_flatten(self):
        return self.arrays, self.rest

    @classmethod
    def tree_unflatten(cls, rest, arrays):
        return cls(list(arrays), rest)


def _is_array(x):
    return isinstance(x, jax.Array | numpy.ndarray)


def _as_jax(x):
    # Tracers, too: what stands behind one of a NumPy array is an array of no public kind.
    return jnp.asarray(x) if _is_array(x) else x


class _Passes(NamedTuple):
    """A function of several trees of arrays, and its two passes."""

    plain: Callable[..., Any]
    forward: Callable[..., tuple[Any, Any]]
    backward: Callable[[Any, Any], Any]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _evaluate(passes, args):
    return passes.plain(*args)


def _forward(passes, args):
    Y, residuals = passes.forward(*args)
    return Y, _Saved.pack(residuals)


def _backward(passes, saved, G):
    grads = passes.backward(jax.tree.map(jnp.conj, G), saved.unpack())
    grads = grads if type(grads) is tuple else (grads,)
    return (jax.tree.map(_cotangent, grads, is_leaf=lambda g: isinstance(g, OuterProduct)),)


def _cotangent(g):
    # JAX gives each argument a cotangent of its own shape, so factors are multiplied.
    return jnp.conj(g.dense() if isinstance(g, OuterProduct) else g)


_evaluate.defvjp(_forward, _backward)


def _call(passes, args):
    if not any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves(args)):
        return passes.plain(*args)  # nothing is differentiated, and tracing takes a millisecond
    return _evaluate(passes, args)


def differentiable_pair(
    forward: Callable[..., tuple[Any, Any]], backward: Callable[[Any, Any], Any]
) -> Callable[..., Any]:
    """Return a function of JAX arrays that JAX differentiates by a hand-derived backward pass.

    `jax.grad`, `jax.vjp` and `jax.jacrev` call it, in JAX's convention: for complex arrays their
    result is the conjugate of what `backward` gives. `jax.jit` and `jax.vmap` apply as to any
    function. Forward mode, `jax.jvp` and `jax.jacfwd`, raises JAX's TypeError. A second derivative
    is JAX's own one of the backward pass, in either mode: `jax.hessian` works.

    Parameters
    ----------
    forward : callable
        ``forward(*args, **options)`` returns output and residuals; `args` are JAX arrays, trees
        of them or None, what is no array is an option. The output is an array or a tree of them.
    backward : callable
        ``backward(G, residuals)`` returns a cotangent g for each of `args`, a tree like it in
        which None is zero, such that dL = Re<g, dz>; without a tuple if there is one argument.

    Returns
    -------
    callable
        Takes the arguments and options of `forward`, and returns its output. NumPy arrays among
        the arguments become JAX arrays.

    Examples
    --------
    >>> import jax
    >>> from stiefelkit_jax import differentiable_pair
    >>> square = differentiable_pair(lambda x: (x**2, x), lambda G, x: 2 * G * x)
    >>> float(jax.grad(square)(3.0))
    6.0
    """

    @functools.wraps(forward, updated=())
    def call(*args, **options):
        def run(*args):
            return forward(*args, **options)

        args = jax.tree.map(_as_jax, args)
        return _call(_Passes(lambda *args: run(*args)[0], run, backward), args)

    return call


def differentiable(op: Any) -> Callable[..., Any]:
    """Return an op as a function of JAX arrays that JAX differentiates by the op's own VJP.

    It takes the arguments and options of the op, which are checked in the same way. NumPy arrays
    become JAX arrays. What holds of derivatives is said at `differentiable_pair`.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> from stiefelkit.linalg import gram
    >>> from stiefelkit_jax import differentiable
    >>> G = jax.grad(lambda X: differentiable(gram)(X)[0, 0])(jnp.ones((2, 1)))
    >>> G.tolist()
    [[2.0], [2.0]]
    """
    parameters = op.signature.parameters

    @functools.wraps(op, updated=())
    def call(*args, **options):
        args = _convert(args, parameters)
        places = [p.position for p in parameters if p.position < len(args)]

        def run(function, *arrays):
            whole = list(args)
            for i, x in zip(places, arrays, strict=True):
                whole[i] = x
            return function(*whole, **options)

        plain, forward = (functools.partial(run, f) for f in (op, op.forward))
        return _call(_Passes(plain, forward, op.backward), tuple(args[i] for i in places))

    return call


def _convert(args, parameters):
    """Return the arguments with JAX arrays in the places of arrays."""
    args = list(args)
    given = [p for p in parameters if p.position < len(args) and args[p.position] is not None]
    for p in given:
        args[p.position] = _as_jax(args[p.position])
    like = next((args[p.position] for p in given if _is_array(args[p.position])), None)
    for p in given:
        if like is not None and not p.dims and isinstance(args[p.position], int | float):
            # In the precision of the arrays: a number alone would be in JAX's default one.
            args[p.position] = jnp.asarray(args[p.position], dtype=jnp.finfo(like.dtype).dtype)
    return args
