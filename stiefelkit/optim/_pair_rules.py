"""Which coordinates of the orthogonal group an update moves along."""

import abc
import dataclasses
import math
from typing import Any, ClassVar

from .._typing import Array
from .._xp import array_namespace, device, is_complex
from ..linalg import OuterProduct
from ._rotations import AbstractRotations, column_rotations

# Rotations for each column between two repairs: a rotation adds about 0.8 eps, so as many
# add 8 sqrt(n) eps. The 4n^3 flops of a repair are n^2/25 a rotation.
_TURNS_PER_COLUMN = 100


class AbstractPairRule(abc.ABC):
    """A choice of coordinates: pairs of columns and, of a unitary matrix, single phases."""

    random: ClassVar[bool] = False
    reads_pairs: ClassVar[bool] = False  # chosen unseen, so a gradient is better left in factors

    @abc.abstractmethod
    def select(self, W: Array, G: Array | OuterProduct, step: int, rng: Any) -> AbstractRotations:
        """Return the chosen entries of the skew gradient; `rng` is None unless `random`."""

    def pairs(self, n: int) -> int:
        """Return how many pairs turn at once, at most."""
        return 1

    def updates_between_repairs(self, n: int) -> int:
        """Return after how many updates rounding errors are to be removed."""
        return max(1, _TURNS_PER_COLUMN * n // self.pairs(n))


@dataclasses.dataclass(frozen=True)
class Uniform(AbstractPairRule):
    """One pair, each with the same probability: O(n) flops.

    Of a unitary matrix each of the n phases is as probable as each of the pairs.
    [MassartAbrol:2022]_.

    Examples
    --------
    >>> from stiefelkit.optim import CoordinateDescent, Uniform
    >>> CoordinateDescent(0.1, rule=Uniform()).rule
    Uniform()
    """

    random: ClassVar[bool] = True
    reads_pairs: ClassVar[bool] = True

    def select(self, W: Array, G: Array | OuterProduct, step: int, rng: Any) -> AbstractRotations:
        index = int(rng.integers(coordinate_count(W)))
        return column_rotations(W, G, [coordinate(index, is_complex(W))])


@dataclasses.dataclass(frozen=True)
class Cyclic(AbstractPairRule):
    """One pair after the other, (0, 1), (0, 2), (1, 2), (0, 3), ...: O(n) flops.

    Of a unitary matrix the phase of column j comes after the pairs (i, j) with i < j.

    Examples
    --------
    >>> from stiefelkit.optim import CoordinateDescent, Cyclic
    >>> CoordinateDescent(0.1, rule=Cyclic()).rule
    Cyclic()
    """

    reads_pairs: ClassVar[bool] = True

    def select(self, W: Array, G: Array | OuterProduct, step: int, rng: Any) -> AbstractRotations:
        index = step % coordinate_count(W)
        return column_rotations(W, G, [coordinate(index, is_complex(W))])


@dataclasses.dataclass(frozen=True)
class SampledGaussSouthwell(AbstractPairRule):
    r"""The pair of the largest :math:`|\Omega_{ij}|` among random disjoint ones: O(n) flops each.

    Parameters
    ----------
    samples : int
        Pairs that are looked at, n/2 of them at most.

    Examples
    --------
    >>> from stiefelkit.optim import CoordinateDescent, SampledGaussSouthwell
    >>> CoordinateDescent(0.1, rule=SampledGaussSouthwell(8)).rule.samples
    8
    """

    samples: int = 32
    random: ClassVar[bool] = True
    reads_pairs: ClassVar[bool] = True

    def __post_init__(self):
        check_positive(self, "samples", self.samples)

    def select(self, W: Array, G: Array | OuterProduct, step: int, rng: Any) -> AbstractRotations:
        pairs = random_matching(W, rng)
        chosen = [pairs[k] for k in rng.permutation(len(pairs))[: self.samples].tolist()]
        found = column_rotations(W, G, chosen)
        xp, score = array_namespace(W), abs(found.omega)
        if is_complex(W):
            # A phase is a unit vector, a pair the square root of two.
            alone = found.mates == index_range(found.mates)
            score = xp.where(alone, score * 0.5**0.5, score)
        best = xp.argmax(score, axis=-1)[..., None]
        largest = (index_range(found.mates) == best) | (found.mates == best)
        omega = xp.where(largest, found.omega, xp.zeros_like(found.omega))
        return dataclasses.replace(found, omega=omega)


@dataclasses.dataclass(frozen=True)
class Matching(AbstractPairRule):
    """All columns at once, in random disjoint pairs: O(n^2) flops.

    An odd column rests. Of a unitary matrix each pair and each phase has the probability 1/n.

    Examples
    --------
    >>> from stiefelkit.optim import CoordinateDescent, Matching
    >>> CoordinateDescent(0.1, rule=Matching()).rule.pairs(7)
    3
    """

    random: ClassVar[bool] = True
    reads_pairs: ClassVar[bool] = True

    def select(self, W: Array, G: Array | OuterProduct, step: int, rng: Any) -> AbstractRotations:
        return column_rotations(W, G, random_matching(W, rng))

    def pairs(self, n: int) -> int:
        return max(1, n // 2)


def coordinate_count(W: Array) -> int:
    n = W.shape[-1]
    return n * (n + 1) // 2 if is_complex(W) else n * (n - 1) // 2


def coordinate(index: int, phases: bool) -> tuple[int, int]:
    """Return the pair (i, j) at a place in the order by j, then i; with `phases` i = j is one."""
    j = (1 + math.isqrt(1 + 8 * index)) // 2  # the largest with j (j - 1) / 2 <= index
    i = index - j * (j - 1) // 2
    return (i, j - 1) if phases else (i, j)


def random_matching(W: Array, rng: Any) -> list[tuple[int, int]]:
    """Draw disjoint pairs of all columns but perhaps one; (i, i) of a unitary matrix."""
    n = W.shape[-1]
    order = rng.permutation(n).tolist()
    if not is_complex(W):
        return list(zip(order[::2], order[1::2], strict=False))
    # In a random order of the columns, the positions of one sum modulo n.
    total = int(rng.integers(n))
    mates = [(total - k) % n for k in range(n)]
    return [(order[k], order[mate]) for k, mate in enumerate(mates) if k <= mate]


def index_range(x: Array) -> Array:
    return array_namespace(x).arange(x.shape[-1], device=device(x))


def check_positive(rule: AbstractPairRule, name: str, value: int) -> None:
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"`{type(rule).__name__}` takes an integer {name} >= 1. Got {value!r}.")
