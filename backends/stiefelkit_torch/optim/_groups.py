"""What a group of parameters must be."""

import inspect
import math

import torch

from stiefelkit.manifolds import (
    AbstractManifold,
    Euclidean,
    Grassmann,
    Orthogonal,
    Product,
    SpecialOrthogonal,
    Stiefel,
)

FRAMES = "`Stiefel`, `Grassmann`, `Orthogonal` and `SpecialOrthogonal`"
_SHARED = ("manifold", "rows", "maximize")
_HALF = (torch.float16, torch.bfloat16)
_SIZES = ("lr", "momentum", "eps", "weight_decay")
_FACTORS = ("alpha", "decay", "betas")


def is_frames(manifold: AbstractManifold) -> bool:
    """Say whether points are matrices with orthonormal columns."""
    return isinstance(manifold, Stiefel | Grassmann | Orthogonal)


def group_names(group, params) -> list:
    """Return the names of some parameters of a group, or their numbers in it."""
    names = group.get("param_names", range(len(group["params"])))
    wanted = {id(p) for p in params}
    return [n for n, p in zip(names, group["params"], strict=True) if id(p) in wanted]


def check_options(cls: type, unknown) -> None:
    """Raise if there are options that an optimizer does not have."""
    if unknown:
        own = list(inspect.signature(cls).parameters.values())[1:]
        known = [p.name for p in own if p.kind is not p.VAR_KEYWORD]
        raise TypeError(
            f"`{cls.__name__}` has the options {[*known, *_SHARED]}. Got {sorted(unknown)}. "
            "Correct the name, or leave it out."
        )


def check_group(optimizer: str, group, manifolds: tuple[type, ...]) -> None:
    """Raise unless the manifold, the options and the shapes fit together."""
    manifold, name = group["manifold"], type(group["manifold"]).__name__
    if not isinstance(manifold, AbstractManifold) or isinstance(manifold, Product):
        raise TypeError(
            f'"manifold" of a group is that of each of its tensors, such as `Stiefel()`. Got '
            f"{manifold!r}. Give tensors on another manifold a group of their own."
        )
    if not isinstance(manifold, manifolds):
        known = ", ".join(f"`{m.__name__}`" for m in manifolds)
        raise TypeError(
            f"`{optimizer}` moves points of {known}. Got a group on `{name}`. Give it another "
            "optimizer, such as `SGD`."
        )
    _check_numbers(group)
    if isinstance(manifold, Euclidean):
        if group["rows"]:
            raise ValueError(
                '"rows" is for frames. Got it in a group on `Euclidean`; set it False.'
            )
        return
    if group.get("weight_decay"):
        raise ValueError(
            f'"weight_decay" is for groups on `Euclidean`: all points of `{name}` have one norm. '
            f'Got {group["weight_decay"]}. Set "weight_decay": 0 in this group.'
        )
    for p in group["params"]:
        _check_tensor(p, group_names(group, [p])[0], group)


def _check_numbers(group):
    for key in _SIZES:
        if key in group and not 0 <= float(group[key]) < math.inf:
            raise ValueError(f'"{key}" is a number >= 0. Got {group[key]}.')
    for key in _FACTORS:
        values = group.get(key) or 0.0
        for value in values if isinstance(values, tuple | list) else (values,):
            if not 0 <= float(value) < 1:
                raise ValueError(f'"{key}" is within [0, 1). Got {group[key]}.')


def _check_tensor(p, place, group):
    manifold, shape = group["manifold"], tuple(p.shape)
    name = type(manifold).__name__
    if p.dtype in _HALF:
        raise TypeError(
            f"A point of `{name}` has numbers of 32 or 64 bits, as 16 cannot hold orthonormality. "
            f"Got {p.dtype} for parameter {place!r}. Keep it in float32, and use "
            "`torch.autocast`."
        )
    if isinstance(manifold, SpecialOrthogonal) and p.is_complex():
        raise TypeError(
            f"A point of `{name}` is real. Got {p.dtype} for parameter {place!r}. Use "
            "`Orthogonal`, which is the unitary group for complex tensors."
        )
    if not is_frames(manifold):
        return
    if p.ndim < 2:
        raise ValueError(
            f"A point of `{name}` is a matrix, or a batch of them. Got shape {shape} for parameter "
            f"{place!r}. Put it in a group on `Euclidean`."
        )
    n, p_ = shape[:-3:-1] if group["rows"] else shape[-2:]
    if isinstance(manifold, Orthogonal) and n != p_:
        raise ValueError(
            f"A point of `{name}` is square. Got shape {shape} for parameter {place!r}. Use "
            "`Stiefel`."
        )
    if n < p_:
        change = '"rows": False' if group["rows"] else '"rows": True'
        what = "columns" if group["rows"] else "rows"
        raise ValueError(
            f"A frame has no more columns than rows. Got shape {shape} for parameter {place!r}. "
            f"Set {change} in its group, by which its {what} are orthonormal."
        )
