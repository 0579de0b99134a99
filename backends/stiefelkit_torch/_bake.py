"""Modules without their parametrizations."""

import torch
from torch.nn.utils import parametrize

from ._load import PlainWeight
from ._parametrization import Orthogonal


def bake(module: torch.nn.Module) -> torch.nn.Module:
    """Make weights plain parameters again, with the values that they have.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place, with its submodules; ``bake(copy.deepcopy(module))`` leaves it.

    Returns
    -------
    torch.nn.Module
        `module`, of its original class: it can be pickled, exported and loaded without stiefelkit.

    Examples
    --------
    >>> import torch
    >>> from stiefelkit_torch import bake, orthogonal
    >>> layer = bake(orthogonal(torch.nn.Linear(3, 3)))
    >>> type(layer).__name__, sorted(layer.state_dict())
    ('Linear', ['bias', 'weight'])
    """
    for part in list(module.modules()):
        for name, parts in list(getattr(part, "parametrizations", {}).items()):
            if any(isinstance(one, Orthogonal) for one in parts):
                _bake_weight(part, name, list(parts.parameters(recurse=False)))
    return module


def _bake_weight(module, name, originals):
    _own_class(module)
    PlainWeight(name).leave(module)
    parametrize.remove_parametrizations(module, name, leave_parametrized=True)
    weight = getattr(module, name).detach().contiguous()
    if originals and not isinstance(getattr(module, name), torch.nn.Parameter):
        # PyTorch makes a buffer of several leaves that need no gradient, or have none now.
        delattr(module, name)
        parameter = torch.nn.Parameter(weight, any(x.requires_grad for x in originals))
        module.register_parameter(name, parameter)
    else:
        getattr(module, name).data = weight


def _own_class(module):
    """Give a module a class of its own, as a deep copy shares that of what it was copied from.

    PyTorch takes the property of the weight off the class, which would break the other module.
    """
    cls = type(module)
    body = {key: x for key, x in vars(cls).items() if key not in ("__dict__", "__weakref__")}
    module.__class__ = type(cls.__name__, cls.__bases__, body)
