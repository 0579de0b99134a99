"""From the words of the command line to objects, with the defaults of each task."""

import argparse
import difflib
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

from .. import manifolds, parametrizations, rnn

TASKS: dict[str, Callable[[argparse.Namespace], rnn.AbstractTask]] = {
    "digits": lambda o: rnn.Digits(fold=o.fold, split_seed=o.seed, batch_size=o.batch_size),
    "digits-permuted": lambda o: rnn.Digits(True, o.fold, o.seed, o.batch_size),
    "digits-rows": lambda o: rnn.DigitsRows(
        fold=o.fold, split_seed=o.seed, batch_size=o.batch_size
    ),
    "copying": lambda o: rnn.Copying(o.length, batch_size=o.batch_size),
    "copying-at-marker": lambda o: rnn.CopyingAtMarker(o.length, batch_size=o.batch_size),
    "adding": lambda o: rnn.Adding(o.length, batch_size=o.batch_size),
    "characters": lambda o: rnn.Characters(o.length, batch_size=o.batch_size),
    "topics": lambda o: rnn.Topics(o.length, batch_size=o.batch_size),
}
# Of a folder given by --data.
FOLDER_TASKS: dict[str, Callable[[argparse.Namespace], rnn.AbstractTask]] = {
    "mnist": lambda o: rnn.MNIST(o.data, batch_size=o.batch_size, split_seed=o.seed),
    "mnist-permuted": lambda o: rnn.MNIST(
        o.data, permuted=True, batch_size=o.batch_size, split_seed=o.seed
    ),
    "mnist-rows": lambda o: rnn.MNIST(
        o.data, rows=True, batch_size=o.batch_size, split_seed=o.seed
    ),
}
CELLS: dict[str, type[rnn.AbstractCell]] = {
    "orthogonal": rnn.OrthogonalCell,
    "elman": rnn.ElmanCell,
    "lstm": rnn.LSTMCell,
    "urnn": rnn.UnitaryCell,
}
_COMMON: dict[str, Any] = {
    "cell": "orthogonal",
    "activation": "ModReLU",
    "start": "rotation",
    "rebase_every": 100,
    "hidden_size": 128,
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "orthogonal_learning_rate": 1e-4,
    "clip": 1.0,
    "epochs": 60,
    "batch_size": 64,
    "length": 100,
    "patience": 0,
    "schedule": "cosine",
    "input_scale": 1.0,
}
# Chosen on validation digits, of 15 % of each training fold, before any held-out one was seen.
_DIGITS = {
    "activation": "ReLU",
    "input_scale": 0.3,
    "learning_rate": 4e-3,
    "orthogonal_learning_rate": 1e-3,
    "epochs": 65,
}
_COPYING = {"optimizer": "rmsprop", "batch_size": 32, "epochs": 10, "schedule": "constant"}
DEFAULTS: dict[str | None, dict[str, Any]] = {
    "digits": _DIGITS,
    "digits-permuted": _DIGITS,
    "digits-rows": {},
    "copying": _COPYING,
    "copying-at-marker": _COPYING,
    "characters": {"epochs": 20},
    "topics": {"epochs": 12},
    "mnist": {},
    "mnist-permuted": {},
    "mnist-rows": {},
    "adding": {"batch_size": 32, "epochs": 40, "orthogonal_learning_rate": 1e-3},
    None: {},
}

# As published with the cell.
CELL_DEFAULTS: dict[str, dict[str, Any]] = {
    "urnn": {
        "optimizer": "rmsprop-warm",
        "learning_rate": 1e-3,
        "clip": 0.0,
        "batch_size": 20,
        "schedule": "constant",
    }
}
# The only cell and activation that it trains.
OPTIMIZER_DEFAULTS: dict[str, dict[str, Any]] = {"admm": {"cell": "elman", "activation": "Tanh"}}

_COMPLEX = {"float32": "complex64", "float64": "complex128"}
_LEAST = dict.fromkeys(("hidden_size", "epochs", "batch_size", "length"), 1)
_LEAST |= dict.fromkeys(
    ("learning_rate", "orthogonal_learning_rate", "rebase_every", "clip", "patience", "seed"), 0
)


def describe_tasks() -> str:
    """Return the names of the tasks, with those that need a folder last."""
    return f"{', '.join(sorted(TASKS))}; with --data FOLDER also {', '.join(sorted(FOLDER_TASKS))}"


def describe_defaults() -> str:
    """Return the options that each task has if they are left out, as lines of text."""
    tables = {"any task": _COMMON, **{str(t): d for t, d in DEFAULTS.items() if t and d}}
    tables |= {f"--cell {name}": table for name, table in CELL_DEFAULTS.items()}
    tables |= {f"--optimizer {name}": table for name, table in OPTIMIZER_DEFAULTS.items()}
    lines = ["Options left out are:"]
    for name, table in tables.items():
        options = ", ".join(
            f"{k.replace('_', '-')} {v}" for k, v in table.items() if v or k == "clip"
        )
        lines.append(_fill(f"  {name}: {options}"))
    return "\n".join(lines)


def _fill(line):
    return textwrap.fill(line, 88, subsequent_indent="    ", break_on_hyphens=False)


def concrete(module: Any, base: type) -> dict[str, type]:
    """Return the public classes of a subpackage that can be built."""
    return {
        name: cls
        for name, cls in vars(module).items()
        if isinstance(cls, type)
        and issubclass(cls, base)
        and not getattr(cls, "__abstractmethods__", None)
    }


ACTIVATIONS = concrete(rnn, rnn.AbstractActivation)


def names(table: Iterable[str]) -> list[str]:
    return sorted(name.lower() for name in table)


def _matrices() -> dict[str, Callable[[int], Any]]:
    found = concrete(parametrizations, parametrizations.AbstractParametrization)
    # The others start from no given matrix.
    table: dict[str, Callable[[int], Any]] = {
        name: cls
        for name, cls in found.items()
        if cls.surjective  # type: ignore[attr-defined]
    }
    table["Orthogonal"] = lambda n: manifolds.Orthogonal()
    return table


def matrix_names() -> list[str]:
    return names(_matrices())


def choose(what: str, name: str, table: dict[str, Any]) -> Any:
    """Return the entry of a table, whatever the case of its name."""
    lower = {key.lower(): value for key, value in table.items()}
    if name.lower() not in lower:
        close = difflib.get_close_matches(name.lower(), lower, n=1)
        hint = f" Did you mean `{close[0]}`?" if close else ""
        raise ValueError(
            f"There is no {what} `{name}`.{hint} There are {', '.join(sorted(lower))}."
        )
    return lower[name.lower()]


def complete(options: argparse.Namespace) -> argparse.Namespace:
    """Fill in the defaults of the task."""
    if options.task is None and options.data is None:
        raise ValueError(f"Name one task ({', '.join(sorted(TASKS))}), or a file by --data.")
    if options.task is not None:
        choose("task", options.task, {**TASKS, **FOLDER_TASKS})
        options.task = options.task.lower()
        _check_source(options)
    defaults = {**_COMMON, **DEFAULTS[options.task], **CELL_DEFAULTS.get(options.cell, {})}
    defaults |= OPTIMIZER_DEFAULTS.get((options.optimizer or "").lower(), {})
    given = {name: value for name, value in vars(options).items() if value is not None}
    filled = argparse.Namespace(**{**vars(options), **defaults, **given})
    for name, least in _LEAST.items():
        if getattr(filled, name) < least:
            option = name.replace("_", "-")
            raise ValueError(f"--{option} is at least {least}. Got {getattr(filled, name)}.")
    if CELLS[filled.cell].complex_only:
        filled.dtype = _COMPLEX.get(filled.dtype, filled.dtype)
    return filled


def _check_source(options):
    if options.task in TASKS and options.data is not None:
        raise ValueError(f"`{options.task}` has data of its own. Name a task, or a file by --data.")
    if options.task in FOLDER_TASKS and options.data is None:
        raise ValueError(f"`{options.task}` needs the folder of its files, by --data.")


def make_task(options: argparse.Namespace) -> rnn.AbstractTask:
    if options.task in FOLDER_TASKS:
        return FOLDER_TASKS[options.task](options)
    if options.data is not None:
        return rnn.Sequences(options.data, batch_size=options.batch_size, seed=options.seed)
    return TASKS[options.task](options)


def make_cell(options: argparse.Namespace, task: rnn.AbstractTask) -> rnn.AbstractCell:
    sizes = task.input_size, options.hidden_size
    activation = choose("activation", options.activation, ACTIVATIONS)()
    if options.cell == "elman":
        return rnn.ElmanCell(*sizes, activation=activation, input_scale=options.input_scale)
    if options.cell == "urnn":
        return rnn.UnitaryCell(*sizes)
    if options.cell == "lstm":
        return rnn.LSTMCell(*sizes)
    matrix = choose("parametrization", options.parametrization, _matrices())
    return rnn.OrthogonalCell(
        *sizes,
        recurrent=matrix(options.hidden_size),
        activation=activation,
        start=options.start,
        input_scale=options.input_scale,
    )


def make_moves(options: argparse.Namespace, cell: rnn.AbstractCell) -> tuple[rnn.Rebase, ...]:
    """Return what moves the base of the cell's matrix, if it has one."""
    recurrent = getattr(cell, "recurrent", None)
    moves = isinstance(recurrent, parametrizations.Trivialization) and options.rebase_every
    return (rnn.Rebase(options.rebase_every),) if moves else ()
