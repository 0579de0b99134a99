"""What looks at a training run, and may stop it."""

import json
import math
import os
import sys
from typing import TYPE_CHECKING, Any

from ._checkpoint import check_settings, write_snapshot

if TYPE_CHECKING:
    from ._fit import Training


class AbstractCallback:
    """Hooks into `fit`; a subclass overrides those it needs.

    `memory` and `restore` carry what a callback knows through a checkpoint.
    """

    def start(self, run: "Training") -> None:
        """Look at the run before its first epoch."""

    def update(self, run: "Training") -> None:
        """Follow an update; losses are not known yet, ``run.params`` may be replaced."""

    def epoch(self, run: "Training") -> None:
        """Look at the run after an epoch; ``run.stop = True`` ends it."""

    def end(self, run: "Training") -> None:
        """Look at the run after its last epoch."""

    def memory(self) -> dict[str, Any]:
        """Return what a checkpoint keeps, plain values."""
        return {}

    def restore(self, memory: dict[str, Any]) -> None:
        """Take up what `memory` returned."""


def _improves(record: dict[str, float], metric: str, best: float) -> tuple[bool, float]:
    if metric not in record:
        raise ValueError(f"There is no metric `{metric}` to follow. There are {sorted(record)}.")
    value = -record[metric] if metric.endswith("accuracy") else record[metric]
    return value < best, value if value < best else best


class EarlyStopping(AbstractCallback):
    """Stop when a metric has not improved for some epochs.

    Parameters
    ----------
    patience : int
        Epochs to wait, at least 1.
    metric : str
        A key of the history; accuracies should rise, all else should fall.
    """

    def __init__(self, patience: int, metric: str = "validation_loss"):
        if patience < 1:
            raise ValueError(f"`EarlyStopping` needs patience >= 1. Got {patience}.")
        self.patience, self.metric = patience, metric
        self.best, self.waited = math.inf, 0

    def start(self, run: "Training") -> None:
        self._judge(run)  # a resumed run may have been stopped

    def epoch(self, run: "Training") -> None:
        better, self.best = _improves(run.history[-1], self.metric, self.best)
        self.waited = 0 if better else self.waited + 1
        self._judge(run)

    def _judge(self, run: "Training") -> None:
        if self.waited >= self.patience:
            run.stop = True
            run.reason = f"{self.metric} has not improved for {self.waited} epochs"

    def memory(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited}

    def restore(self, memory: dict[str, Any]) -> None:
        self.best, self.waited = memory.get("best", self.best), memory.get("waited", self.waited)


class Target(AbstractCallback):
    """Stop when a metric has reached a value.

    Parameters
    ----------
    value : float
    metric : str
        A key of the history; accuracies should rise, all else should fall.
    """

    def __init__(self, value: float, metric: str = "validation_loss"):
        self.value, self.metric = value, metric

    def start(self, run: "Training") -> None:
        if run.history:  # of a resumed run, which may have been stopped
            self.epoch(run)

    def epoch(self, run: "Training") -> None:
        sign = -1 if self.metric.endswith("accuracy") else 1
        reached, _ = _improves(run.history[-1], self.metric, sign * self.value)
        if reached:
            run.stop = True
            run.reason = f"{self.metric} has reached {self.value}"


class Checkpoint(AbstractCallback):
    """Write ``last.npz`` after every epoch, and ``best.npz`` when a metric improves.

    Put it after callbacks whose memory it should keep.

    Parameters
    ----------
    folder : str
    metric : str, optional
        A key of the history; accuracies should rise, all else should fall. The validation
        loss by default, the training loss where there are no validation data.
    others : sequence of AbstractCallback
        Callbacks whose memory is kept, so that a resumed run stops where this one would.
    """

    def __init__(
        self,
        folder: str,
        metric: str | None = None,
        others: tuple[AbstractCallback, ...] = (),
    ):
        self.folder, self.metric, self.others = folder, metric, others
        self.best = math.inf

    def start(self, run: "Training") -> None:
        check_settings(run)  # before an epoch is spent
        os.makedirs(self.folder, exist_ok=True)

    def epoch(self, run: "Training") -> None:
        better, self.best = _improves(run.history[-1], self._metric(run), self.best)
        memories = [(type(c).__name__, c.memory()) for c in (*self.others, self)]
        if better:
            write_snapshot(os.path.join(self.folder, "best.npz"), run, memories)
        write_snapshot(os.path.join(self.folder, "last.npz"), run, memories)

    def _metric(self, run: "Training") -> str:
        if self.metric is not None:
            return self.metric
        return "validation_loss" if "validation_loss" in run.history[-1] else "loss"

    def memory(self) -> dict[str, Any]:
        return {"best": self.best}

    def restore(self, memory: dict[str, Any]) -> None:
        self.best = memory.get("best", self.best)


class Metrics(AbstractCallback):
    """Write the history as JSON lines, one an epoch; a resumed run has all of them.

    Parameters
    ----------
    path : str
    """

    def __init__(self, path: str):
        self.path = path

    def start(self, run: "Training") -> None:
        os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)
        with open(self.path, "w") as file:
            file.writelines(json.dumps(record) + "\n" for record in run.history)

    def epoch(self, run: "Training") -> None:
        with open(self.path, "a") as file:
            file.write(json.dumps(run.history[-1]) + "\n")


class Progress(AbstractCallback):
    """Show a bar on a terminal, and a line every few epochs elsewhere.

    Parameters
    ----------
    lines : int
        How many lines a run prints at most where there is no terminal.
    """

    def __init__(self, lines: int = 20):
        self.lines, self.bar = lines, None

    def start(self, run: "Training") -> None:
        if sys.stderr.isatty():
            from tqdm import tqdm

            total, done = run.epochs * run.task.updates_per_epoch, run.epoch
            self.bar = tqdm(total=total, initial=done * run.task.updates_per_epoch, unit="update")

    def update(self, run: "Training") -> None:
        if self.bar is not None:
            self.bar.update()

    def epoch(self, run: "Training") -> None:
        line = describe(run.history[-1])
        if self.bar is not None:
            self.bar.set_description_str(line)
        elif (
            run.epoch % max(1, run.epochs // self.lines) == 0 or run.epoch == run.epochs or run.stop
        ):
            print(line, flush=True)

    def end(self, run: "Training") -> None:
        if self.bar is not None:
            self.bar.close()


def describe(record: dict[str, float]) -> str:
    """Return one epoch as one line."""
    names = [
        n for n in ("loss", "accuracy", "validation_loss", "validation_accuracy") if n in record
    ]
    shown = [f"{name.replace('_', ' ')} {record[name]:.4f}" for name in names]
    return "  ".join([f"epoch {record['epoch']:4d}", *shown])
