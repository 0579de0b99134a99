"""Learning rates that change with the step, counted from 0.

A step that is an array, as where updates are traced, gives an array.
"""

import dataclasses
import math
import numbers

from .._xp import array_namespace


@dataclasses.dataclass(frozen=True)
class Cosine:
    r"""Rise linearly over `warmup` steps, then fall to `final` along half a cosine.

    Examples
    --------
    >>> from stiefelkit.optim import Cosine
    >>> [round(Cosine(1.0, steps=4)(t), 3) for t in range(5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """

    initial: float
    steps: int
    warmup: int = 0
    final: float = 0.0

    def __call__(self, step: int) -> float:
        if isinstance(step, numbers.Integral):
            if step < self.warmup:
                return self._rise(step)
            return self._fall(math.cos(math.pi * min(1.0, self._done(step))))
        xp = array_namespace(step)
        fall = self._fall(xp.cos(math.pi * xp.clip(self._done(step), max=1.0)))
        return xp.where(step < self.warmup, self._rise(step), fall)

    def _rise(self, step):
        return self.initial * (step + 1) / max(1, self.warmup)

    def _done(self, step):
        return (step - self.warmup) / max(1, self.steps - self.warmup)

    def _fall(self, cosine):
        return self.final + (self.initial - self.final) * 0.5 * (1 + cosine)


@dataclasses.dataclass(frozen=True)
class ExponentialDecay:
    """Multiply by `factor` once in `every` steps, continuously.

    Examples
    --------
    >>> from stiefelkit.optim import ExponentialDecay
    >>> ExponentialDecay(1.0, factor=0.25, every=10)(5)
    0.5
    """

    initial: float
    factor: float
    every: int

    def __call__(self, step: int) -> float:
        return self.initial * self.factor ** (step / self.every)


@dataclasses.dataclass(frozen=True)
class PiecewiseConstant:
    """Hold ``rates[i]`` until step ``boundaries[i]``, the last rate for ever.

    Examples
    --------
    >>> from stiefelkit.optim import PiecewiseConstant
    >>> [PiecewiseConstant((1.0, 0.1), (2,))(t) for t in range(4)]
    [1.0, 1.0, 0.1, 0.1]
    """

    rates: tuple[float, ...]
    boundaries: tuple[int, ...]

    def __post_init__(self):
        if len(self.rates) != len(self.boundaries) + 1:
            raise ValueError(
                "`PiecewiseConstant` takes one rate more than boundaries. "
                f"Got {len(self.rates)} rates and {len(self.boundaries)} boundaries."
            )

    def __call__(self, step: int) -> float:
        passed = [step >= b for b in self.boundaries]
        if isinstance(step, numbers.Integral):
            return self.rates[sum(passed)]
        value = self.rates[0] + 0.0 * step
        for over, following in zip(passed, self.rates[1:], strict=True):
            value = array_namespace(step).where(over, following, value)
        return value
