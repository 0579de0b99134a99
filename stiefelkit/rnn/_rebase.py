"""Moving the base of a trivialization while a network is trained."""

from typing import TYPE_CHECKING, Any

from .._typing import Tree
from ..parametrizations import Trivialization
from ._callback import AbstractCallback

if TYPE_CHECKING:
    from ._fit import Training


class Rebase(AbstractCallback):
    """Move the base of a cell's `Trivialization` to its matrix every few updates.

    The matrix stays, to rounding. So do the slots of the optimizer: its moments go on in the
    coordinates of the new base. The updates of the whole run are counted, so that a resumed
    run moves the base when this one would have.

    Parameters
    ----------
    every : int
        Updates between moves, at least 1: dynamic trivialization [LezcanoCasado:2019]_ with
        K = `every`.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.optim import Adam
    >>> from stiefelkit.parametrizations import Trivialization
    >>> from stiefelkit.rnn import Adding, Model, OrthogonalCell, Rebase, fit
    >>> task = Adding(length=4, updates_per_epoch=4)
    >>> cell = OrthogonalCell(2, 3, recurrent=Trivialization(3))
    >>> model = Model.for_task(cell, task, rng=0)
    >>> run = fit(model, task, Adam(1e-3), epochs=1, callbacks=[Rebase(every=2)], rng=0)
    >>> float(np.max(np.abs(model.params["cell"]["recurrent"]["A"])))
    0.0
    """

    def __init__(self, every: int = 100):
        if every < 1:
            raise ValueError(f"`Rebase` needs every >= 1. Got {every}.")
        self.every = every

    def start(self, run: "Training") -> None:
        recurrent = getattr(run.model.cell, "recurrent", None)
        if not isinstance(recurrent, Trivialization):
            raise TypeError(
                "`Rebase` is for a cell whose `recurrent` is a `Trivialization`. Got "
                f"{type(run.model.cell).__name__} with {type(recurrent).__name__}."
            )

    def update(self, run: "Training") -> None:
        if run.state.step % self.every == 0:
            run.params = rebased(run.model.cell, run.params)


def rebased(cell: Any, params: Tree) -> Tree:
    """Return the parameters of a model whose cell's base is its matrix."""
    recurrent = cell.recurrent.rebase(params["cell"]["recurrent"])
    return {**params, "cell": {**params["cell"], "recurrent": recurrent}}
