"""Trees of tensors taken apart: a list of tensors, and the tree with their places in it."""

from typing import Any, NamedTuple

import numpy
import torch


class Place(NamedTuple):
    """Where a tensor stands in the list."""

    number: int


# Types that are told first, since trees are taken apart in each call.
_LEAVES = frozenset(
    {Place, torch.Tensor, torch.nn.Parameter, numpy.ndarray, type(None), int, float, bool, str}
)
_SEQUENCES = tuple, list


def take_apart(tree: Any, tensors: list[torch.Tensor]) -> Any:
    """Append the tensors of a tree to a list, and return the tree with places instead."""

    def replace(leaf):
        if not isinstance(leaf, torch.Tensor):
            return leaf
        tensors.append(leaf)
        return Place(len(tensors) - 1)

    return map_leaves(replace, tree)


def put_together(frame: Any, tensors: Any) -> Any:
    """Return the tree with tensors at the places."""
    return map_leaves(lambda leaf: tensors[leaf.number] if isinstance(leaf, Place) else leaf, frame)


def collect(frame: Any, tree: Any, found: list[Any]) -> None:
    """Write what `tree` has at the places of `frame` into a list; what it lacks is left out."""
    if tree is None:
        return
    if isinstance(frame, Place):
        found[frame.number] = tree
    elif isinstance(frame, dict):
        for name, branch in frame.items():
            collect(branch, tree.get(name), found)
    elif isinstance(frame, tuple | list):
        for branch, below in zip(frame, tree, strict=False):
            collect(branch, below, found)


def map_leaves(function, tree):
    """Return the tree of what a function makes of all that is no tree."""
    kind = type(tree)
    if kind in _LEAVES:
        return function(tree)
    if issubclass(kind, _SEQUENCES):
        if tree and type(tree[0]) is int:  # a shape, of which residuals are full
            return tree
        branches = [map_leaves(function, branch) for branch in tree]
        # A named tuple takes its fields one by one.
        return kind(*branches) if hasattr(tree, "_fields") else kind(branches)
    if issubclass(kind, dict):
        return {name: map_leaves(function, branch) for name, branch in tree.items()}
    return function(tree)
