"""Momentum scaled by a running mean of squares, with bias corrections."""

from stiefelkit import optim as rules

from ._base import ManifoldOptimizer


class Adam(ManifoldOptimizer):
    r"""Adam, on curved manifolds with transported momentum and one square for each matrix.

    .. math:: m \leftarrow \beta_1 m + (1 - \beta_1) g, \qquad
        r \leftarrow \beta_2 r + (1 - \beta_2) g^2, \qquad
        x \leftarrow R_x\left(-\alpha\, \hat m / (\sqrt{\hat r} + \epsilon)\right)

    The rule is `stiefelkit.optim.Adam`, and on `Euclidean` that of `torch.optim.Adam`.

    Parameters
    ----------
    params : iterable of tensors, named tensors or groups
    lr : float
        The step :math:`\alpha`, read at every step.
    betas : (float, float)
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

    Notes
    -----
    [KingmaBa:2015]_; on manifolds [BecigneulGanea:2019]_.

    Examples
    --------
    >>> import torch
    >>> from stiefelkit.manifolds import Orthogonal
    >>> from stiefelkit_torch import optim
    >>> W, b = torch.nn.Parameter(torch.eye(3)), torch.nn.Parameter(torch.zeros(3))
    >>> groups = [{"params": [W], "manifold": Orthogonal()}, {"params": [b], "lr": 0.1}]
    >>> optimizer = optim.Adam(groups, lr=1e-2)
    >>> (W.sum() + b.sum()).backward()
    >>> optimizer.step()
    >>> b.detach(), bool(torch.linalg.norm(W.T @ W - torch.eye(3)) < 1e-6)
    (tensor([-0.1000, -0.1000, -0.1000]), True)
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, **shared):
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, options, **shared)

    def _rule(self, group):
        return rules.Adam(float(group["lr"]), *group["betas"], group["eps"])
