"""Descent on the orthogonal group by rotations of single pairs of columns."""

import numpy
import torch

from stiefelkit import optim as rules
from stiefelkit.manifolds import Euclidean, Orthogonal
from stiefelkit.optim import Uniform

from ._base import ManifoldOptimizer


class CoordinateDescent(ManifoldOptimizer):
    r"""Rotate pairs of columns of orthogonal or unitary matrices, chosen by a rule.

    .. math:: \theta = -\alpha\,\Omega_{ij}, \qquad W \leftarrow W e^{\theta H_{ij}}, \qquad
        \Omega = \operatorname{skew}(W^\top G)

    The rule is `stiefelkit.optim.CoordinateDescent`, with plain gradient steps on `Euclidean`.

    Parameters
    ----------
    params : iterable of tensors, named tensors or groups
    lr : float
        The step :math:`\alpha`, read at every step.
    rule : AbstractPairRule
        Which pairs, such as `stiefelkit.optim.GreedyMatching()`; `Uniform()` by default.
    normalized : bool
        Divide :math:`\Omega_{ij}` by the root of a running mean of squares.
    decay : float
        Factor of the running mean.
    max_angle : float
        In radians; only where `normalized`.
    rng : int, numpy.random.Generator or None
        The source of random pairs, by default PyTorch's own. Matrices of one size that take their
        first step together turn the same pairs, so that thousands are one batch.
    manifold : Orthogonal, SpecialOrthogonal or Euclidean
        Of the groups that do not name one; `Euclidean()` by default.
    rows : bool
        Whether rows turn instead.
    maximize : bool

    Raises
    ------
    TypeError, ValueError
        As for `SGD`; a thin frame is refused, as its columns turned among themselves keep its
        span.

    Notes
    -----
    The seed is an integer of the group and words in the state of each parameter, and draws depend
    on it and the step only: a loaded state makes the same. [MassartAbrol:2022]_.

    Examples
    --------
    >>> import torch
    >>> from stiefelkit.manifolds import Orthogonal
    >>> from stiefelkit_torch import optim
    >>> W = torch.nn.Parameter(torch.eye(2, dtype=torch.float64))
    >>> optimizer = optim.CoordinateDescent([W], lr=torch.pi / 2, rng=0, manifold=Orthogonal())
    >>> (-2 * W[0, 1]).backward()
    >>> optimizer.step()
    >>> W.detach().round() + 0.0
    tensor([[ 0.,  1.],
            [-1.,  0.]], dtype=torch.float64)
    """

    _manifolds = (Euclidean, Orthogonal)

    def __init__(
        self,
        params,
        lr=1e-2,
        rule=None,
        normalized=False,
        decay=0.99,
        max_angle=0.3,
        *,
        rng=None,
        **shared,
    ):
        options = {"lr": lr, "rule": Uniform() if rule is None else rule, "seed": _seed(rng)}
        options |= {"normalized": normalized, "decay": decay, "max_angle": max_angle}
        super().__init__(params, options, **shared)

    def _rule(self, group):
        options = (group[k] for k in ("rule", "normalized", "decay", "max_angle"))
        return rules.CoordinateDescent(float(group["lr"]), *options)


def _seed(rng):
    if rng is None:
        return int(torch.randint(2**63 - 1, (), device="cpu"))
    if isinstance(rng, numpy.random.Generator):
        return int(rng.integers(2**63))
    return int(rng)
