"""Problems whose matrix has to be learned: the gap to the known minimum, for every rule."""

import time
from collections.abc import Iterator

from .._typing import Array
from .._xp import adjoint, array_namespace, generator, standard_normal
from ..linalg import expm_skew, random_frame, skew
from ..optim import AbstractOptimizer
from ..problems import joint_diagonalization, procrustes
from ..problems._problem import Problem
from ._experiment import Check, Figure, Item, Note, Part, Result, Setting, Table
from ._srcd_rules import GROUP, ONE_PAIR, RULES, SRGD, panels, rule_for_matrix

_ALPHA = 0.5  # half of what minimizes along a pair; with all of it SRGD diverges
_POINTS = 60  # of a curve
_GAP = 0.1  # whose time is told


def procrustes_instance(n: int, rng: int, like: Array) -> tuple[Problem, Array]:
    """Return the problem of a normal 2n-by-n matrix and a rotation with noise, and a start."""
    draws = generator(rng)
    A = standard_normal((2 * n, n), draws, like) / (2 * n) ** 0.5
    Q = random_frame(n, rng=draws, like=like)
    B = A @ Q + 0.1 * standard_normal((2 * n, n), draws, like) / (2 * n) ** 0.5
    return procrustes(A, B), _in_component_of(Q, random_frame(n, rng=draws, like=like))


def diagonalization_instance(n: int, rng: int, like: Array) -> tuple[Problem, Array]:
    """Return the problem of four matrices that commute, and a start beside their eigenvectors."""
    draws, count = generator(rng), 4
    Q = random_frame(n, rng=draws, like=like)
    values = standard_normal((count, 1, n), draws, like) / (2 * count**0.5)
    problem = joint_diagonalization((Q * values) @ adjoint(Q), commuting=True)
    A = skew(standard_normal((n, n), draws, like)) / n**0.5
    return problem, Q @ expm_skew(A)


def _in_component_of(Q: Array, start: Array) -> Array:
    """Return `start`, or with its first column turned about: no motion changes a determinant."""
    xp = array_namespace(Q)
    sign = xp.linalg.det(Q) * xp.linalg.det(start)
    return xp.concat([xp.sign(sign) * start[:, :1], start[:, 1:]], axis=-1)


def gap_curve(
    problem: Problem, W: Array, optimizer: AbstractOptimizer, updates: int, rng: int
) -> Result:
    """Return the gap to the minimum, relative to that of the start, at some of the updates.

    The seconds are those of gradients and updates together.
    """
    state = optimizer.init(W, GROUP, rng=rng)
    assert problem.optimum is not None
    least, first = float(problem.optimum(W)), float(problem.value(W))
    curve: Result = {"update": [], "seconds": [], "value": []}
    marks = {round(updates ** (k / _POINTS)) for k in range(_POINTS + 1)}
    spent = 0.0
    for k in range(1, updates + 1):
        begun = time.perf_counter()
        W, state = optimizer.update(problem.fun(W)[1], state, W)
        spent += time.perf_counter() - begun
        if k in marks:
            curve["update"].append(k)
            curve["seconds"].append(spent)
            curve["value"].append((float(problem.value(W)) - least) / (first - least))
    return curve


_PROBLEMS = {"Procrustes": procrustes_instance, "joint diagonalization": diagonalization_instance}


def _measure(setting: Setting) -> Result:
    n, one, many = (12, 900, 120) if setting.quick else (100, 60000, 3000)
    problems = {}
    for title, make in _PROBLEMS.items():
        problem, W = make(n, setting.seed, setting.like)
        problems[title] = {
            name: gap_curve(
                problem, W, rule_for_matrix(name, _ALPHA), one if name in ONE_PAIR else many,
                setting.seed,
            )
            for name in (*RULES, SRGD)
        }  # fmt: skip
    bounds = {"uniform": 0.1, "Gauss-Southwell": 0.03, "matching": 0.03, "greedy matching": 1e-3,
              SRGD: 1e-5}  # fmt: skip
    if setting.quick:
        bounds = {name: 0.2 for name in bounds}
    return {"n": n, "problems": problems, "bounds": bounds}


def _present(result: Result) -> Iterator[Item]:
    for title, curves in result["problems"].items():
        name = "learning-" + title.replace(" ", "-").lower()
        yield Figure(name, panels(curves, f"gap, {title}", log="xy"))
        yield Table(
            f"{title}, n = {result['n']}: gap to the minimum over that of the start",
            ("rule", "updates", "gap", f"updates to {_GAP}", f"s to {_GAP}", "ms an update"),
            tuple((rule, *_row(curve)) for rule, curve in curves.items()),
        )
        for rule, bound in result["bounds"].items():
            yield Check(f"gap, {title}, {rule}", curves[rule]["value"][-1], bound)
        ratio = curves["Gauss-Southwell"]["value"][-1] / curves["uniform"]["value"][-1]
        yield Check(f"gap, {title}, Gauss-Southwell over uniform", ratio, 1)
    pairs = result["n"] * (result["n"] - 1) // 2
    yield Note(
        f"The gradients are exact, and every rule takes the same step {_ALPHA}. A frozen W keeps "
        f"the gap 1. There are {pairs} pairs, so one pair an update takes some multiple of "
        f"{pairs} updates, and the seconds are those of as many whole gradients: where a gradient "
        "costs O(n^3), a rule that turns a single pair by it cannot win in time."
    )


def _row(curve: Result) -> tuple[float | None, ...]:
    reached = [k for k, value in enumerate(curve["value"]) if value <= _GAP]
    last, spent = curve["update"][-1], curve["seconds"][-1]
    first = (curve["update"][reached[0]], curve["seconds"][reached[0]]) if reached else (None, None)
    return (last, curve["value"][-1], *first, 1e3 * spent / last)


# In double precision: a gap is a small difference of large numbers.
LEARNING = Part(
    "learning", "Problems whose matrix has to be learned", _measure, _present, double=True
)
