"""Recurrent layers of every kind, for tests of what PyTorch offers for modules."""

import pytest

from stiefelkit.parametrizations import CWY

from ._torch_front import front, host, torch

__all__ = ["KINDS", "every_kind", "front", "host", "torch"]

KINDS = {
    "tanh": lambda **options: front.nn.OrthogonalRNN(3, 4, **options),
    "modrelu": lambda **options: front.nn.OrthogonalRNN(3, 4, nonlinearity="modrelu", **options),
    "cayley": lambda **options: front.nn.OrthogonalRNN(3, 4, orthogonal_map="cayley", **options),
    "complex": lambda **options: front.nn.OrthogonalRNN(
        3, 4, nonlinearity="modrelu", dtype=torch.complex64, **options
    ),
    "few": lambda **options: front.nn.OrthogonalRNN(3, 32, orthogonal_map=CWY(32, k=1), **options),
    "unitary": lambda **options: front.nn.UnitaryRNN(3, 4, **options),
    "transforms": lambda **options: front.nn.UnitaryRNN(3, 256, **options),
}
every_kind = pytest.mark.parametrize("make", list(KINDS.values()), ids=list(KINDS))
