"""Where the gradient of a function comes from."""

from collections.abc import Callable
from typing import Any

from .._kernels import value_and_grad_for
from .._tree import tree_leaves
from .._typing import Tree
from .._xp import array_namespace, namespace_key


def with_gradient(
    fun: Callable[[Tree], Any], jac: Callable[[Tree], Tree] | bool | None, x0: Tree
) -> Callable[[Tree], tuple[Any, Tree]]:
    """Return a function that gives value and Euclidean gradient."""
    if jac is True:
        return fun
    if callable(jac):
        return lambda x: (fun(x), jac(x))
    library = namespace_key(array_namespace(tree_leaves(x0)[0]))
    transform = value_and_grad_for(library)
    if transform is not None:
        return transform(fun)
    raise TypeError(
        f"`{library}` arrays cannot be differentiated by their library. Give the Euclidean "
        "gradient: `jac=True` if `fun` returns (value, gradient), or `jac=gradient`."
    )
