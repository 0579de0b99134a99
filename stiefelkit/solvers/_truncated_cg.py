"""The quadratic model of a function within a radius, minimized by conjugate gradients."""

import enum
import math
from typing import NamedTuple

from .._typing import Tree
from ._objective import Objective, Point, to_host_numbers, total
from ._vectors import add, scale

# Below this part of the old residual the new one, a difference, has lost too many digits.
_CANCELED = 1e-3


class InnerStop(enum.Enum):
    """Why the conjugate gradients ended."""

    NEGATIVE_CURVATURE = "negative curvature"
    BOUNDARY = "boundary"
    LINEAR = "linear residual"
    SUPERLINEAR = "superlinear residual"
    MAX_INNER = "inner limit"
    MODEL_INCREASE = "model increase"


class InnerStep(NamedTuple):
    """A step, its length, and by how much the model falls; the step is None if there is none."""

    tangent: Tree
    length: float
    decrease: float
    stop: InnerStop
    iterations: int

    @property
    def at_boundary(self) -> bool:
        return self.stop in (InnerStop.NEGATIVE_CURVATURE, InnerStop.BOUNDARY)


def truncated_cg(
    objective: Objective, point: Point, radius: float, linear: float, power: float, maxinner: int
) -> InnerStep:
    r"""Minimize :math:`\langle g, Z\rangle + \frac12\langle Z, HZ\rangle` within a radius.

    Ends where the residual is below `linear` or `power` times that at Z = 0, whichever is less.
    Each product with H costs one transfer of five inner products. [Steihaug:1983]_, [Toint:1981]_.
    """
    manifold, x = objective.manifold, point.x
    # A gradient of the size of rounding errors is not tangent any more.
    r, Z = manifold.project(x, point.gradient), None
    d = scale(-1.0, r)
    goal = min(linear, power) * point.grad_norm
    reached = InnerStop.LINEAR if linear < power else InnerStop.SUPERLINEAR
    # <Z, Z>, <Z, d> and <d, d> follow from the steps ([ConnGouldToint:2000]_, section 7.5.1).
    zz, zd, dd, decrease = 0.0, 0.0, point.grad_norm**2, 0.0
    for k in range(1, maxinner + 1):
        Hd = objective.hessian(point, d, length=dd**0.5)
        pairs = ((d, Hd), (r, d), (r, Hd), (Hd, Hd), (r, r))
        products = to_host_numbers(*(total(manifold.inner(x, a, b)) for a, b in pairs))
        dhd, rd, rhd, hh, rr = products
        if not all(map(math.isfinite, products)):
            return InnerStep(Z, zz**0.5, decrease, InnerStop.MODEL_INCREASE, k)
        length = rr / dhd if dhd > 0 else math.inf
        if dhd <= 0 or zz + length * (2 * zd + length * dd) >= radius**2:
            length = _to_boundary(zz, zd, dd, radius)
            stop = InnerStop.NEGATIVE_CURVATURE if dhd <= 0 else InnerStop.BOUNDARY
            Z = scale(length, d) if Z is None else add(Z, length, d)
            return InnerStep(Z, radius, decrease - length * (rd + length * dhd / 2), stop, k)
        if rd + length * dhd / 2 >= 0:
            return InnerStep(Z, zz**0.5, decrease, InnerStop.MODEL_INCREASE, k)
        Z = scale(length, d) if Z is None else add(Z, length, d)
        decrease -= length * (rd + length * dhd / 2)
        r = add(r, length, Hd)
        rest = rr + length * (2 * rhd + length * hh)
        if rest < _CANCELED * rr:
            rest = max(0.0, to_host_numbers(total(manifold.inner(x, r, r)))[0])
        zz += length * (2 * zd + length * dd)
        if rest**0.5 <= goal:
            return InnerStep(Z, zz**0.5, decrease, reached, k)
        ratio = rest / rr
        d = add(scale(-1.0, r), ratio, d)
        zd, dd = ratio * (zd + length * dd), rest + ratio**2 * dd
    return InnerStep(Z, zz**0.5, decrease, InnerStop.MAX_INNER, maxinner)


def _to_boundary(zz, zd, dd, radius):
    """Return the positive t with |Z + t d| = radius, without cancellation."""
    room = max(radius**2 - zz, 0.0)
    root = (zd**2 + dd * room) ** 0.5
    return (root - zd) / dd if zd <= 0 else room / (root + zd)
