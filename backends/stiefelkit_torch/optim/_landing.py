"""The landing method: descent beside the manifold, which it approaches."""

from stiefelkit import optim as rules

from ._ambient import AmbientOptimizer


class Landing(AmbientOptimizer):
    r"""Follow a field that descends and leads to the manifold, by matrix products alone.

    .. math:: X \leftarrow X - \eta\bigl(\operatorname{skew}(\hat GX^\top)X
        + \lambda X(X^\top X - I)\bigr)

    The rule is `stiefelkit.optim.Landing`: :math:`\eta` is `lr`, or for each matrix what keeps it
    within the radius. Frames are beside the manifold while they are trained; `project_` ends that.

    Parameters
    ----------
    params : iterable of tensors, named tensors or groups
    lr : float
        Read at every step.
    momentum : float
        Of the Euclidean gradients, of which :math:`\hat G` is the sum with this factor.
    betas : (float, float), optional
        For Adam's direction as :math:`\hat G`, with one square for each matrix.
    eps : float
        Where `betas` are given.
    weight_decay : float
        Only for groups on `Euclidean`, which take plain steps along :math:`\hat G`.
    penalty : float
        :math:`\lambda`.
    radius : float
        Bound on :math:`\|X^\top X - I\|_F`, within (0, 1/2].
    manifold : Stiefel, Orthogonal, SpecialOrthogonal or Euclidean
        Of the groups that do not name one; `Euclidean()` by default.
    rows : bool
        Whether the rows of wide matrices are orthonormal.
    maximize : bool

    Raises
    ------
    TypeError, ValueError
        As for `SGD`; starts may be off the manifold by the radius.

    Notes
    -----
    Costs five products of n-by-p with p-by-p matrices for each frame, and waits for no device
    after the first step. [AblinPeyre:2022]_; [AblinVaryEtAl:2024]_.

    Examples
    --------
    >>> import torch
    >>> from stiefelkit.manifolds import Stiefel
    >>> from stiefelkit_torch import optim
    >>> Q = torch.nn.Parameter(torch.eye(3, 2))
    >>> optimizer = optim.Landing([Q], lr=0.2, momentum=0.5, manifold=Stiefel())
    >>> for _ in range(200):
    ...     optimizer.zero_grad()
    ...     (-Q[1, 0] - Q[2, 1]).backward()
    ...     optimizer.step()
    >>> optimizer.project_()
    >>> bool(torch.linalg.norm(Q - torch.eye(3)[:, 1:]) < 1e-3)
    True
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        momentum=0.0,
        betas=None,
        eps=1e-8,
        weight_decay=0.0,
        penalty=1.0,
        radius=0.5,
        **shared,
    ):
        options = {"lr": lr, "momentum": momentum, "betas": betas, "eps": eps}
        options |= {"weight_decay": weight_decay, "penalty": penalty, "radius": radius}
        super().__init__(params, options, **shared)

    def _rule(self, group):
        options = self._base(group), group["penalty"], group["radius"]
        return rules.Landing(float(group["lr"]), *options)
