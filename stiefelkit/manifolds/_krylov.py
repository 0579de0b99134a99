"""Linear equations for the end of a curve, by products only."""

from .._typing import Array
from .._xp import array_namespace, conj, real
from ._curve import Curve, approximate_inverse, derivative

_LONGEST = 200


def conjugate_residuals(curve: Curve, velocity: Array, tolerance: Array) -> Array:
    """Return the change of a generator that moves the end of its curve by about `velocity`.

    Generalized conjugate residuals: what is left is the least in the span of all images, which
    are kept orthonormal. An iteration costs products of the curve's size. There are at most
    200, and fewer than ten for near points.
    """
    xp, change, left = array_namespace(velocity), 0 * velocity, velocity
    kept: list[tuple[Array, Array]] = []
    goal = tolerance * _length(left)
    for _ in range(_LONGEST):
        if not bool(xp.any(_length(left) > goal)):
            break
        step = approximate_inverse(curve, left)
        image = derivative(curve, step)
        for earlier, its_image in kept:
            part = _product(its_image, image)
            step, image = step - part * earlier, image - part * its_image
        length = _length(image)
        inverse = 1 / xp.where(length == 0, xp.ones_like(length), length)
        step, image = inverse * step, inverse * image
        kept.append((step, image))
        part = _product(image, left)
        change, left = change + part * step, left - part * image
    return change


def _product(X, Y):
    """Return Re tr(X^T Y), with the axes kept."""
    return array_namespace(X).sum(real(conj(X) * Y), axis=(-2, -1), keepdims=True)


def _length(X):
    return array_namespace(X).linalg.matrix_norm(X, keepdims=True)
