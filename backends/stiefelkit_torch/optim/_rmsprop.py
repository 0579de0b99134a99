"""Gradient descent scaled by a running mean of squares."""

from stiefelkit import optim as rules

from ._base import ManifoldOptimizer


class RMSProp(ManifoldOptimizer):
    r"""Divide the Riemannian gradient by the root of a running mean of its squares.

    .. math:: r \leftarrow \rho r + (1 - \rho) g^2, \qquad
        x \leftarrow R_x\left(-\alpha\, g / (\sqrt r + \epsilon)\right)

    with :math:`g^2` entry by entry on `Euclidean`, where it is `torch.optim.RMSprop`, and the
    mean over the matrix on curved manifolds. The rule is `stiefelkit.optim.RMSProp`.

    Parameters
    ----------
    params : iterable of tensors, named tensors or groups
    lr : float
        The step, read at every step.
    alpha : float
        The factor :math:`\rho`, by PyTorch's name.
    eps : float
    weight_decay : float
        Added to the gradient, times the parameter; only for groups on `Euclidean`.
    manifold : AbstractManifold
        Of the groups that do not name one; `Euclidean()` by default.
    rows : bool
        Whether the rows of wide matrices are orthonormal.
    maximize : bool

    Raises
    ------
    TypeError, ValueError
        As for `SGD`.

    Examples
    --------
    >>> import torch
    >>> from stiefelkit_torch import optim
    >>> x = torch.nn.Parameter(torch.tensor([2.0]))
    >>> optimizer = optim.RMSProp([x], lr=0.1, alpha=0.0)
    >>> (4 * x).backward()
    >>> optimizer.step()
    >>> x.detach()
    tensor([1.9000])
    """

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, **shared):
        options = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, options, **shared)

    def _rule(self, group):
        return rules.RMSProp(float(group["lr"]), group["alpha"], group["eps"])
