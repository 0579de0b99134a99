"""What every solver provides."""

import abc
import dataclasses
from collections.abc import Generator
from typing import Any, NamedTuple

from .._typing import Tree
from ._objective import Objective, Point
from ._result import Status


class Iterate(NamedTuple):
    """Where a solver is after an iteration, and what it records of it."""

    point: Point
    record: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class AbstractSolver(abc.ABC):
    """A method of `minimize`: a frozen object whose fields are its options.

    Parameters
    ----------
    maxiter : int
        Most iterations.
    maxfun : int, optional
        Most evaluations of `fun`, unlimited by default.
    """

    maxiter: int = dataclasses.field(default=10_000, kw_only=True)
    maxfun: int | None = dataclasses.field(default=None, kw_only=True)

    @abc.abstractmethod
    def iterates(self, objective: Objective, start: Point) -> Generator[Iterate, None, Status]:
        """Yield an iterate after each iteration; return why there is no next one.

        Convergence and limits are watched by `minimize`, which stops asking.
        """

    def patience(self, x: Tree) -> int:
        """Return after how many iterations without gain rounding errors are all there is."""
        return 100

    def finish(self, x: Tree, objective: Objective) -> Tree:
        """Return the feasible point that the last iterate stands for."""
        return x
