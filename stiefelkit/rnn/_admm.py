"""Training of a recurrent network by the alternating direction method of multipliers."""

import copy
import dataclasses
import math
import time
from collections.abc import Iterable
from typing import Any, Literal

from .._typing import RNG
from .._xp import generator
from ..optim import State
from ._admm_data import all_batches, check_model
from ._admm_sweep import start, sweep
from ._batch import AbstractTask, Batch
from ._callback import AbstractCallback
from ._checkpoint import read_snapshot
from ._fit import Training, _restore
from ._model import Model


@dataclasses.dataclass(frozen=True)
class ADMM:
    r"""Train without gradients: split the unrolled network, and update its parts in turn.

    .. math::

        a_t = W_{in} x_t + W s_{t-1} + c, \qquad s_t = \tanh a_t, \qquad o_t = U s_t + u

    are constraints with residuals r_1, r_2, r_3 and scaled multipliers y_1, y_2, y_3 for each
    sample and step, the third for the last step only unless the loss is at all steps. A sweep
    over all samples updates o, then s_t and a_t from the last step to the first, the weights
    and the multipliers, y + r, on

    .. math::

        \mathrm{CE}(o) + \tfrac{\lambda}{2} \|(W_{in}, W, c, U, u)\|^2
        + \sum_i \tfrac{\rho_i}{2} \left( \|r_i + y_i\|^2 - \|y_i\|^2 \right).

    Parameters
    ----------
    rho1, rho2, rho3 : float
        Penalties of the residuals, positive.
    weight_decay : float
        The lambda of the sum of squares of all weights, for the sum of losses over samples.
    delta : float
        How strongly the weights are held at those before, as a part of the number of samples.
    variant : {"reset", "textbook"}
        "reset" begins each sweep with the variables of a forward pass, and fits the weights
        to the states of that pass. "textbook" keeps the variables from sweep to sweep, and
        takes gradient steps for a_t. It wants stiffer penalties, as in
        ``ADMM(20, 20, 0.1, weight_decay=0.01, delta=0, variant="textbook")``, and may diverge.
    atol, rtol : float
        Stop when the root mean square of every residual is at most `atol` plus `rtol` times
        that of its variable, and the change of the weights likewise.

    Notes
    -----
    A sweep over B samples of T steps costs three products of BT-by-(d+n+1) and 2T of B-by-n
    with n-by-n matrices, the normal equations of the weights, a few BTn hyperbolic tangents,
    and for the outputs some ten Newton steps. It holds about a dozen arrays of the size of all
    states or outputs, and two of them, four for "textbook", from sweep to sweep and in a
    checkpoint: all samples have to fit in memory.

    The problem is not convex and convergence is not proved; small residuals say nothing about
    the loss of the network itself, which the history has as `loss`. With "reset" r_1 and r_2
    are small from the start; the norm of all residuals together falls to a thousandth of the
    first in some 200 sweeps on the digits read row by row. The splitting is that of
    [TangKanEtAl:2020]_, with multipliers at all steps in place of the last one, and the
    forward pass added; the method is in [BoydParikhEtAl:2011]_, and the Newton steps of the
    outputs have lengths that are safe by [SunTranDinh:2019]_.

    Examples
    --------
    >>> from stiefelkit.rnn import ADMM
    >>> ADMM(rho3=0.2)  # doctest: +ELLIPSIS
    ADMM(rho1=1.0, rho2=1.0, rho3=0.2, weight_decay=0.03, delta=0.03, variant='reset', ...)
    """

    rho1: float = 1.0
    rho2: float = 1.0
    rho3: float = 0.1
    weight_decay: float = 0.03
    delta: float = 0.03
    variant: Literal["reset", "textbook"] = "reset"
    atol: float = 1e-6
    rtol: float = 1e-5

    def __post_init__(self):
        for name in ("rho1", "rho2", "rho3"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"`ADMM` needs {name} > 0. Got {getattr(self, name)!r}.")
        for name in ("weight_decay", "delta", "atol", "rtol"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"`ADMM` needs {name} >= 0. Got {getattr(self, name)!r}.")
        if not self.weight_decay + self.delta:
            raise ValueError(
                "`ADMM` needs weight_decay or delta > 0: else weights may be singular."
            )
        if self.variant not in ("reset", "textbook"):
            raise ValueError(f"`ADMM` has the variants reset and textbook. Got {self.variant!r}.")

    def fit(
        self,
        model: Model,
        task: AbstractTask,
        *,
        epochs: int,
        callbacks: Iterable[AbstractCallback] = (),
        rng: RNG = None,
        resume: str | None = None,
    ) -> Training:
        """Train a model in place, by one sweep over all training data an epoch.

        Parameters
        ----------
        model : Model
            An `ElmanCell` with `Tanh`, a `LinearReadout` and `CrossEntropy`, real. Its
            `params` are replaced after every sweep.
        task : AbstractTask
            Its training batches, drawn once, are put together; without masks.
        epochs : int
            How many sweeps to have made in the end, those before `resume` included.
        callbacks : iterable of AbstractCallback
            As for `fit`; a checkpoint keeps the multipliers of all samples.
        rng : int, `numpy.random.Generator` or None
            Draws or shuffles the batches.
        resume : str, optional
            A checkpoint of the same model, task and settings to go on from.

        Returns
        -------
        Training
            Its history has, besides what `fit` records, the root mean squares `r1`, `r2`,
            `r3` of the residuals and `change` of the change of the weights, the
            `lagrangian` before the multipliers' update, by sample, and the `criterion`,
            which is 1 or less where `atol` and `rtol` are met. `reason` says why it stopped.

        Raises
        ------
        TypeError
            If the model has another cell, activation, readout, loss or complex parameters.
        ValueError
            If there are no data, or masks, several lengths, NaN, or classes without output.
        FloatingPointError
            If the outcome of a sweep is not finite; the model keeps the parameters before it.
        CheckpointError
            If `resume` cannot be gone on from.

        Examples
        --------
        >>> import numpy as np
        >>> from stiefelkit.rnn import ADMM, Digits, ElmanCell, Model
        >>> task = Digits(validation_size=0.95)
        >>> model = Model.for_task(ElmanCell(1, 4), task, rng=0, like=np.empty(0))
        >>> run = ADMM().fit(model, task, epochs=2, rng=0)
        >>> run.history[1]["loss"] < run.history[0]["loss"]
        True
        """
        check_model(model)
        snapshot = None if resume is None else read_snapshot(resume)
        rng = generator(rng)
        if snapshot is not None:
            snapshot.check_same(model, task, self)
            rng.bit_generator.state = snapshot.meta["rng"]
        # Kept as it was before the draw, since a resumed run draws the same samples again.
        before = copy.deepcopy(rng)
        batch = all_batches(task, rng, model.params["readout"]["u"])
        optimizer: Any = self  # a checkpoint keeps its settings as those of an optimizer
        state = State(0, start(self, model, batch.inputs), None)
        run = Training(model, task, optimizer, epochs, before, state)
        callbacks = list(callbacks)
        if snapshot is not None:
            _restore(run, snapshot, callbacks)
        _judge(run)
        for callback in callbacks:
            callback.start(run)
        while run.epoch < epochs and not run.stop:
            self._train_epoch(run, batch, callbacks)
            for callback in callbacks:
                callback.epoch(run)
        for callback in callbacks:
            callback.end(run)
        return run

    def _train_epoch(self, run: Training, batch: Batch, callbacks: list[AbstractCallback]) -> None:
        model, begun, number = run.model, time.perf_counter(), run.epoch + 1
        params, slots, numbers = sweep(self, model, model.params, run.state.slots, batch)
        criterion = self._criterion(numbers, numbers.pop("scale"))
        for callback in callbacks:
            callback.update(run)
        scores = model.evaluate([batch], params=params)
        if not all(map(math.isfinite, [scores["loss"], *numbers.values()])):
            raise FloatingPointError(
                f"The outcome of sweep {number} was not finite. Raise rho1, rho2 and delta, or "
                "take the variant reset; the model has the parameters of the sweep before."
            )
        model.params = params
        run.state = run.state._replace(step=number, slots=slots)
        record = {"epoch": number, "step": number, **scores, **numbers, "criterion": criterion}
        held = model.evaluate(run.task.validation())
        record.update({f"validation_{name}": value for name, value in held.items()})
        record["seconds"] = time.perf_counter() - begun
        run.losses = [scores["loss"]]
        run.history.append(record)
        run.epoch = number
        _judge(run)

    def _criterion(self, numbers: dict[str, float], sizes: list[float]) -> float:
        bounds = [self.atol + self.rtol * size for size in sizes]
        found = [numbers[name] for name in ("r1", "r2", "r3", "change")]
        ratios = [x / b if b else math.inf for x, b in zip(found, bounds, strict=True)]
        return max(ratios)


def _judge(run: Training) -> None:
    if run.history and run.history[-1]["criterion"] <= 1:
        run.stop = True
        run.reason = "residuals and change of the weights are within tolerance"
