"""Learning rates that change with the step, counted from 0."""

import dataclasses
import math


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
        if step < self.warmup:
            return self.initial * (step + 1) / self.warmup
        done = min(1.0, (step - self.warmup) / max(1, self.steps - self.warmup))
        return self.final + (self.initial - self.final) * 0.5 * (1 + math.cos(math.pi * done))


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
        return self.rates[sum(step >= b for b in self.boundaries)]
