"""A loss given as a function, whose slope its array library finds."""

import dataclasses
from collections.abc import Callable
from typing import Any

from .._kernels import value_and_grad_for
from .._typing import Array
from .._xp import array_namespace, namespace_key
from ._loss import AbstractLoss, At


@dataclasses.dataclass(frozen=True)
class _DifferentiatedLoss(AbstractLoss):
    function: Callable[[Array, Array], Array]
    at: At
    integer_targets: bool  # type: ignore[misc]
    decision: Callable[[Array], Array] | None

    def value(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        library = namespace_key(array_namespace(outputs))
        transform = value_and_grad_for(library)
        if transform is None:
            raise TypeError(
                f"`{library}` arrays cannot be differentiated by their library. Train on those of "
                "one that does, or derive a class from `AbstractLoss` whose `value` returns the "
                "slope too."
            )
        values = self.function(outputs, targets)
        if tuple(values.shape) != tuple(outputs.shape[:-1]):
            raise ValueError(
                f"The loss has one value a position, shape {tuple(outputs.shape[:-1])} for outputs "
                f"of shape {tuple(outputs.shape)}. Got {tuple(values.shape)}."
            )
        # Positions do not mix, so the slopes of their sum are those of each.
        return values, transform(lambda Y: self.function(Y, targets).sum())(outputs)[1]

    def decide(self, outputs: Array) -> Array:
        return outputs if self.decision is None else self.decision(outputs)


def differentiated_loss(
    function: Callable[[Array, Array], Array],
    *,
    at: At = "last",
    integer_targets: bool = False,
    decide: Callable[[Array], Array] | None = None,
) -> AbstractLoss:
    """Return a loss from a function alone: its array library differentiates it.

    Parameters
    ----------
    function : callable
        ``function(outputs, targets)`` returns the loss of each position, shape ``(...)`` for
        outputs of shape ``(..., c)``, in terms of the library of the outputs.
    at : {"last", "all"}
        Predict at the last step of each sequence, or at every step.
    integer_targets : bool
        Whether targets are classes.
    decide : callable, optional
        Makes predictions of outputs; these themselves by default.

    Returns
    -------
    AbstractLoss
        It cannot be kept in a checkpoint, as its function has no name to be found by.

    Raises
    ------
    TypeError
        By its `value`, for arrays of a library without automatic differentiation.
    ValueError
        By its `value`, if the function does not give one number a position.

    Notes
    -----
    Evaluates the function twice. The recurrence and the readout keep their own derivatives.

    Examples
    --------
    >>> from stiefelkit.rnn import differentiated_loss
    >>> differentiated_loss(lambda Y, targets: abs(Y[..., 0] - targets), at="all").at
    'all'
    """
    choice: Any = at
    if choice not in ("last", "all"):
        raise ValueError(f"`at` is one of last, all. Got {at!r}.")
    return _DifferentiatedLoss(function, at, integer_targets, decide)
