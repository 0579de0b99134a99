"""What an experiment is made of, and what its parts return."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .._typing import Array
from .._xp import array_namespace, zeros_like

# Plain numbers, strings, lists and dicts, as a JSON file has them.
Result = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Setting:
    """Under what a part is measured.

    `quick` asks for the small version of fixed size; `like` is an empty array of the library,
    dtype and device to compute on.
    """

    quick: bool
    seed: int
    like: Array


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of numbers and words under a header."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclasses.dataclass(frozen=True)
class Panel:
    """Curves over one pair of axes: `lines` has (x, y) by label, `levels` a height by label.

    `log` names the axes that are logarithmic: "", "x", "y" or "xy".
    """

    title: str
    x: str
    y: str
    lines: Mapping[str, tuple[list[float], list[float]]]
    levels: Mapping[str, float] = dataclasses.field(default_factory=dict)
    log: str = ""


@dataclasses.dataclass(frozen=True)
class Figure:
    """Panels side by side, written to `name`.png."""

    name: str
    panels: tuple[Panel, ...]


@dataclasses.dataclass(frozen=True)
class Check:
    """A figure with a name, and the bound that it has to keep.

    The bound is an upper one, or with `at_least` a lower one. A value of None, for what was
    never reached, fails.
    """

    name: str
    value: float | None
    bound: float
    at_least: bool = False

    @property
    def passed(self) -> bool:
        if self.value is None:
            return False
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        found = "never" if self.value is None else f"{self.value:.4g}"
        relation = ">=" if self.at_least else "<="
        verdict = "PASS" if self.passed else "FAIL"
        return f"{verdict}  {self.name}: {found} (wanted {relation} {self.bound:.4g})"


@dataclasses.dataclass(frozen=True)
class Note:
    """A sentence that belongs to the results."""

    text: str


Item = Table | Figure | Check | Note


@dataclasses.dataclass(frozen=True)
class Part:
    """A measurement that is made, kept in a file and made again by itself.

    `measure` computes, and `present` says what it came to; both look at the plain numbers
    only, so that a page is written again without computing. A `double` part computes in double
    precision whatever the setting has.
    """

    name: str
    title: str
    measure: Callable[[Setting], Result]
    present: Callable[[Result], Iterable[Item]]
    double: bool = False

    def adapt(self, setting: Setting) -> Setting:
        """Return the setting under which the part is measured."""
        if not self.double:
            return setting
        like = setting.like
        return dataclasses.replace(
            setting, like=zeros_like(like, (0,), array_namespace(like).float64)
        )


@dataclasses.dataclass(frozen=True)
class Experiment:
    """The parts that reproduce one paper."""

    name: str
    title: str
    parts: tuple[Part, ...]
