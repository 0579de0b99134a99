"""Optimizers as pairs of pure functions, whose state is a tree of arrays."""

import fnmatch
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from stiefelkit.manifolds import Euclidean
from stiefelkit.optim import (
    POGO,
    AbstractOptimizer,
    ClipNorm,
    ClipValue,
    Landing,
    Partition,
    State,
)

# The farthest from which a step of `POGO` surely leads nearer.
_RADIUS = 0.5


class GradientTransformation(NamedTuple):
    """A pair of pure functions, as Optax has them.

    ``init(params) -> state`` and ``update(grads, state, params) -> (updates, state)``, where
    ``params + updates`` are the new parameters.
    """

    init: Callable[[Any], "TransformationState"]
    update: Callable[..., tuple[Any, "TransformationState"]]


class TransformationState(NamedTuple):
    """What an optimizer remembers, arrays alone: the count of updates, and its slots by path."""

    step: Any
    slots: Any


def gradient_transformation(
    optimizer: AbstractOptimizer, manifolds: Any = None
) -> GradientTransformation:
    """Return an optimizer as a pair of pure functions, for `jax.jit` and `jax.lax.scan`.

    Parameters
    ----------
    optimizer : AbstractOptimizer
        Any of `stiefelkit.optim` that takes no random numbers and chooses nothing by the values
        of arrays: of the rules of `CoordinateDescent`, `GaussSouthwell` and
        `BlockGaussSouthwell`. A schedule is called with an array, once for all steps.
    manifolds : tree of AbstractManifold, optional
        Like the parameters, with a manifold in place of each array, or None where one is to be
        left alone. Without it all are Euclidean.

    Returns
    -------
    GradientTransformation
        Its `update` takes gradients in JAX's convention, as `jax.grad` gives them; one that is
        None leaves its parameter alone. Parameters may be any tree that JAX knows; patterns of
        `Partition` see its keys, fields and indices joined by ``/``.

    Raises
    ------
    ValueError
        By `init`, if the optimizer draws random numbers on the host, or if a parameter is off its
        manifold and not traced, so that this can be seen.
    TypeError
        By `init`, if the optimizer or its schedule cannot be traced.

    Notes
    -----
    Takes the steps of ``optimizer.update``. What is done every ten updates there, the repair of
    rounding errors, is computed in each and then chosen or not.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> from stiefelkit.manifolds import Stiefel
    >>> from stiefelkit.optim import SGD
    >>> from stiefelkit_jax import gradient_transformation
    >>> init, update = gradient_transformation(SGD(0.2), {"Q": Stiefel()})
    >>> params = {"Q": jnp.eye(3, 1)}
    >>> state = init(params)
    >>> for _ in range(60):
    ...     grads = jax.grad(lambda params: params["Q"][1, 0])(params)
    ...     updates, state = update(grads, state, params)
    ...     params = jax.tree.map(jnp.add, params, updates)
    >>> [abs(round(x, 3)) for x in params["Q"][:, 0].tolist()]
    [0.0, 1.0, 0.0]
    """

    def init(params):
        points, places = _by_path(params, params), _places(params, manifolds)
        slots = optimizer.init(points, places).slots
        _refuse_host_numbers(optimizer, slots)
        _check_start(optimizer, points, places or {})
        state = TransformationState(jnp.zeros((), dtype="int32"), slots)
        _try(optimizer, update, state, params)
        return state

    def update(grads, state, params=None):
        if params is None:
            raise ValueError(
                "A step on a manifold needs the point. Give `params` as the third argument."
            )
        old, conjugates = _by_path(params, params), jax.tree.map(jnp.conj, _by_path(params, grads))
        # Manifolds are no arrays, so they are not in the state. The step becomes a number of
        # weak type, which forces no dtype on the arrays that it meets.
        places = optimizer.init(old, _places(params, manifolds)).manifolds
        new, core = optimizer.update(conjugates, State(1.0 * state.step, state.slots, places), old)
        updates = [new[path] - x for path, x in old.items()]
        structure = jax.tree.structure(params)
        return structure.unflatten(updates), TransformationState(state.step + 1, core.slots)

    return GradientTransformation(init, update)


def _by_path(params, tree):
    """Return what stands in the places of the parameters, by their paths."""
    paths, structure = jax.tree.flatten_with_path(params)
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in paths]
    return dict(zip(names, structure.flatten_up_to(tree), strict=True))


def _places(params, manifolds):
    return None if manifolds is None else _by_path(params, manifolds)


def _refuse_host_numbers(optimizer, slots):
    if not all(isinstance(x, jax.Array) for x in jax.tree.leaves(slots)):
        raise ValueError(
            f"`gradient_transformation` takes rules without random numbers, as these are drawn on "
            f"the host. Got {optimizer}. Use a rule such as `GaussSouthwell`, or call "
            "`optimizer.update` itself, outside `jax.jit`."
        )


def _check_start(optimizer, points, places):
    """Raise for a point that is off its manifold, where there are values to look at."""
    for path, manifold in places.items():
        x = points[path]
        if manifold is None or isinstance(manifold, Euclidean) or isinstance(x, jax.core.Tracer):
            continue
        if x.dtype.itemsize < 4:  # of 16 bits no bound on the rounding is known
            continue
        try:
            with jax.ensure_compile_time_eval():
                _check_point(_rule(optimizer, path), manifold, x)
        except ValueError as error:
            place = f"`params` at {path!r}" if path else "`params`"
            raise ValueError(f"{place} is no start: {error}") from error


def _rule(optimizer, path):
    """Return the rule that moves the parameter of a path."""
    while isinstance(optimizer, Partition | ClipNorm | ClipValue):
        if isinstance(optimizer, Partition):
            rules = optimizer.optimizers.items()
            optimizer = next(rule for p, rule in rules if fnmatch.fnmatchcase(path, p))
        else:
            optimizer = optimizer.optimizer
    return optimizer


def _check_point(rule, manifold, x):
    if not isinstance(rule, Landing | POGO):
        manifold.check_point(x)
        return
    # Their iterates are beside the manifold, and a run may go on from one.
    radius, far = getattr(rule, "radius", _RADIUS), manifold.residual(x)
    if not bool((far <= radius).all()):
        raise ValueError(
            f"`{type(rule).__name__}` starts where |Q^T Q - I|_F <= {radius}. Got "
            f"{float(far.max()):.2g}. Project it by `stiefelkit.linalg.orthonormalize`."
        )


def _try(optimizer, update, state, params):
    """Trace one update, so that what cannot be traced is refused at the start."""
    try:
        jax.eval_shape(update, params, state, params)
    except TypeError as error:
        raise TypeError(
            "`gradient_transformation` takes optimizers and schedules that JAX can trace: none "
            f"that looks at the value of a step or of an array. Got {optimizer}. Call "
            "`optimizer.update` itself, outside `jax.jit`."
        ) from error
