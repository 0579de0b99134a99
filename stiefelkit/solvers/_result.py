"""What a solver returns, and why it stopped."""

import dataclasses
import enum
from collections.abc import Iterator, Mapping
from typing import Any

from .._typing import Tree


class Status(enum.IntEnum):
    """Why `minimize` ended; 0 is success."""

    CONVERGED = 0
    MAX_ITERATIONS = 1
    MAX_EVALUATIONS = 2
    STOPPED_BY_CALLBACK = 3
    NOT_FINITE = 4
    NO_DECREASE = 5
    WRONG_GRADIENT = 6
    INFEASIBLE_START = 7
    CHANGED_ARRAY = 8


MESSAGES = {
    Status.CONVERGED: "The norm of the Riemannian gradient is within `tol`.",
    Status.MAX_ITERATIONS: "The limit of iterations, `maxiter`, is reached.",
    Status.MAX_EVALUATIONS: "The limit of evaluations of `fun`, `maxfun`, is reached.",
    Status.STOPPED_BY_CALLBACK: "`callback` raised StopIteration.",
    Status.NOT_FINITE: (
        "`fun`, its gradient or `hessp` has NaN or infinity. `x` is the best point that has none."
    ),
    Status.NO_DECREASE: (
        "No step along a descent direction decreases `fun` any more: rounding errors of `fun` "
        "are larger than what is left to gain. Ask for a larger `tol`."
    ),
    Status.WRONG_GRADIENT: (
        "The gradient does not describe `fun`: its slope along the last direction differs from "
        "that of the values. See `stiefelkit.testing.check_gradient`."
    ),
}

NOT_FINITE_START = "`fun` or its gradient has NaN or infinity at the start."


class MinimizeError(ValueError):
    """What `minimize` was given cannot be minimized; `status` says which kind it is of."""

    def __init__(self, message: str, status: Status):
        super().__init__(message)
        self.status = status


@dataclasses.dataclass(repr=False, eq=False)
class MinimizeResult(Mapping[str, Any]):
    """The outcome of `minimize`: SciPy's fields, and those that a manifold adds.

    A field is an attribute, ``result.x``, and an item, ``result["x"]``.

    Parameters
    ----------
    x : array or tree of arrays
        The best point that was reached: where the run converged or `callback` stopped it the
        last one, else that of the least value.
    fun : float
        Its value.
    jac : array or tree of arrays
        The Riemannian gradient there.
    grad_norm : float
        Norm of `jac` in the metric of the manifold.
    residual : float
        Largest :math:`|Q^T Q - I|_F` of the frames in `x`.
    status : Status
        Why the solver stopped; `message` says it in words, `success` is that it converged.
    nit, nfev, njev, nhev : int
        Iterations; evaluations of `fun`, of its gradient, of Hessian-vector products.
    history : dict
        Lists with an entry for each iteration: `fun`, `grad_norm`, `nfev`, and what else
        the method records.
    """

    x: Tree
    fun: float
    jac: Tree
    grad_norm: float
    residual: float
    status: Status
    message: str
    nit: int
    nfev: int
    njev: int
    nhev: int
    history: dict[str, list[Any]]

    @property
    def success(self) -> bool:
        return self.status == Status.CONVERGED

    def __getitem__(self, name: str) -> Any:
        if name not in (*self,):
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter([*(field.name for field in dataclasses.fields(self)), "success"])

    def __len__(self) -> int:
        return len(dataclasses.fields(self)) + 1

    # As a mapping's, a comparison would be one of arrays.
    __eq__, __hash__ = object.__eq__, object.__hash__

    def __repr__(self) -> str:
        names = ("message", "success", "status", "fun", "grad_norm", "residual")
        counts = ("nit", "nfev", "njev", "nhev")
        rows = [(name, getattr(self, name)) for name in (*names, *counts)]
        rows[2] = "status", self.status.name
        rows += [("history", ", ".join(self.history))]
        return "\n".join(f"{name:>9}: {value!s}" for name, value in rows)
