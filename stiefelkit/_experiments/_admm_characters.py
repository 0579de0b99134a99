"""Next characters of English text by ADMM, and by Adam in the same time."""

import itertools
from collections.abc import Iterator

import numpy

from ..optim import Adam
from ..rnn import ADMM, AbstractTask, Batch, Characters
from ..rnn._python_text import entropy
from ._admm_runs import network, train
from ._experiment import Check, Figure, Item, Note, Panel, Part, Result, Setting, Table

_ADMM = ADMM(rho3=0.03, weight_decay=1.0, atol=0, rtol=0)
_BATCH = 64


class Windows(AbstractTask):
    """So many windows of the text, the same in every epoch, in batches."""

    baseline = None

    def __init__(self, length: int, count: int, seed: int, held: int):
        text = Characters(length, batch_size=_BATCH)
        self.input_size, self.output_size, self.loss = text.input_size, text.output_size, text.loss
        draws = text.train(numpy.random.default_rng(seed))
        self._batches = list(itertools.islice(draws, count // _BATCH))
        self._held = text.test()[:held]
        self.updates_per_epoch = len(self._batches)

    def train(self, rng: numpy.random.Generator) -> Iterator[Batch]:
        for k in rng.permutation(len(self._batches)):
            yield self._batches[k]

    def validation(self) -> list[Batch]:
        return []

    def test(self) -> list[Batch]:
        return self._held

    def unigram(self) -> float:
        """Return the entropy of single characters in the text held out."""
        return entropy(numpy.concatenate([batch.targets.ravel() for batch in self._held]))


def _measure(setting: Setting) -> Result:
    n, length, count, sweeps, held, bound = (
        (16, 10, 640, 10, 1, 0.95) if setting.quick else (64, 10, 6400, 20, 100, 0.85)
    )
    task = Windows(length, count, setting.seed, held)
    sizes, like = (task.input_size, n, task.output_size), setting.like
    runs: Result = {}
    limit = None
    for name, rule in (("ADMM", _ADMM), ("Adam 1e-2", Adam(1e-2)), ("Adam 1e-3", Adam(1e-3))):
        model = network(sizes, "all", 1.0, setting.seed, like)
        epochs = sweeps if limit is None else 100000
        runs[name] = train(rule, model, task, task.test(), epochs, setting.seed, limit)
        limit = runs["ADMM"]["seconds"][-1]
    size = {"n": n, "length": length, "count": count, "sweeps": sweeps}
    return {**size, "unigram": task.unigram(), "runs": runs, "bound": bound}


def _present(result: Result) -> Iterator[Item]:
    runs, H = result["runs"], result["unigram"]
    curves = {name: [loss / H for loss in run["held"]] for name, run in runs.items()}
    lines = {name: (runs[name]["seconds"], curve) for name, curve in curves.items()}
    panel = Panel("Held-out loss by time", "seconds", "loss by unigram entropy", lines,
                  {"frequencies alone": 1.0}, "x")  # fmt: skip
    yield Figure("characters", (panel,))
    yield Table(
        f"{result['count']} windows of {result['length']} characters, n = {result['n']}; unigram "
        f"entropy of the text held out {H:.4g} nats",
        ("rule", "passes", "s", "training loss", "held-out loss", "by entropy", "lowest"),
        tuple(
            (
                k,
                len(r["loss"]),
                r["seconds"][-1],
                r["loss"][-1],
                r["held"][-1],
                curves[k][-1],
                min(curves[k]),
            )
            for k, r in runs.items()
        ),
    )
    name = f"held-out loss of ADMM by unigram entropy, {result['sweeps']} sweeps"
    yield Check(name, curves["ADMM"][-1], result["bound"])
    yield Note(
        "All rules train on the same windows, from the same weights, with the loss at every step; "
        "Adam takes minibatches of 64 windows and as many epochs as the sweeps of ADMM took time."
    )


CHARACTERS = Part("characters", "Next characters of English text", _measure, _present, double=True)
