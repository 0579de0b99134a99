"""A cell, a readout and a loss, with their parameters."""

from collections.abc import Iterable
from typing import Any

import numpy

from .._typing import RNG, Array, Tree
from .._xp import array_namespace, device, from_host, generator, size, to_host
from ..linalg import orthonormality_error
from ..manifolds import Euclidean
from ._batch import AbstractTask, Batch
from ._cell import AbstractCell
from ._loss import AbstractLoss
from ._readout import LinearReadout


class Model:
    """A recurrent network that predicts at the last step, or at all of them.

    Parameters
    ----------
    cell : AbstractCell
    readout : LinearReadout
    loss : AbstractLoss
    params : dict, optional
        Drawn by `rng` if left out.
    rng : int, `numpy.random.Generator` or None
    like : array, optional
        Whose library, dtype and device the parameters have; NumPy, float32 by default.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.rnn import CrossEntropy, LinearReadout, Model, OrthogonalCell
    >>> model = Model(OrthogonalCell(1, 8), LinearReadout(3), CrossEntropy(), rng=0)
    >>> model.predict(np.zeros((5, 2, 1))).shape
    (2,)
    """

    def __init__(
        self,
        cell: AbstractCell,
        readout: LinearReadout,
        loss: AbstractLoss,
        *,
        params: Tree = None,
        rng: RNG = None,
        like: Array | None = None,
    ):
        self.cell, self.readout, self.loss = cell, readout, loss
        if params is None:
            like = numpy.empty(0, numpy.float32) if like is None else like
            rng = generator(rng)
            params = {
                "cell": cell.init(rng=rng, like=like),
                "readout": readout.init(cell.hidden_size, rng=rng, like=like),
            }
        self.params = params

    @classmethod
    def for_task(
        cls, cell: AbstractCell, task: AbstractTask, *, rng: RNG = None, like: Array | None = None
    ) -> "Model":
        """Return a model with the outputs and the loss of a task."""
        return cls(cell, LinearReadout(task.output_size), task.loss, rng=rng, like=like)

    def manifolds(self) -> Tree:
        """Return the manifold of each parameter, None for those that stay."""
        readout = dict.fromkeys(self.params["readout"], Euclidean())
        return {"cell": self.cell.manifolds(self.params["cell"]), "readout": readout}

    def outputs(self, X: Array, mask: Array | None = None, *, params: Tree = None) -> Array:
        """Return what the readout makes of the last state, or of all, shape ``(..., c)``."""
        return self._outputs(self.params if params is None else params, X, mask)[0]

    def _outputs(self, params, X, mask, outer=False):
        only_last = self.loss.at == "last" and mask is None
        H, cell = self.cell.forward(params["cell"], X, last=only_last, outer=outer)
        pick = None
        if self.loss.at == "last" and mask is not None:
            H, pick = _pick_last(H, mask)
        Y, readout = self.readout.forward(params["readout"], H)
        return Y, (cell, pick, readout)

    def loss_and_grads(
        self, params: Tree, batch: Batch, *, outer: bool = False
    ) -> tuple[Array, Tree, Array | None]:
        """Return the mean loss, its gradient, and the mean of what the loss reports besides.

        `batch` is in the library of `params`; all results are arrays on the device. With
        `outer` the gradient of the recurrent matrix comes as an `OuterProduct`, for a cell
        whose matrix is a point on a manifold.
        """
        Y, (cell, pick, readout) = self._outputs(params, batch.inputs, batch.mask, outer)
        values, slope = self.loss.value(Y, batch.targets)
        weights = self._weights(values, batch.mask)
        dreadout, dH = self.readout.backward(slope * weights[..., None], readout)
        if pick is not None:
            dH = pick * dH[None, ...]
        dcell, _ = self.cell.backward(dH, cell)
        xp = array_namespace(values)
        measured = self.loss.measure(Y, batch.targets)
        grads = {"cell": dcell, "readout": dreadout}
        return (
            xp.sum(values * weights),
            grads,
            None if measured is None else xp.sum(measured * weights),
        )

    def _weights(self, values, mask):
        xp = array_namespace(values)
        if self.loss.at == "all" and mask is not None:
            return mask / xp.sum(mask)
        return xp.full_like(values, 1.0 / max(1, size(values)))

    def evaluate(self, batches: Iterable[Batch], *, params: Tree = None) -> dict[str, float]:
        """Return the loss, and what else the loss reports, over all positions that count."""
        params = self.params if params is None else params
        sums, count = {"loss": 0.0}, 0.0
        for host in batches:
            batch = host.like(params["readout"]["u"])
            Y = self.outputs(batch.inputs, batch.mask, params=params)
            values = self.loss.value(Y, batch.targets)[0]
            weights = batch.mask if self.loss.at == "all" and batch.mask is not None else None
            measured = {"loss": values, self.loss.quantity: self.loss.measure(Y, batch.targets)}
            count += size(values) if weights is None else _total(weights, None)
            for name, value in measured.items():
                if name is not None and value is not None:
                    sums[name] = sums.get(name, 0.0) + _total(value, weights)
        return {name: total / count for name, total in sums.items()} if count else {}

    def predict(self, X: Any, mask: Any = None) -> Array:
        """Return classes or values for inputs of shape ``(T, B, d)`` of any library.

        They are moved to the library and device of the parameters.
        """
        if X.ndim != 3 or (mask is not None and tuple(mask.shape) != tuple(X.shape[:2])):
            wanted = "inputs of shape (T, B, d)"
            if mask is not None:
                wanted += f" and a mask of shape {tuple(X.shape[:2])}"
            came = [tuple(x.shape) for x in (X, mask) if x is not None]
            raise ValueError(f"`predict` takes {wanted}. Got {' and '.join(map(str, came))}.")
        like = self.params["readout"]["u"]
        X, mask = (None if x is None else _beside(x, like) for x in (X, mask))
        return self.loss.decide(self.outputs(X, mask))

    def recurrent_matrix(self) -> Array:
        """Return W."""
        return self.cell.recurrent_forward(self.params["cell"]["recurrent"])[0]

    def residual(self) -> float | None:
        """Return the orthonormality error of W, or None if W is not constrained."""
        if not self.cell.orthogonal:
            return None
        return float(orthonormality_error(self.recurrent_matrix()))


def _beside(x, like):
    """Return `x` in the library, dtype and device of `like`."""
    xp = array_namespace(like)
    if array_namespace(x) is xp and device(x) == device(like):
        return xp.astype(x, like.dtype)
    return from_host(to_host(x), like)


def _total(values, weights):
    xp = array_namespace(values)
    return float(xp.sum(values if weights is None else values * weights))


def _pick_last(H, mask):
    """Return each sequence's state at its last step that counts, and where that is."""
    xp = array_namespace(H)
    # A one where the mask is on and off in the next step.
    following = xp.concat([mask[1:, ...], 0 * mask[:1, ...]], axis=0)
    here = xp.astype(mask - following > 0, H.dtype)[..., None]
    return xp.sum(H * here, axis=0), here
