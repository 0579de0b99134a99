"""The unitary evolution RNN as recurrent layers."""

import numpy
import torch

from stiefelkit.parametrizations import UnitaryFFT
from stiefelkit.rnn import UnitaryCell

from ._recurrent import Recurrent


class UnitaryRNN(Recurrent):
    r"""Layers of the unitary evolution RNN, used like `torch.nn.RNN`.

    .. math:: h_t = \operatorname{modReLU}_b(W_{ih} x_t + W_{hh} h_{t-1}), \qquad
        W_{hh} = D_3 R_2 F^{-1} D_2 \Pi R_1 F D_1

    The state is complex. The matrix has 7n real parameters, phases and two reflection vectors,
    ``parametrizations.weight_hh_l0.original0`` and ``original1``, and the first state `h0_l0` is
    learned.

    Parameters
    ----------
    input_size, hidden_size, num_layers : int
    batch_first : bool
        Sequences are ``(B, T, features)``, instead of ``(T, B, features)``.
    dropout : float
        Probability by which outputs of all layers but the last are zeroed in training.
    bidirectional : bool
    real_features : bool
        Return real output: real and imaginary parts side by side, 2n features, or 4n where
        bidirectional. The states `h_n` are complex.
    initialization : {"published", "released"}
        As for `stiefelkit.rnn.UnitaryCell`.
    permutation : int or tuple of int
        The order :math:`\Pi`, or the seed that it is drawn by.
    rng : int or numpy.random.Generator, optional
        By default a seed drawn by PyTorch, so that `torch.manual_seed` decides.
    device
    dtype : torch.dtype, optional
        Complex, or the real one of its parts.

    Raises
    ------
    ValueError
        For unknown options, and inputs or first states of other sizes or dtypes.

    Notes
    -----
    `forward` takes ``(input, h_0)`` as `OrthogonalRNN` does; inputs are real or complex, and
    `h_0` replaces the learned state. The matrix is formed, or applied by Fourier transforms in each
    step, :math:`O(n \log n)` a sample, as for `stiefelkit.rnn.UnitaryCell`. The time loop is one
    node of the graph. [ArjovskyShahBengio:2016]_, equations 6 to 8.

    Examples
    --------
    >>> import torch
    >>> from stiefelkit_torch.nn import UnitaryRNN
    >>> rnn = UnitaryRNN(10, 32)
    >>> output, h_n = rnn(torch.randn(20, 4, 10))
    >>> output.shape, h_n.shape, h_n.dtype
    (torch.Size([20, 4, 64]), torch.Size([1, 4, 32]), torch.complex64)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        real_features: bool = True,
        initialization: str = "published",
        permutation: int | tuple[int, ...] = 0,
        rng: int | numpy.random.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        names = {"W_in": "weight_ih", "b": "bias_activation", "h0": "h0"}
        sizes = input_size, hidden_size
        super().__init__(sizes, num_layers, batch_first, dropout, bidirectional, names)
        self.real_features = real_features
        like = torch.empty(0, device=device, dtype=dtype)
        like = like if like.is_complex() else torch.complex(like, like)
        order = UnitaryFFT(hidden_size, permutation=permutation)

        def make_cell(width, map_):
            options = {"initialization": initialization, "permutation": map_.permutation}
            return UnitaryCell(width, hidden_size, **options)

        self._register(make_cell, like, order)
        self.reset_parameters(rng)

    def _starts(self, X, shape):
        learned = torch.stack([getattr(self, "h0" + place) for place in self._places])
        return learned[:, None].expand(shape)

    def _output(self, X):
        return torch.cat([X.real, X.imag], -1) if self.real_features else X
