"""What `minimize` and its methods are called with, checked before they run."""

import inspect
from collections.abc import Callable
from typing import Any

from .._tree import tree_items, tree_map
from .._typing import Tree
from .._xp import array_namespace, namespace_key
from ..manifolds import AbstractManifold, Product
from ._result import MinimizeError, MinimizeResult, Status
from ._vectors import own


def check_start(x0: Tree, manifold: AbstractManifold) -> Tree:
    """Return a copy of a tree of arrays of one library; raise unless it is on the manifold."""
    for _, leaf in tree_items(x0):
        if not hasattr(leaf, "dtype"):
            raise TypeError(f"`x0` is an array or a tree of arrays. Got {type(leaf).__name__}.")
    _check_libraries(x0)
    _check_structure(x0, manifold)
    x0 = own(x0, _structure(manifold))
    try:
        manifold.check_point(x0)
    except ValueError as error:
        raise MinimizeError(f"`x0` is no start: {error}", Status.INFEASIBLE_START) from error
    return x0


def check_limits(tol: float | None, *limits: int | None) -> None:
    """Raise unless the tolerance, and the limits of iterations and evaluations, are from 0 on."""
    if tol is not None and not tol >= 0:
        raise ValueError(f"`tol` is a number from 0 on, or None for the default. Got {tol}.")
    for limit in limits:
        if limit is not None and not limit >= 0:
            raise ValueError(f"`maxiter` and `maxfun` are numbers from 0 on. Got {limit}.")


def check_call(manifold: Any, jac: Any) -> None:
    """Raise unless there is a manifold, and a source of gradients."""
    _check_manifold(manifold)
    if not (jac is None or isinstance(jac, bool) or callable(jac)):
        raise TypeError(
            "`jac` is True if `fun` returns (value, gradient), a function that returns the "
            f"Euclidean gradient, or None to let the array library differentiate. Got {jac!r}."
        )


def _check_manifold(manifold):
    if isinstance(manifold, AbstractManifold):
        return
    if isinstance(manifold, type):
        name = manifold.__name__
        raise TypeError(f"`manifold` is an object. Got the class `{name}`; call it: `{name}()`.")
    raise TypeError(
        f"`manifold` is an `AbstractManifold`. Got {type(manifold).__name__}; `Product` makes one "
        "of a tree of manifolds."
    )


def check_positive(solver: Any, *names: str) -> None:
    """Raise unless these options are positive numbers, or None."""
    for name in names:
        value = getattr(solver, name)
        if value is not None and not value > 0:
            raise ValueError(f"`{name}` is a positive number. Got {value}.")


def checked_function(
    fun: Callable[[Tree], Any], jac: Callable[[Tree], Tree] | bool | None
) -> Callable[[Tree], Any]:
    """Return `fun`, with an error where it returns a pair and should not, or the reverse."""

    def pair(x):
        found = fun(x)
        if not (isinstance(found, tuple | list) and len(found) == 2):
            raise TypeError(
                "With `jac=True`, `fun` returns a pair (value, gradient). Got "
                f"{_shown(found)}. For a function of the gradient use `jac=gradient`."
            )
        return found

    def value(x):
        found = fun(x)
        if isinstance(found, tuple | list):
            raise TypeError(
                f"`fun` returns a number, unless `jac=True`. Got {_shown(found)}; if it is "
                "(value, gradient), use `jac=True`."
            )
        return found

    return pair if jac is True else value


def checked_callback(callback: Callable[..., Any]) -> Callable[[MinimizeResult], Any]:
    """Return a function of the result; SciPy's form has it as the keyword of one name."""
    try:
        names = set(inspect.signature(callback).parameters)
    except (TypeError, ValueError):  # built-in functions may have no signature
        return callback
    if names == {"intermediate_result"}:
        return lambda result: callback(intermediate_result=result)
    return callback


def _check_libraries(x0):
    found = {namespace_key(array_namespace(leaf)): path for path, leaf in tree_items(x0)}
    if len(found) > 1:
        places = ", ".join(f"{library} at {path!r}" for library, path in found.items())
        raise TypeError(f"`x0` has arrays of one library. Got {places}.")


def _check_structure(x0, manifold):
    wanted = [path for path, _ in tree_items(_structure(manifold))]
    found = [path for path, _ in tree_items(x0)]
    if sorted(wanted) != sorted(found):
        raise MinimizeError(
            f"`x0` is no start: it is a tree like that of the manifold, {_places(wanted)}. Got "
            f"{_places(found)}. A tree of arrays needs a `Product` of manifolds.",
            Status.INFEASIBLE_START,
        )


def _structure(manifold):
    """Return the tree of the manifolds of single arrays."""
    return tree_map(_structure, manifold.manifolds) if isinstance(manifold, Product) else manifold


def _places(paths):
    return "a single array" if paths == [""] else f"arrays at {paths}"


def _shown(found):
    if isinstance(found, tuple | list):
        return f"a {type(found).__name__} of {len(found)}"
    return type(found).__name__
