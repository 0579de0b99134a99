"""Losses: their value, the cotangent of the outputs, and what is reported."""

import abc
import dataclasses
from typing import ClassVar, Literal

from .._typing import Array
from .._xp import array_namespace, device

At = Literal["last", "all"]


class AbstractLoss(abc.ABC):
    """A mean over samples (`at` = "last") or over all steps that count (`at` = "all").

    `integer_targets` says whether targets are classes; `quantity` names what else is
    reported, as `measure` sums it.
    """

    at: At
    integer_targets: ClassVar[bool]
    quantity: ClassVar[str | None] = None

    @abc.abstractmethod
    def value(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        """Return the loss of each position and its derivative by the outputs, not averaged."""

    @abc.abstractmethod
    def decide(self, outputs: Array) -> Array:
        """Return predictions."""

    def measure(self, outputs: Array, targets: Array) -> Array | None:
        """Return the reported quantity of each position."""
        return None


@dataclasses.dataclass(frozen=True)
class CrossEntropy(AbstractLoss):
    r"""Softmax cross-entropy of integer classes, in nats.

    .. math:: \log \textstyle\sum_c e^{y_c} - y_{\text{target}}

    Parameters
    ----------
    at : {"last", "all"}
        Predict at the last step of each sequence, or at every step.
    """

    at: At = "last"
    integer_targets: ClassVar[bool] = True
    quantity: ClassVar[str | None] = "accuracy"

    def value(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        xp = array_namespace(outputs)
        shifted = outputs - xp.max(outputs, axis=-1, keepdims=True)
        exps = xp.exp(shifted)
        sums = xp.sum(exps, axis=-1, keepdims=True)
        hot = xp.astype(self._hot(outputs, targets), outputs.dtype)
        loss = xp.log(sums)[..., 0] - xp.sum(shifted * hot, axis=-1)
        return loss, exps / sums - hot

    def _hot(self, outputs, targets):
        xp = array_namespace(outputs)
        classes = xp.arange(outputs.shape[-1], dtype=targets.dtype, device=device(outputs))
        return targets[..., None] == classes

    def decide(self, outputs: Array) -> Array:
        return array_namespace(outputs).argmax(outputs, axis=-1)

    def measure(self, outputs: Array, targets: Array) -> Array:
        xp = array_namespace(outputs)
        decided = xp.astype(self.decide(outputs), targets.dtype)
        return xp.astype(decided == targets, outputs.dtype)


@dataclasses.dataclass(frozen=True)
class SquaredError(AbstractLoss):
    r"""Squared distance of the outputs from real targets, summed over the outputs.

    Parameters
    ----------
    at : {"last", "all"}
        Predict at the last step of each sequence, or at every step.
    """

    at: At = "last"
    integer_targets: ClassVar[bool] = False

    def value(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        xp = array_namespace(outputs)
        error = outputs - xp.reshape(targets, tuple(outputs.shape))
        return xp.sum(error * error, axis=-1), 2 * error

    def decide(self, outputs: Array) -> Array:
        return outputs
