"""The landing method with the normal step of Newton and Schulz."""

from stiefelkit import optim as rules

from ._ambient import AmbientOptimizer


class POGO(AmbientOptimizer):
    r"""Take a tangent step and a cubic step back to the manifold, by matrix products alone.

    .. math:: M = X - \eta\operatorname{skew}(\hat GX^\top)X, \qquad
        X \leftarrow M - \tfrac12 M(M^\top M - I)

    The rule is `stiefelkit.optim.POGO`. The orthonormality error after a step is
    :math:`O(\eta^4)` and does not add up.

    Parameters
    ----------
    params : iterable of tensors, named tensors or groups
    lr : float
        The step :math:`\eta`, read at every step.
    momentum : float
        Of the Euclidean gradients, of which :math:`\hat G` is the sum with this factor.
    betas : (float, float), optional
        For Adam's direction as :math:`\hat G`, with one square for each matrix.
    eps : float
        Where `betas` are given.
    weight_decay : float
        Only for groups on `Euclidean`, which take plain steps along :math:`\hat G`.
    manifold : Stiefel, Orthogonal, SpecialOrthogonal or Euclidean
        Of the groups that do not name one; `Euclidean()` by default.
    rows : bool
        Whether the rows of wide matrices are orthonormal.
    maximize : bool

    Raises
    ------
    TypeError, ValueError
        As for `SGD`; starts may be off the manifold by 1/2.

    Notes
    -----
    Costs six products of n-by-p with p-by-p matrices for each frame, and waits for no device
    after the first step. [JavaloyVergari:2026]_.

    Examples
    --------
    >>> import torch
    >>> from stiefelkit.manifolds import Stiefel
    >>> from stiefelkit_torch import optim
    >>> frames = [torch.nn.Parameter(torch.eye(3, 2)) for _ in range(1000)]
    >>> optimizer = optim.POGO(frames, lr=0.1, betas=(0.9, 0.99), manifold=Stiefel())
    >>> (-torch.stack(frames)[:, 2, 0].sum()).backward()
    >>> optimizer.step()
    >>> bool(torch.linalg.norm(frames[7].T @ frames[7] - torch.eye(2)) < 1e-3)
    True
    """

    def __init__(
        self, params, lr=1e-3, momentum=0.0, betas=None, eps=1e-8, weight_decay=0.0, **shared
    ):
        options = {"lr": lr, "momentum": momentum, "betas": betas, "eps": eps}
        super().__init__(params, {**options, "weight_decay": weight_decay}, **shared)

    def _rule(self, group):
        return rules.POGO(float(group["lr"]), self._base(group))
