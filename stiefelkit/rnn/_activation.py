"""Activations, with derivatives taken from their outputs wherever these suffice."""

import abc
import dataclasses
from typing import ClassVar

from .._typing import Array
from .._xp import array_namespace, conj, eps, is_complex, phase, real


class AbstractActivation(abc.ABC):
    """An entrywise function h = a(z), or a(z, b) where `has_bias`, b one for each unit.

    `needs_input` says that the derivative cannot be told from h alone, so that z is kept.
    """

    has_bias: ClassVar[bool] = False
    needs_input: ClassVar[bool] = False

    @abc.abstractmethod
    def apply(self, z: Array, b: Array | None = None) -> Array:
        """Return h."""

    @abc.abstractmethod
    def backward(self, g: Array, h: Array, z: Array | None, b: Array | None) -> Array:
        """Return the cotangent of z, given that of h; z is None unless `needs_input`."""

    def bias_cotangent(self, delta: Array, h: Array) -> Array:
        """Return that of b, given those of z at all T steps and B samples."""
        raise TypeError(f"`{type(self).__name__}` has no bias.")


def _only_real(z: Array, name: str) -> None:
    if is_complex(z):
        raise TypeError(f"`{name}` is for real states. Use `ModReLU` for complex ones.")


@dataclasses.dataclass(frozen=True)
class Tanh(AbstractActivation):
    """The hyperbolic tangent, for real states."""

    def apply(self, z: Array, b: Array | None = None) -> Array:
        _only_real(z, "Tanh")
        return array_namespace(z).tanh(z)

    def backward(self, g: Array, h: Array, z: Array | None, b: Array | None) -> Array:
        d = h * h
        d = 1 - d
        d *= g
        return d


@dataclasses.dataclass(frozen=True)
class ReLU(AbstractActivation):
    """The positive part, for real states."""

    def apply(self, z: Array, b: Array | None = None) -> Array:
        _only_real(z, "ReLU")
        return array_namespace(z).clip(z, 0.0, None)

    def backward(self, g: Array, h: Array, z: Array | None, b: Array | None) -> Array:
        return g * array_namespace(g).astype(h > 0, g.dtype)


@dataclasses.dataclass(frozen=True)
class ModReLU(AbstractActivation):
    r"""Shrink the modulus by a learned amount and keep the sign, or phase.

    .. math:: h = \max(|z| + b, 0)\, z/|z|

    [ArjovskyShahBengio:2016]_, equation 8.
    """

    has_bias: ClassVar[bool] = True

    def apply(self, z: Array, b: Array | None = None) -> Array:
        xp = array_namespace(z)
        modulus = xp.clip(xp.abs(z) + b, 0.0, None)
        if is_complex(z):
            # 0 where z is 0, as in the real case.
            return xp.where(z == 0, z, xp.astype(modulus, z.dtype) * phase(z))
        return xp.sign(z) * modulus

    def backward(self, g: Array, h: Array, z: Array | None, b: Array | None) -> Array:
        xp = array_namespace(g)
        open_ = h != 0
        if not is_complex(h):
            return g * xp.astype(open_, g.dtype)
        # With r = |z| = |h| - b and u = z/r, the part of g along u stays, the rest is scaled
        # by |h|/r; by 1 where rounding has left nothing of r, as at z = 0 it has no limit.
        modulus = xp.abs(h)
        r = modulus - b
        known = r > 8 * eps(h) * modulus
        ratio = xp.where(known, b / xp.where(known, r, xp.ones_like(r)), xp.zeros_like(r))
        u = phase(h)
        along = u * xp.astype(real(conj(u) * g), g.dtype)
        out = g + xp.astype(ratio, g.dtype) * (g - along)
        return out * xp.astype(open_, g.dtype)

    def bias_cotangent(self, delta: Array, h: Array) -> Array:
        # The part of the cotangent of z along u is that of b, in both fields.
        xp = array_namespace(h)
        u = xp.sign(h) if not is_complex(h) else phase(h)
        return xp.sum(real(conj(u) * delta), axis=(0, 1))


@dataclasses.dataclass(frozen=True)
class Abs(AbstractActivation):
    """The modulus, in the dtype of the state."""

    needs_input: ClassVar[bool] = True

    def apply(self, z: Array, b: Array | None = None) -> Array:
        xp = array_namespace(z)
        return xp.astype(xp.abs(z), z.dtype)

    def backward(self, g: Array, h: Array, z: Array | None, b: Array | None) -> Array:
        return phase(z) * array_namespace(g).astype(real(g), g.dtype)


@dataclasses.dataclass(frozen=True)
class Identity(AbstractActivation):
    """No activation: a linear recurrence."""

    def apply(self, z: Array, b: Array | None = None) -> Array:
        return z

    def backward(self, g: Array, h: Array, z: Array | None, b: Array | None) -> Array:
        return g
