"""A linear layer with orthonormal rows or columns."""

import numpy
import torch
from torch.nn.utils import parametrize

from stiefelkit.linalg import cwy_apply
from stiefelkit.parametrizations import CWY, AbstractParametrization

from .._function import differentiable
from .._orthogonal import orthogonal
from .._rng import generator
from ._start import draw_leaves

_reflect = differentiable(cwy_apply)


class OrthogonalLinear(torch.nn.Linear):
    r"""A linear layer whose weight has orthonormal rows, or columns.

    .. math:: y = x W^\top + b, \qquad W^\top W = I \quad\text{or}\quad W W^\top = I

    With as many outputs as inputs or more, lengths stay: :math:`\lVert W x\rVert = \lVert x\rVert`.

    Parameters
    ----------
    in_features, out_features : int
    bias : bool
    orthogonal_map, k, use_trivialization
        As for `stiefelkit_torch.orthogonal`.
    rng : int or numpy.random.Generator, optional
        For the weight, which is drawn uniformly where the map reaches all matrices. By default
        a seed drawn by PyTorch, so that `torch.manual_seed` decides.
    device, dtype

    Raises
    ------
    ValueError
        As `stiefelkit_torch.orthogonal` does.

    Notes
    -----
    The weight is formed in each forward pass, :math:`O(np^2)` for lengths n and p of its sides,
    :math:`n \ge p`. A product of k < p reflections is applied to R rows as such where this takes
    fewer flops, :math:`12Rnk + 6nk^2` forward and backward against :math:`6Rnp + 12npk`.

    Examples
    --------
    >>> import torch
    >>> from stiefelkit_torch.nn import OrthogonalLinear
    >>> layer = OrthogonalLinear(20, 40, bias=False)
    >>> X = torch.randn(5, 20)
    >>> torch.allclose(layer(X).norm(dim=1), X.norm(dim=1), rtol=1e-5)
    True
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        orthogonal_map: str | AbstractParametrization | None = None,
        *,
        k: int | None = None,
        use_trivialization: bool = True,
        rng: int | numpy.random.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__(in_features, out_features, bias, device=device, dtype=dtype)
        options = {"k": k, "use_trivialization": use_trivialization}
        orthogonal(self, "weight", orthogonal_map, **options, rng=0)  # type: ignore[arg-type]
        draw_leaves(self, "weight", generator(rng))

    def reset_parameters(self, rng: int | numpy.random.Generator | None = None) -> None:
        """Draw weight and bias anew; `rng` is for the weight."""
        if not parametrize.is_parametrized(self, "weight"):  # while the layer is being made
            return super().reset_parameters()
        draw_leaves(self, "weight", generator(rng))
        if self.bias is not None:
            torch.nn.init.uniform_(self.bias, -(self.in_features**-0.5), self.in_features**-0.5)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return the outputs, shape ``(..., out_features)``."""
        if not self._by_reflections(input):
            return super().forward(input)
        output = self._reflected(input.reshape(-1, self.in_features)).to(input.dtype)
        output = output if self.bias is None else output + self.bias
        return output.reshape(*input.shape[:-1], self.out_features)

    def _by_reflections(self, X):
        # What PyTorch would say of other inputs is said better by its own layer.
        if not parametrize.is_parametrized(self, "weight") or X.shape[-1:] != (self.in_features,):
            return False
        parts = self.parametrizations["weight"]
        map_ = parts[0].parametrization
        if len(parts) > 1 or not isinstance(map_, CWY) or map_.k == map_.p:
            return False
        if parts[0].dtype(list(parts.parameters(recurse=False))) != X.dtype:
            return False
        if torch.is_autocast_enabled(X.device.type):
            return False
        (n, p, k), rows = (map_.n, map_.p, map_.k), X.numel() // max(1, X.shape[-1])
        return 12 * rows * n * k + 6 * n * k * k < 6 * rows * n * p + 12 * n * p * k

    def _reflected(self, X):
        """Return rows times W^T by cwy_apply."""
        parts = self.parametrizations["weight"]
        map_ = parts[0].parametrization
        V, d = map_.reflections(parts[0].params(list(parts.parameters(recurse=False))))
        X = X.to(V.dtype)
        if not parts[0].wide:
            return _reflect(V, torch.nn.functional.pad(X * d, (0, map_.n - map_.p)).mT).mT
        # W^T is the frame Q, and x Q = (Q^H x^H)^H; the reflections in turn make the adjoint.
        return (_reflect(V.flip(-1), X.mH)[: map_.p].mH) * d
