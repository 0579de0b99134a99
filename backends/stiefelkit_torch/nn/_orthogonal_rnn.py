"""Recurrent layers whose matrices stay orthogonal, or unitary."""

import numpy
import torch

from stiefelkit.parametrizations import AbstractParametrization
from stiefelkit.rnn import Abs, AbstractActivation, ModReLU, OrthogonalCell, ReLU, Tanh

from ._recurrent import Recurrent

_NONLINEARITIES = {"tanh": Tanh(), "relu": ReLU(), "modrelu": ModReLU(), "abs": Abs()}


class OrthogonalRNN(Recurrent):
    r"""Layers of recurrences with orthogonal matrices, used like `torch.nn.RNN`.

    .. math:: h_t = a(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}), \qquad
        W_{hh}^\top W_{hh} = I

    Parameters
    ----------
    input_size, hidden_size, num_layers : int
    nonlinearity : {"tanh", "relu", "modrelu", "abs"} or AbstractActivation
        The first two are for real states. modReLU has a bias of its own, `bias_activation_l0`.
    bias : bool
        With `bias_ih_l0` and `bias_hh_l0`, two as in PyTorch.
    batch_first : bool
        Sequences are ``(B, T, features)``, instead of ``(T, B, features)``.
    dropout : float
        Probability by which outputs of all layers but the last are zeroed in training.
    bidirectional : bool
    orthogonal_map, use_trivialization
        As for `stiefelkit_torch.orthogonal`. Of few reflections, ``CWY(hidden_size, k=k)``, the
        products are taken in each step where this is cheaper than to form :math:`W_{hh}`.
    start : {"rotation", "cayley", "haar", "identity"}
        Initial :math:`W_{hh}`, as for `stiefelkit.rnn.OrthogonalCell`.
    input_scale : float
        Standard deviation of :math:`W_{ih} x_t` at the start, for inputs of unit mean square.
    rng : int or numpy.random.Generator, optional
        By default a seed drawn by PyTorch, so that `torch.manual_seed` decides.
    device, dtype
        Of the parameters; a complex dtype gives unitary matrices.

    Raises
    ------
    ValueError
        For unknown options, and inputs or first states of other sizes or dtypes.

    Notes
    -----
    `forward` takes ``(input, h_0)``, tensors with or without an axis of samples or a
    `PackedSequence`, and returns ``(output, h_n)``, in the shapes of `torch.nn.RNN`. A state
    dict of `torch.nn.RNN` loads, if its `weight_hh` are orthogonal to rounding. Under autocast
    all runs in the dtype of the parameters.

    The time loop is one node of the graph, with a backward pass derived by hand: T products of
    B-by-n with n-by-n matrices each way, as many flops as one way for the gradient of
    :math:`W_{hh}`, and the states as the only memory. The map costs :math:`4n^3` flops besides. A
    second derivative is refused. The outputs of one layer are the states themselves: change a
    clone of them, as PyTorch refuses to change them in place.

    Examples
    --------
    >>> import torch
    >>> from stiefelkit_torch.nn import OrthogonalRNN
    >>> rnn = OrthogonalRNN(10, 32)
    >>> output, h_n = rnn(torch.randn(20, 4, 10))
    >>> output.shape, h_n.shape
    (torch.Size([20, 4, 32]), torch.Size([1, 4, 32]))
    >>> W = rnn.weight_hh_l0
    >>> bool(torch.dist(W.T @ W, torch.eye(32)) < 1e-4)
    True
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str | AbstractActivation = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        orthogonal_map: str | AbstractParametrization | None = None,
        use_trivialization: bool = True,
        start: str = "rotation",
        input_scale: float = 1.0,
        rng: int | numpy.random.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        names = {"W_in": "weight_ih", "b": "bias_activation", **({"c": "bias_ih"} if bias else {})}
        sizes = input_size, hidden_size
        super().__init__(sizes, num_layers, batch_first, dropout, bidirectional, names)
        like = torch.empty(0, device=device, dtype=dtype)
        self.bias, self.activation = bias, _activation(nonlinearity, like)
        options = {"activation": self.activation, "start": start, "input_scale": input_scale}

        def make_cell(width, map_):
            return OrthogonalCell(width, hidden_size, recurrent=map_, **options)

        self._register(make_cell, like, orthogonal_map, use_trivialization)
        self.reset_parameters(rng)


def _activation(nonlinearity, like):
    activation = _NONLINEARITIES.get(nonlinearity, nonlinearity)
    if not isinstance(activation, AbstractActivation):
        raise ValueError(
            f"`nonlinearity` is one of {', '.join(_NONLINEARITIES)}, or an activation of "
            f"`stiefelkit.rnn`. Got {nonlinearity!r}."
        )
    if like.is_complex() and isinstance(activation, Tanh | ReLU):
        raise ValueError(
            f'`nonlinearity` {nonlinearity!r} is for real states. Use "modrelu" with {like.dtype}.'
        )
    return activation
