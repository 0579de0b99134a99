"""The maximum of a cubic form on the circle, in closed form."""

import math

from .._typing import Array
from .._xp import array_namespace


def best_angles(alpha: Array, beta: Array, gamma: Array, delta: Array) -> Array:
    """Maximize alpha cos^3 + beta sin^3 + gamma cos + delta sin over the circle."""
    xp = array_namespace(alpha)

    def value(theta):
        c, s = xp.cos(theta), xp.sin(theta)
        return c * (alpha * c * c + gamma) + s * (beta * s * s + delta)

    # The slope as A1 cos + B1 sin + A3 cos 3. + B3 sin 3. of the angle from `origin`, the one of
    # four where it is steepest: so the leading coefficient of the cubic is never small.
    slope = (0.75 * beta + delta, -0.75 * alpha - gamma, -0.75 * beta, -0.75 * alpha)
    origin, harmonics = xp.zeros_like(alpha), slope
    for angle in (math.pi / 4, math.pi / 2, 3 * math.pi / 4):
        found = _shifted(slope, angle)
        steeper = xp.abs(found[0] + found[2]) > xp.abs(harmonics[0] + harmonics[2])
        origin = xp.where(steeper, xp.full_like(origin, angle), origin)
        pairs = zip(found, harmonics, strict=True)
        harmonics = tuple(xp.where(steeper, new, old) for new, old in pairs)
    a1, b1, a3, b3 = harmonics
    # No angle is kept at 0 because nothing gains: an angle of 1e-8 gains 1e-16, which is lost to
    # rounding, and yet the slope is to vanish. Only where there is no slope at all, it is 0.
    best, most = xp.zeros_like(alpha), xp.where(a1 + a3 == 0, 0 * alpha, 0 * alpha - 1)
    for t in _cubic_roots(a1 + a3, b1 + 3 * b3, a1 - 3 * a3, b1 - b3):
        theta = origin + xp.atan2(xp.ones_like(t), t)
        higher = xp.abs(value(theta)) > most
        best = xp.where(higher, theta, best)
        most = xp.where(higher, xp.abs(value(theta)), most)
    return xp.where(value(best) < 0, best - math.pi, best)  # the form is odd


def _shifted(harmonics, angle):
    """Return the coefficients of the harmonics from another origin."""
    a1, b1, a3, b3 = harmonics
    (c1, s1), (c3, s3) = ((math.cos(k * angle), math.sin(k * angle)) for k in (1, 3))
    return a1 * c1 + b1 * s1, b1 * c1 - a1 * s1, a3 * c3 + b3 * s3, b3 * c3 - a3 * s3


def _cubic_roots(k3, k2, k1, k0):
    """Return three arrays that hold the real roots of k3 t^3 + k2 t^2 + k1 t + k0."""
    xp = array_namespace(k3)
    lead = xp.where(k3 == 0, xp.ones_like(k3), k3)
    b, c, d = k2 / lead / 3, k1 / lead, k0 / lead
    # With t = x - b: x^3 + 3 h x + 2 g, whose discriminant has the sign of g^2 + h^3.
    h, g = c / 3 - b * b, b * b * b + (d - b * c) / 2
    disc = g * g + h * h * h
    radius = xp.sqrt(xp.clip(-h, min=0))
    cube = radius * radius * radius
    cosine = xp.where(cube > 0, -g / xp.where(cube > 0, cube, xp.ones_like(cube)), 0 * g)
    third = xp.acos(xp.clip(cosine, min=-1, max=1)) / 3
    u = (xp.abs(g) + xp.sqrt(xp.clip(disc, min=0))) ** (1 / 3)
    single = u - h / xp.where(u > 0, u, xp.ones_like(u))
    single = xp.where(g > 0, -single, single)
    turns = (0.0, 2 * math.pi / 3, 4 * math.pi / 3)
    three = [2 * radius * xp.cos(third - turn) for turn in turns]
    return [xp.where(disc > 0, single, x) - b for x in three]
