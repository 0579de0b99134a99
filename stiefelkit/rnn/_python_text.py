"""The English text that Python brings along: the topics of its help, as codes of characters."""

import importlib
from typing import Any

import numpy

CODES = 96  # the line break, and the printable characters of ASCII

_PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\t": " "})


def python_topics() -> dict[str, str]:
    """Return the topics of `pydoc_data` by name, with no paragraph in two of them.

    Some topics contain others, so that text held out would be seen in training. A paragraph
    stays in the longest topic that has it.
    """
    try:
        topics: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "The text comes with Python as the module `pydoc_data`, which this one lacks. Install "
            "a whole Python."
        ) from error
    seen: set[str] = set()
    kept = {}
    for name in sorted(topics, key=lambda name: (-len(topics[name]), name)):
        paragraphs = dict.fromkeys(topics[name].strip().split("\n\n"))
        kept[name] = "\n\n".join(p for p in paragraphs if p not in seen)
        seen.update(paragraphs)
    return dict(sorted(kept.items()))


def encode(text: str) -> numpy.ndarray:
    """Return 0 for a line break, 1 to 95 for the rest; of what is not ASCII most becomes "?"."""
    plain = text.translate(_PLAIN).encode("ascii", "replace")
    return numpy.clip(numpy.frombuffer(plain, numpy.uint8), 31, 126).astype(numpy.int64) - 31


def one_hot(codes: numpy.ndarray) -> numpy.ndarray:
    return numpy.eye(CODES, dtype=numpy.float32)[codes]


def entropy(targets: numpy.ndarray) -> float:
    """Return the least mean cross-entropy of an answer that is the same for all targets."""
    counts = numpy.bincount(targets.ravel())
    p = counts[counts > 0] / targets.size
    return float(-numpy.sum(p * numpy.log(p)))


def split_codes(codes: numpy.ndarray, held: float) -> dict[str, numpy.ndarray]:
    """Return the end of a text for the test, what is before it for validation, and the rest."""
    n = round(held * len(codes))
    first, second = len(codes) - 2 * n, len(codes) - n
    return {"train": codes[:first], "validation": codes[first:second], "test": codes[second:]}


def check_length(task: Any, shortest: int) -> None:
    """Raise unless every part of the text has a window of the task's length."""
    if not 1 <= task.length <= shortest:
        raise ValueError(
            f"`{type(task).__name__}` needs 1 <= length <= {shortest}, for a part of its text is "
            f"no longer. Got {task.length}."
        )
