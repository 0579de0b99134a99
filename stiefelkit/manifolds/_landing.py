"""Directions and steps of iterates beside the Stiefel manifold, near it."""

from .._typing import Array
from .._xp import adjoint, array_namespace


def landing_tangent(X: Array, G: Array, gram: Array, product: Array) -> Array:
    r"""Return :math:`\operatorname{skew}(GX^\top)X`, from X^T X and X^T G.

    For any X its product with :math:`X^\top` is skew. So it is orthogonal to X S for any symmetric
    S, and a step along it changes :math:`X^\top X` to second order only.
    """
    return 0.5 * (G @ gram - X @ adjoint(product))


def safe_step(
    distance: Array, tangent2: Array, normal2: Array, radius: float, penalty: float | None
) -> Array:
    r"""Return the largest step after which the distance is surely within the radius.

    With d for the distance and F for the field, the next one is at most
    :math:`d - 2\eta\lambda d(1 - d) + \eta^2\|F\|^2` if :math:`\eta \le 1/(2\lambda)`
    ([AblinPeyre:2022]_); without `penalty` that holds with equality for all steps.
    """
    xp, d = array_namespace(distance), distance
    if penalty is None:
        room, squared = radius - d * d - 0.25 * normal2, tangent2
        pull = 0 * d
    else:
        room, squared = radius - d, tangent2 + penalty**2 * normal2
        pull = penalty * d * (1 - d)
    room = xp.clip(room, min=0.0)
    some = squared > 0
    safe = xp.where(some, squared, xp.ones_like(squared))
    step = (pull + xp.sqrt(pull * pull + safe * room)) / safe
    step = xp.where(some, step, xp.full_like(step, float("inf")))
    return step if penalty is None else xp.clip(step, max=0.5 / penalty)
