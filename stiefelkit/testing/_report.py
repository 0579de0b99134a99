"""What a check returns: numbers beside their bounds."""

import dataclasses
from collections.abc import Iterator


@dataclasses.dataclass(frozen=True)
class Check:
    """One law: how far it is from holding, and how far rounding may take it.

    Parameters
    ----------
    name : str
        The law.
    error : float
        What was measured. NaN fails.
    bound : float
        The largest error that passes.
    note : str
        The numbers behind the error, in words.

    Examples
    --------
    >>> from stiefelkit.testing import Check
    >>> Check("R(0) = point", 1e-16, 1e-15).ok
    True
    """

    name: str
    error: float
    bound: float
    note: str = ""

    @property
    def ok(self) -> bool:
        """Say whether the error is within the bound."""
        return self.error <= self.bound

    def __str__(self) -> str:
        sign = "<=" if self.ok else "> "
        text = f"{'ok  ' if self.ok else 'FAIL'}  {self.name:<36} {self.error:8.1e} "
        return f"{text}{sign} {self.bound:.1e}  {self.note}".rstrip()


@dataclasses.dataclass(frozen=True)
class Report:
    """The laws of one check, one a line where it is shown; ``report[name]`` is one of them.

    Parameters
    ----------
    checks : tuple of Check

    Examples
    --------
    >>> from stiefelkit.testing import Check, Report
    >>> report = Report((Check("tangent", 1e-16, 1e-15), Check("linear", 0.5, 1e-15)))
    >>> report
    ok    tangent                               1.0e-16 <= 1.0e-15
    FAIL  linear                                5.0e-01 >  1.0e-15
    >>> report.ok, report["linear"].error, [check.name for check in report.failures]
    (False, 0.5, ['linear'])
    """

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Say whether every law holds."""
        return not self.failures

    @property
    def failures(self) -> tuple[Check, ...]:
        """Return the laws that do not hold."""
        return tuple(check for check in self.checks if not check.ok)

    def __getitem__(self, name: str) -> Check:
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(f"The laws are {[check.name for check in self.checks]}. Got {name!r}.")

    def __contains__(self, name: str) -> bool:
        return any(check.name == name for check in self.checks)

    def __iter__(self) -> Iterator[Check]:
        return iter(self.checks)

    def __len__(self) -> int:
        return len(self.checks)

    def __repr__(self) -> str:
        return "\n".join(map(str, self.checks))
