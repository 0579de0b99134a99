"""The curves of a run as a picture."""

import os
from typing import TYPE_CHECKING

from ._callback import AbstractCallback

if TYPE_CHECKING:
    from ._fit import Training


class Plot(AbstractCallback):
    """Draw loss and accuracy over the epochs to a PNG file at the end of the run.

    Parameters
    ----------
    path : str
    """

    def __init__(self, path: str):
        self.path = path

    def start(self, run: "Training") -> None:
        _figure()  # before an epoch is spent

    def end(self, run: "Training") -> None:
        if not run.history:
            return
        quantity = run.model.loss.quantity
        panels = ["loss"] + ([quantity] if quantity in run.history[0] else [])
        figure = _figure()(figsize=(5 * len(panels), 3.5), layout="constrained")
        for axes, name in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
        ):
            _draw(axes, run, name)
        os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)
        figure.savefig(self.path, dpi=120)


def _figure():
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Pictures need matplotlib. Install it by `pip install stiefelkit[train]`."
        ) from error
    return Figure


def _draw(axes, run, name):
    epochs = [record["epoch"] for record in run.history]
    for label, key in (("training", name), ("validation", f"validation_{name}")):
        if key in run.history[0]:
            axes.plot(epochs, [record[key] for record in run.history], label=label)
    if name == "loss":
        axes.set_yscale("log")
        if run.task.baseline is not None:
            axes.axhline(run.task.baseline, color="gray", linestyle=":", label="without memory")
    axes.set_xlabel("epoch")
    axes.set_ylabel(name)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
