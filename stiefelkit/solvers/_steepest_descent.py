"""Steepest descent."""

import dataclasses
from collections.abc import Generator
from typing import Literal

from .._xp import array_namespace
from ._base import AbstractSolver, Iterate
from ._line_search import search
from ._objective import Objective, Point
from ._result import Status
from ._vectors import add, dot, scale

_AVERAGE = 0.85
_LONGEST, _SHORTEST = 1e15, 1e-15


@dataclasses.dataclass(frozen=True)
class SteepestDescent(AbstractSolver):
    r"""Steepest descent.

    Parameters
    ----------
    step : {"barzilai-borwein", "armijo"}
        "barzilai-borwein" : lengths :math:`|s|^2/\langle s, y\rangle` and
        :math:`\langle s, y\rangle/|y|^2` in turn, of the differences s of points and y of
        gradients; values may rise now and then, below a weighted average of the past.
        "armijo" : twice the last length, halved until the value falls enough.
    maxiter, maxfun : int
        Limits.

    Notes
    -----
    An iteration costs one evaluation and one retraction. [WenYin:2013]_, algorithm 2;
    [ZhangHager:2004]_.
    """

    step: Literal["barzilai-borwein", "armijo"] = "barzilai-borwein"

    def __post_init__(self):
        if self.step not in ("barzilai-borwein", "armijo"):
            raise ValueError(f'`step` is "barzilai-borwein" or "armijo". Got {self.step!r}.')

    def iterates(self, objective: Objective, start: Point) -> Generator[Iterate, None, Status]:
        point, length, reference, weight = start, start.grad_norm**-1, start.fun, 1.0
        bb = self.step == "barzilai-borwein"

        def differences(x, G, g):
            s, y = add(x, -1.0, point.x), add(g, -1.0, point.gradient)
            parts = [dot(s, s), dot(s, y), dot(y, y)]
            return array_namespace(parts[0]).stack(parts)

        for k in range(self.maxiter):
            slope, direction = -(point.grad_norm**2), scale(-1.0, point.gradient)
            taken = search(
                objective,
                point,
                direction,
                slope,
                length,
                reference=reference if bb else None,
                extra=differences if bb else None,
            )
            if taken.failure is not None:
                return taken.failure
            point, length = taken.point, 2 * taken.length
            if bb:
                ss, sy, yy = abs(taken.extra)
                quotient = (ss / sy if k % 2 else sy / yy) if sy > 0 else taken.length
                length = min(max(quotient, _SHORTEST), _LONGEST)
                # The average of Zhang and Hager (2004), equation 1.4.
                reference = (_AVERAGE * weight * reference + point.fun) / (_AVERAGE * weight + 1)
                weight = _AVERAGE * weight + 1
            yield Iterate(point, {"step": taken.length})
        return Status.MAX_ITERATIONS
