"""Gradient descent, with momentum."""

from stiefelkit import optim as rules

from ._base import ManifoldOptimizer


class SGD(ManifoldOptimizer):
    r"""Descend along the Riemannian gradient, with or without momentum.

    .. math:: m \leftarrow \mu m + g, \qquad x \leftarrow R_x(-\alpha m)

    The rule is `stiefelkit.optim.SGD`, and on `Euclidean` that of `torch.optim.SGD`.

    Parameters
    ----------
    params : iterable of tensors, named tensors or groups
    lr : float
        The step :math:`\alpha`, read at every step.
    momentum : float
        The factor :math:`\mu`; the old direction is transported to the new point.
    weight_decay : float
        Only for groups on `Euclidean`.
    manifold : AbstractManifold
        Of the groups that do not name one; `Euclidean()` by default.
    rows : bool
        Whether the rows of wide matrices are orthonormal.
    maximize : bool

    Raises
    ------
    TypeError, ValueError
        For options that it does not have, where manifold, options and shapes of a group do not fit,
        and at the first step where a parameter is off its manifold.

    Examples
    --------
    >>> import torch
    >>> from stiefelkit.manifolds import Stiefel
    >>> from stiefelkit_torch import optim
    >>> Q = torch.nn.Parameter(torch.eye(3, 2))
    >>> optimizer = optim.SGD([{"params": [Q], "manifold": Stiefel()}], lr=0.1)
    >>> for _ in range(200):
    ...     optimizer.zero_grad()
    ...     loss = -Q[1, 0] - Q[2, 1]
    ...     loss.backward()
    ...     optimizer.step()
    >>> round(loss.item(), 4)
    -2.0
    """

    def __init__(self, params, lr=1e-3, momentum=0.0, weight_decay=0.0, **shared):
        options = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, options, **shared)

    def _rule(self, group):
        return rules.SGD(float(group["lr"]), group["momentum"])
