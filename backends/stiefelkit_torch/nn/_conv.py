"""A convolution that cannot make its input longer."""

import numpy
import torch
from torch.nn import functional

from stiefelkit.parametrizations import AbstractParametrization

from .._orthogonal import orthogonal
from .._rng import generator
from ._start import draw_leaves


class NonExplodingConv2d(torch.nn.Module):
    r"""A convolution that makes no image longer, for recurrences over images.

    .. math:: \lVert K \star G\rVert \le \lVert G\rVert, \qquad \hat K = \Omega / q, \quad
        \Omega^\top\Omega = I

    The rows of :math:`\hat K` are the :math:`q^2 f` places and channels of a patch, its columns
    the f outputs. A pixel of the output is :math:`\hat K^\top` times a patch, and each pixel of
    the input is in at most :math:`q^2` patches, hence the bound, on images of any size with zeros
    around them.

    Parameters
    ----------
    channels : int
        Of input and output, f.
    kernel_size : int or tuple of int
        q, or height and width, whose product stands for :math:`q^2`.
    bias : bool
        Add a number for each channel, to which the bound does not apply.
    orthogonal_map : str or AbstractParametrization, optional
        Of the :math:`q^2 f`-by-f frame, as for `stiefelkit_torch.orthogonal`.
    rng : int or numpy.random.Generator, optional
        By default a seed drawn by PyTorch, so that `torch.manual_seed` decides.
    device, dtype

    Raises
    ------
    ValueError
        For a size below 1, and as `stiefelkit_torch.orthogonal` does.

    Notes
    -----
    States of :math:`G_t = \sigma(K \star G_{t-1} + K_{in} \star X_t)` with
    :math:`|\sigma(z)| \le |z|` grow by no more than their inputs, and gradients do not explode if
    :math:`|\sigma'| \le 1`. Nothing keeps them from vanishing: only for q = 1 is the convolution
    an isometry. With strides, groups or other padding there would be another bound: they are left
    out. For larger q the bound is loose, and most kernels shrink every image: with
    q = 3, random ones have norm 0.6, and leave noise a third as long.

    Costs :math:`O(q^2 f^3)` besides the convolution. [LikhosherstovDavisEtAl:2021]_, ConvNERU.

    Examples
    --------
    >>> import torch
    >>> from stiefelkit_torch.nn import NonExplodingConv2d
    >>> layer = NonExplodingConv2d(8, 3, bias=False)
    >>> G = torch.randn(2, 8, 12, 12)
    >>> layer(G).shape, bool(layer(G).norm() <= G.norm())
    (torch.Size([2, 8, 12, 12]), True)
    """

    bias: torch.nn.Parameter | None

    def __init__(
        self,
        channels: int,
        kernel_size: int | tuple[int, int],
        bias: bool = True,
        orthogonal_map: str | AbstractParametrization | None = None,
        *,
        rng: int | numpy.random.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        height, width = (kernel_size,) * 2 if isinstance(kernel_size, int) else kernel_size
        if min(channels, height, width) < 1:
            raise ValueError(
                "`NonExplodingConv2d` takes at least one channel, and kernels of at least one "
                f"pixel. Got channels={channels} and kernel_size={kernel_size}."
            )
        self.channels, self.kernel_size = channels, (height, width)
        frame = torch.eye(height * width * channels, channels, device=device, dtype=dtype)
        self.frame = torch.nn.Parameter(frame)
        zeros = torch.zeros(channels, device=device, dtype=dtype)
        self.register_parameter("bias", torch.nn.Parameter(zeros) if bias else None)
        orthogonal(self, "frame", "tcwy" if orthogonal_map is None else orthogonal_map, rng=0)
        self.reset_parameters(rng)

    @torch.no_grad()
    def reset_parameters(self, rng: int | numpy.random.Generator | None = None) -> None:
        """Draw the frame anew, and set the bias to zero."""
        draw_leaves(self, "frame", generator(rng))
        if self.bias is not None:
            self.bias.zero_()

    @property
    def weight(self) -> torch.Tensor:
        """Return the kernel K as `torch.nn.functional.conv2d` takes it."""
        height, width = self.kernel_size
        K = self.frame / (height * width) ** 0.5
        return K.reshape(height, width, self.channels, self.channels).permute(3, 2, 0, 1)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return images of the same size, shape ``(B, channels, height, width)`` or without B."""
        height, width = self.kernel_size
        if height % 2 and width % 2:
            padding = height // 2, width // 2
            return functional.conv2d(input, self.weight, self.bias, padding=padding)
        above, left = (height - 1) // 2, (width - 1) // 2
        around = (left, width - 1 - left, above, height - 1 - above)
        return functional.conv2d(functional.pad(input, around), self.weight, self.bias)

    def extra_repr(self):
        """Return the sizes."""
        return f"{self.channels}, kernel_size={self.kernel_size}"
