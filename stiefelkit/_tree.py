"""Trees of arrays: nested dicts, lists and tuples; anything else is a leaf.

`None` is an empty tree, a named tuple a leaf. Dicts keep the order of the first tree's keys.
"""

from collections.abc import Callable, Iterator
from typing import Any

from ._typing import Tree


def tree_map(function: Callable[..., Any], tree: Tree, *rest: Tree) -> Tree:
    """Apply `function` to the leaves of `tree` and to what stands there in the `rest`."""
    if tree is None:
        return None
    if isinstance(tree, dict):
        for other in rest:
            if other.keys() != tree.keys():
                raise ValueError(
                    f"The trees differ: one has the keys {list(tree)}, another has {list(other)}."
                )
        return {k: tree_map(function, v, *(r[k] for r in rest)) for k, v in tree.items()}
    if type(tree) in (list, tuple):
        for other in rest:
            if len(other) != len(tree):
                raise ValueError(
                    f"The trees differ: one has {len(tree)} branches, another {len(other)}."
                )
        return type(tree)([tree_map(function, *leaves) for leaves in zip(tree, *rest, strict=True)])
    return function(tree, *rest)


def tree_items(tree: Tree, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path, leaf) pairs; a path is the keys and indices joined by '/'."""
    if tree is None:
        return
    if isinstance(tree, dict):
        branches = list(tree.items())
    elif type(tree) in (list, tuple):
        branches = list(enumerate(tree))
    else:
        yield path, tree
        return
    for key, branch in branches:
        yield from tree_items(branch, f"{path}/{key}" if path else str(key))


def tree_leaves(tree: Tree) -> list[Any]:
    """Return the leaves from left to right."""
    return [leaf for _, leaf in tree_items(tree)]


def tree_map_with_path(
    function: Callable[..., Any], tree: Tree, *rest: Tree, path: str = ""
) -> Tree:
    """Apply ``function(path, leaf, *leaves)`` to matching leaves."""
    paths = _paths(tree, path)
    return tree_map(function, paths, tree, *rest)


def _paths(tree, path):
    if tree is None:
        return None
    below = f"{path}/" if path else ""
    if isinstance(tree, dict):
        return {k: _paths(v, f"{below}{k}") for k, v in tree.items()}
    if type(tree) in (list, tuple):
        return type(tree)([_paths(v, f"{below}{i}") for i, v in enumerate(tree)])
    return path
