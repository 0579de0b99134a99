"""Descent on the orthogonal group by rotations of single pairs of columns."""

import dataclasses
from typing import Any, NamedTuple

from .._tree import tree_map, tree_map_with_path
from .._typing import RNG, Array, Tree
from .._xp import array_namespace, conj, generator, is_complex, real, real_dtype, zeros_like
from ..linalg import OuterProduct
from ..manifolds import AbstractManifold, Euclidean, Orthogonal
from ._base import AbstractOptimizer, Schedule, State, dense, fill_manifolds, rate, repaired
from ._pair_rules import AbstractPairRule, Uniform

_SEED, _MEAN_SQUARE = "seed", "mean_square"


class _Owned(NamedTuple):
    """The manifold of a leaf, and the array that the last update returned for it."""

    manifold: AbstractManifold
    point: Array


class _Updated(NamedTuple):
    point: Array
    slots: dict[str, Array]
    manifold: Any


@dataclasses.dataclass(frozen=True)
class CoordinateDescent(AbstractOptimizer):
    r"""Rotate pairs of columns of orthogonal or unitary matrices, chosen by a rule.

    With :math:`\Omega = \operatorname{skew}(W^\top G)` for the Euclidean gradient G,

    .. math:: \theta = -\alpha\,\Omega_{ij}, \qquad
        W \leftarrow W e^{\theta H_{ij}}, \qquad H_{ij} = e_i e_j^\top - e_j e_i^\top

    The component of the gradient along the pair is :math:`\Omega_{ij} W H_{ij}`; the derivative
    along :math:`\theta` is :math:`2\Omega_{ij}`, so a rate that multiplies the derivative is
    half of :math:`\alpha`, and a small update gains :math:`2\alpha\Omega_{ij}^2`. Of a complex
    matrix :math:`\Omega_{ij}` gives angle and phase of the rotation, and the phase of each
    column, turned by :math:`-\alpha\Omega_{ii}`, is a coordinate of its own. Pairs that an
    update turns together share no column, so their order does not matter, but for
    `BlockGaussSouthwell`.

    Leaves on `Euclidean` take plain steps :math:`x \leftarrow x - \alpha g`.

    Parameters
    ----------
    learning_rate : float or schedule
        The step :math:`\alpha`.
    rule : AbstractPairRule
        `Uniform`, `Cyclic`, `SampledGaussSouthwell` and `Matching` read the columns that they
        turn, of a dense gradient or of an `OuterProduct`, best with its `pullback`;
        `GaussSouthwell`, `GreedyMatching` and `BlockGaussSouthwell` form :math:`\Omega`.
    normalized : bool
        Divide :math:`\Omega_{ij}` by the root of a running mean of the squares of the entries
        that were turned by, with its bias correction, and bound the angles by `max_angle`.
    decay : float
        Factor of the running mean.
    max_angle : float
        In radians; only where `normalized`.

    Raises
    ------
    ValueError
        By `init`, where a leaf is on another manifold: columns of a thin frame that are turned
        among themselves never leave their span.

    Notes
    -----
    A pair costs 4n flops for its angle, 4tn more if the gradient is t outer products, 4t in all
    if these come with their pullback, and 6n for its rotation, in the memory of the matrix where
    the library allows it: the first update copies the matrix, later ones change what the last one
    returned. Once in 100 rotations of each column rounding is repaired at :math:`4n^3` flops.
    [MassartAbrol:2022]_; the derivative with its factor of two is that of [ShalitChechik:2014]_.

    Random pairs come from a seed in the slots and the number of the update. In training, the
    gradient of a recurrent matrix stays in factors for rules that read pairs, unless a clip
    needs its norm.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.manifolds import Orthogonal
    >>> from stiefelkit.optim import CoordinateDescent, Cyclic
    >>> rule, W = CoordinateDescent(np.pi / 2, rule=Cyclic()), np.eye(2)
    >>> state = rule.init(W, Orthogonal())
    >>> W, state = rule.update(np.asarray([[0.0, -2.0], [0.0, 0.0]]), state, W)
    >>> W.round(12) + 0.0
    array([[ 0.,  1.],
           [-1.,  0.]])
    """

    learning_rate: float | Schedule
    rule: AbstractPairRule = Uniform()
    normalized: bool = False
    decay: float = 0.99
    max_angle: float = 0.3

    @property
    def reads_factors(self) -> bool:
        return self.rule.reads_pairs

    def init(self, params: Tree, manifolds: Tree = None, *, rng: RNG = None) -> State:
        manifolds, rng = fill_manifolds(params, manifolds), generator(rng)
        slots = tree_map_with_path(
            lambda path, x, m: self._slots(path, x, m, rng), params, manifolds
        )
        return State(0, slots, manifolds)

    def _slots(self, path, x, manifold, rng):
        if manifold is None or isinstance(manifold, Euclidean):
            return {}
        if not isinstance(manifold, Orthogonal):
            raise ValueError(
                "`CoordinateDescent` turns columns of matrices on `Orthogonal`, which of a thin "
                f"frame stay in their span. Got an array of shape {tuple(x.shape)} on "
                f"`{type(manifold).__name__}` at {path!r}. Use `SGD`, or give this parameter "
                "another optimizer by `Partition`."
            )
        slots = {}
        if self.rule.random:
            # Words that no library's dtypes change, kept on the host where they are used.
            slots[_SEED] = rng.integers(2**32, size=4)
        if self.normalized:
            slots[_MEAN_SQUARE] = zeros_like(x, tuple(x.shape[:-2]), real_dtype(x))
        return slots

    def update(self, grads: Tree, state: State, params: Tree) -> tuple[Tree, State]:
        alpha = rate(self.learning_rate, state.step)

        def leaf(x, owned, g, slots):
            known = isinstance(owned, _Owned)
            manifold = owned.manifold if known else owned
            if manifold is None or g is None:
                return _Updated(x, slots, owned)
            if isinstance(manifold, Euclidean):
                return _Updated(x - alpha * dense(g), slots, manifold)
            if not (known and owned.point is x):
                x = array_namespace(x).asarray(x, copy=True)
            y, slots = self._turn(x, g, slots, alpha, state.step)
            y = repaired(manifold, y, state.step, self.rule.updates_between_repairs(y.shape[-1]))
            return _Updated(y, slots, _Owned(manifold, y))

        updated = tree_map(leaf, params, state.manifolds, grads, state.slots)
        parts = [tree_map(lambda u, k=k: u[k], updated) for k in range(3)]
        return parts[0], State(state.step + 1, parts[1], parts[2])

    def _turn(
        self, W: Array, G: Array | OuterProduct, slots: dict[str, Array], alpha: float, step: int
    ) -> tuple[Array, dict[str, Array]]:
        if W.shape[-1] == 1 and not is_complex(W):
            return W, slots  # no pair, and no phase
        rng: Any = None
        if self.rule.random:
            rng = _draws(slots[_SEED], step)
        rotations = self.rule.select(W, G, step, rng)
        angles = -alpha * rotations.omega
        if self.normalized:
            angles, square = self._normalize(angles, rotations.omega, slots[_MEAN_SQUARE], step)
            slots = {**slots, _MEAN_SQUARE: square}
        return rotations.turn(W, angles), slots

    def _normalize(self, angles, omega, square, step):
        """Divide by the root mean square of the entries that are not zero, and bound."""
        xp, batch = array_namespace(omega), square.ndim
        entries = real(conj(omega) * omega)
        axes = tuple(range(batch, omega.ndim))
        count = xp.sum(xp.astype(entries > 0, entries.dtype), axis=axes)
        mean = xp.sum(entries, axis=axes) / xp.where(count > 0, count, xp.ones_like(count))
        square = self.decay * square + (1 - self.decay) * mean
        root = xp.sqrt(square / (1 - self.decay ** (step + 1)))
        # A gradient that was zero so far turns nothing, whatever it is divided by.
        root = xp.where(root > 0, root, xp.ones_like(root))
        root = xp.reshape(root, (*square.shape, *(1 for _ in axes)))
        size = abs(angles) / root
        limit = xp.full_like(size, self.max_angle)
        scale = limit / (xp.maximum(size, limit) * root)
        return angles * xp.astype(scale, angles.dtype), square


def _draws(words, step):
    """Return the random numbers of one update, which depend on no other."""
    seed = step
    for word in words:
        seed = seed << 32 | int(word)
    return generator(seed)
