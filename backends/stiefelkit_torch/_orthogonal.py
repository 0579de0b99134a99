"""Modules with an orthogonal or unitary weight."""

import numpy
import torch
from torch.nn.utils import parametrize

from stiefelkit.parametrizations import (
    CWY,
    TCWY,
    AbstractParametrization,
    CayleyMap,
    ExponentialMap,
    Givens,
    TrapezoidalCWY,
    Trivialization,
)

from ._call import _own_dtype
from ._load import PlainWeight
from ._parametrization import Orthogonal

_MAPS = {"householder": TrapezoidalCWY, "tcwy": TCWY, "cwy": CWY, "givens": Givens}
_BASED = {"matrix_exp": ("exponential", ExponentialMap), "cayley": ("cayley", CayleyMap)}


def orthogonal(
    module: torch.nn.Module,
    name: str = "weight",
    orthogonal_map: str | AbstractParametrization | None = None,
    *,
    use_trivialization: bool = True,
    k: int | None = None,
    project: bool = False,
    rng: int | numpy.random.Generator | None = None,
) -> torch.nn.Module:
    r"""Keep a weight orthogonal, or unitary.

    .. math:: W^\top W = I \quad\text{(tall)}, \qquad W W^\top = I \quad\text{(wide)}

    The last two axes are the matrix, the others batch: for a convolution, each kernel by itself.
    The weight starts as it is if it is orthonormal to rounding, and else as the Q factor of it
    (of its transpose if it is wide) with a positive diagonal of R. The same holds of values
    assigned later, except that others are refused, unless `project`.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place.
    name : str
        Its parameter or buffer, of at least two axes.
    orthogonal_map : str or AbstractParametrization, optional
        "tcwy" : as many Householder reflections as columns, in truncated compact WY form. The
        default for rectangular weights.
        "householder" : those whose vectors begin with zeros, in compact WY form block by block.
        The default for square ones.
        "cwy" : reflections without zeros, `k` of them if that is given.
        "givens" : plane rotations. By all of these a complex weight has free phases besides.
        "matrix_exp", "cayley" : map of a skew matrix, at a base.
        Or a configured parametrization of n-by-p frames, n and p the larger and the smaller of
        the last two lengths.
    use_trivialization : bool
        For "matrix_exp" and "cayley", start from zero at a base, which `rebase` moves, instead of
        inverting the map. The other maps have no use for a base.
    k : int, optional
        Reflections of "cwy". Fewer than columns do not reach every matrix, so that the weight
        starts from one drawn by `rng`, and none can be assigned.
    project : bool
        Replace values assigned later by their Q factor, if they are not orthonormal.
    rng : int or numpy.random.Generator, optional
        For maps that do not reach every matrix; by default with a seed that PyTorch draws.

    Returns
    -------
    torch.nn.Module
        `module`. Its free parameters are ``parametrizations.<name>.original``, or ``original0``,
        ``original1``; fixed leaves such as signs are buffers.

    Raises
    ------
    ValueError
        For a tensor that is no matrix, NaN, an unknown map, or one of other sizes.
    TypeError
        For a weight of integers.

    Notes
    -----
    Costs that of the map for each forward pass, :math:`O(np^2)` by every map; the base of a
    rectangular weight is n-by-p. See `torch.nn.utils.parametrize.cached` for weights that are read
    often. Of 16-bit weights, the map runs in float32.

    Examples
    --------
    >>> import torch
    >>> from stiefelkit_torch import orthogonal
    >>> layer = orthogonal(torch.nn.Linear(20, 40))
    >>> W = layer.weight
    >>> bool(torch.dist(W.T @ W, torch.eye(20)) < 1e-5)
    True
    """
    weight = _weight(module, name)
    parametrization = _parametrization(weight, orthogonal_map, use_trivialization, k)
    made = Orthogonal(weight, parametrization, project=project, rng=rng)
    parametrize.register_parametrization(module, name, made, unsafe=True)
    PlainWeight(name).take_over(module)
    return module


def _weight(module, name):
    weight = getattr(module, name, None)
    if not isinstance(weight, torch.Tensor):
        raise ValueError(
            f"`orthogonal` takes the name of a parameter or buffer of the module. Got {name!r} of "
            f"a {type(module).__name__}."
        )
    if weight.ndim < 2:
        raise ValueError(
            f"`orthogonal` takes a matrix or a batch of them. Got `{name}` of shape "
            f"{tuple(weight.shape)}."
        )
    if not (weight.is_floating_point() or weight.is_complex()):
        raise TypeError(
            f"`orthogonal` takes a weight of real or complex floating-point numbers. Got `{name}` "
            f"of {weight.dtype}."
        )
    return weight


def _parametrization(weight, chosen, use_trivialization, k):
    n, p = max(weight.shape[-2:]), min(weight.shape[-2:])
    if chosen is None:
        chosen = "cwy" if k is not None else "householder" if n == p else "tcwy"
    if k is not None and chosen != "cwy":
        raise ValueError(f'`k` is for the map "cwy". Got k={k} with {chosen!r}.')
    if isinstance(chosen, AbstractParametrization):
        if (chosen.n, chosen.p) != (n, p):
            raise ValueError(
                f"A weight of shape {tuple(weight.shape)} takes a parametrization with n={n} and "
                f"p={p}. Got {chosen!r}."
            )
        return chosen
    if chosen in _BASED:
        kind, plain = _BASED[chosen]
        return Trivialization(n, p, map=kind) if use_trivialization else plain(n, p)
    if chosen not in _MAPS:
        raise ValueError(
            f"`orthogonal_map` is one of {', '.join(sorted({*_MAPS, *_BASED}))}, or a "
            f"parametrization. Got {chosen!r}."
        )
    # Reflections keep the determinant of a unitary matrix, and rotations the phases of columns.
    options = {"free_phases": True} if weight.is_complex() else {}
    return CWY(n, p, k, **options) if chosen == "cwy" else _MAPS[chosen](n, p, **options)


@torch.no_grad()
def rebase(module: torch.nn.Module) -> torch.nn.Module:
    """Move the bases of trivializations to where the weights are, which stay.

    To be called every few hundred updates of the optimizer: dynamic trivialization
    [LezcanoCasado:2019]_. Moments of the optimizer go on in the coordinates of the new base.

    Parameters
    ----------
    module : torch.nn.Module
        Its weights by "matrix_exp" and "cayley", and those of submodules, are rebased in place.

    Returns
    -------
    torch.nn.Module
        `module`.

    Examples
    --------
    >>> import torch
    >>> from stiefelkit_torch import orthogonal, rebase
    >>> layer = orthogonal(torch.nn.Linear(3, 3), orthogonal_map="cayley")
    >>> bool((rebase(layer).parametrizations.weight.original == 0).all())
    True
    """
    for part, name, made in orthogonal_weights(module):
        if isinstance(made.parametrization, Trivialization):
            leaf = part.parametrizations[name].original
            with _own_dtype([leaf]):
                moved = made.parametrization.rebase(made.params([leaf.detach()]))
            leaf.copy_(made.take(moved))
    return module


def orthogonal_weights(module):
    """Yield what has leaves by `orthogonal` in a module: submodule, name and parametrization."""
    for part in list(module.modules()):
        if parametrize.is_parametrized(part):
            for name, parts in list(part.parametrizations.items()):
                if isinstance(parts[0], Orthogonal):
                    yield part, name, parts[0]
