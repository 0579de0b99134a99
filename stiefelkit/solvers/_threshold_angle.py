r"""The best angle of rotation for soft thresholds, exactly.

The function of an angle :math:`\theta`

.. math:: \sum_k [|x_k \cos\theta - y_k \sin\theta| - \gamma]_+^2
    \; \Bigl(+ \sum_k [|x_k \sin\theta + y_k \cos\theta| - \gamma]_+^2\Bigr)

is a sum of bumps :math:`[r_k \cos(\theta - c_k) - \gamma]_+^2`, one in each `period`: pi, or
pi/2 with the second sum, for whose columns a quarter turn is an exchange and a sign. A bump
ends where it is zero with its slope. So between the sorted ends of all bumps the function has
two harmonics, whose coefficients are running sums, and its maxima are among theirs.
"""

import math

from .._typing import Array
from .._xp import array_namespace, eps, to_host

_CONSTANT, _COS2, _SIN2, _COS, _SIN = range(5)


def best_angles(x: Array, y: Array, gamma: float, *, paired: bool) -> Array:
    """Return the maximizer for each row, in half a period around 0.

    Rows have the shape ``(k, d)``. Costs O(d log d) for a row, and one look at the device.
    """
    xp = array_namespace(x)
    period = math.pi / 2 if paired else math.pi
    pieces = _promising(*_pieces(x, y, gamma, period))
    theta, _ = _highest(*pieces)
    # Running sums lose some digits, and halvings end early: two steps of Newton on the terms
    # themselves, as short as those errors.
    reach = 100 * eps(x) ** 0.5
    for _ in range(2):
        _, slope, curvature = _derivatives(x, y, gamma, theta, paired)
        concave = curvature < 0
        step = -slope / xp.where(concave, curvature, xp.ones_like(curvature))
        theta = theta + xp.where(concave, xp.clip(step, min=-reach, max=reach), 0 * step)
    return xp.where(theta > period / 2, theta - period, theta)


def _pieces(x, y, gamma, period):
    """Return the ends (k, m) of the intervals of a period, and the coefficients on each."""
    xp = array_namespace(x)
    r, center = xp.hypot(x, y), xp.remainder(xp.atan2(-y, x), period)
    above = r > gamma
    width = xp.acos(xp.where(above, gamma / xp.where(above, r, xp.ones_like(r)), xp.ones_like(r)))
    starts, ends, terms = [], [], []
    # A bump is at most pi wide, so only those of the neighboring periods reach into this one.
    for shift in (-period, 0.0, period):
        c = center + shift
        start = xp.clip(c - width, min=0.0, max=period)
        end = xp.clip(c + width, min=0.0, max=period)
        live = xp.astype(above & (start < end), x.dtype)
        half, linear = live * r * r / 2, -2 * gamma * live * r
        cosine, sine = xp.cos(c), xp.sin(c)
        second = (half * (cosine * cosine - sine * sine), half * 2 * cosine * sine)
        terms.append((half + gamma**2 * live, *second, linear * cosine, linear * sine))
        starts.append(start)
        ends.append(end)
    times = xp.concat((*starts, *ends), axis=-1)
    order = xp.argsort(times, axis=-1)
    left = xp.take_along_axis(times, order, axis=-1)
    right = xp.concat((left[:, 1:], xp.full_like(left[:, :1], period)), axis=-1)
    sums = []
    for parts in zip(*terms, strict=True):
        jumps = xp.concat((*parts, *(-part for part in parts)), axis=-1)
        jumps = xp.take_along_axis(jumps, order, axis=-1)
        sums.append(xp.cumulative_sum(jumps, axis=-1))
    return left, right, sums


def _value(theta, sums):
    xp = array_namespace(theta)
    c, s = xp.cos(theta), xp.sin(theta)
    second = sums[_COS2] * (c * c - s * s) + sums[_SIN2] * 2 * c * s
    return sums[_CONSTANT] + second + sums[_COS] * c + sums[_SIN] * s


def _promising(left, right, sums):
    """Keep the intervals that may hold the maximum.

    On an interval of length h a function is below the higher of its ends by no more than h^2/8
    times the largest negative curvature, 4 and 1 times the amplitudes of the harmonics here.
    """
    xp = array_namespace(left)
    bend = 4 * xp.hypot(sums[_COS2], sums[_SIN2]) + xp.hypot(sums[_COS], sums[_SIN])
    lower = _value(left, sums)
    upper = xp.maximum(lower, _value(right, sums)) + bend * (right - left) ** 2 / 8
    hopeful = upper >= xp.max(lower, axis=-1, keepdims=True)
    count = int(to_host(xp.max(xp.count_nonzero(hopeful, axis=-1))))
    # A power of two, since some libraries compile for every size.
    count = min(1 << (count - 1).bit_length(), left.shape[-1])
    order = xp.argsort(upper, axis=-1, descending=True)[:, :count]
    return tuple(
        [xp.take_along_axis(a, order, axis=-1) for a in group]
        if isinstance(group, list)
        else xp.take_along_axis(group, order, axis=-1)
        for group in (left, right, sums)
    )


def _highest(left, right, sums):
    """Return the maximizer over the intervals and their left ends, and the maximum."""
    xp = array_namespace(left)
    angles = [left]
    for theta in _maxima(*sums[1:]):
        offset = xp.remainder(theta - left, 2 * math.pi)
        angles.append(xp.where(offset <= right - left, left + offset, left))
    values = xp.concat([_value(theta, sums) for theta in angles], axis=-1)
    best = xp.argmax(values, axis=-1, keepdims=True)
    pick = (
        xp.take_along_axis(a, best, axis=-1)[:, 0] for a in (xp.concat(angles, axis=-1), values)
    )
    return tuple(pick)


def _maxima(cos2, sin2, cos, sin):
    r"""Return the local maximizers of two harmonics: the higher one, and the other or it again.

    From the peak of the second harmonic, and mirrored, the function is
    :math:`R\cos 2t + p\cos t + q\sin t` with p, q >= 0. Its slope over -sin t cos t is
    4R + p/cos t - q/sin t, which rises from 0 to pi/2: one maximum is there. Where both
    functions are negative the slope goes from - to +, where cos t > 0 > sin t it is +. Between
    pi/2 and pi, p/\|cos t\| + q/sin t is convex, so 4R crosses it twice or never; its least
    value is :math:`(p^{2/3} + q^{2/3})^{3/2}`, where the cube of tan t is -q/p, and the other
    maximum lies beyond.
    """
    xp = array_namespace(cos2)
    R, peak = xp.hypot(cos2, sin2), xp.atan2(sin2, cos2) / 2
    c, s = xp.cos(peak), xp.sin(peak)
    p, q = cos * c + sin * s, sin * c - cos * s
    peak = xp.where(p < 0, peak + math.pi, peak)
    mirror = xp.where((p < 0) != (q < 0), -xp.ones_like(q), xp.ones_like(q))
    p, q = xp.abs(p), xp.abs(q)
    a, b = p ** (1 / 3), q ** (1 / 3)
    twice = (a * a + b * b) ** 1.5 < 4 * R
    beyond, quarter = xp.atan2(b, a), xp.full_like(R, math.pi / 2)
    low = xp.stack((xp.zeros_like(R), xp.where(twice, math.pi - beyond, 0 * R)))
    width = xp.stack((quarter, xp.where(twice, beyond, quarter)))
    # An error of the root of eps in the angle is one of eps in the value.
    for _ in range(1 - math.frexp(eps(R))[1] // 2):
        width = width / 2
        middle = low + width
        rising = q * xp.cos(middle) > xp.sin(middle) * (p + 4 * R * xp.cos(middle))
        low = xp.where(rising, middle, low)
    theta = peak + mirror * low
    return theta[0, ...], theta[1, ...]


def _derivatives(x, y, gamma, theta, paired):
    """Return the function and its first two derivatives, summed over each row."""
    xp = array_namespace(x)
    c, s = xp.cos(theta)[:, None], xp.sin(theta)[:, None]
    u, v = c * x - s * y, s * x + c * y
    if paired:  # u' = -v and v' = u
        u, v = xp.concat((u, v), axis=-1), xp.concat((v, -u), axis=-1)
    excess = xp.clip(xp.abs(u) - gamma, min=0)
    active = xp.astype(excess > 0, x.dtype)
    value = xp.sum(excess * excess, axis=-1)
    slope = -2 * xp.sum(excess * xp.sign(u) * v, axis=-1)
    curvature = 2 * xp.sum(active * v * v - excess * xp.abs(u), axis=-1)
    return value, slope, curvature
