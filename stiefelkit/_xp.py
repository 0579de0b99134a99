"""What the array libraries share: namespaces, dtypes, devices, host random numbers.

The only importer of `array_api_compat` and `array_api_extra`.
"""

from typing import NamedTuple

import array_api_compat as compat
import array_api_extra as xpx
import numpy

from ._typing import RNG, Array, DType, Namespace

at = xpx.at
create_diagonal = xpx.create_diagonal
device = compat.device
is_writeable = compat.is_writeable_array
size = compat.size

_REAL = {
    "float32": "float32",
    "float64": "float64",
    "complex64": "float32",
    "complex128": "float64",
}
_namespaces: dict[type, Namespace] = {}
_fields: dict[tuple[Namespace, DType], "Field | None"] = {}


class Field(NamedTuple):
    """What is known of a floating-point dtype."""

    name: str
    complex: bool
    real: DType
    eps: float
    smallest_normal: float


def array_namespace(*arrays: Array) -> Namespace:
    """Return the array-API namespace of the arguments, which are of one library."""
    # By type, since the general look-up costs as much as a small product.
    xp = _namespaces.get(type(arrays[0]))
    if xp is None:
        xp = _namespaces[type(arrays[0])] = compat.array_namespace(arrays[0])
    return xp


def namespace_key(xp: Namespace) -> str:
    """Return the library's plain name, the key under which it registers kernels."""
    return xp.__name__.removeprefix("array_api_compat.").split(".")[0]


def field(xp: Namespace, dtype: DType) -> Field | None:
    """Return what is known of `dtype`, or None unless it is one of the four we support."""
    key = (xp, dtype)
    if key not in _fields:
        _fields[key] = _look_up_field(xp, dtype)
    return _fields[key]


def _look_up_field(xp, dtype):
    for name, real in _REAL.items():
        if dtype == getattr(xp, name, None):
            real_dtype = getattr(xp, real)
            info = xp.finfo(real_dtype)
            numbers = float(info.eps), float(info.smallest_normal)
            return Field(name, name.startswith("complex"), real_dtype, *numbers)
    return None


def is_half(dtype: DType) -> bool:
    """Say whether `dtype` is a 16-bit float, which is stored but never factored."""
    return str(dtype).endswith("float16")


def is_complex(x: Array) -> bool:
    found = field(array_namespace(x), x.dtype)
    return found is not None and found.complex


def real_dtype(x: Array) -> DType:
    found = field(array_namespace(x), x.dtype)
    return x.dtype if found is None else found.real


def eps(x: Array) -> float:
    found = field(array_namespace(x), x.dtype)
    if found is None:
        raise TypeError(f"No machine epsilon is known for an array of {x.dtype}.")
    return found.eps


def adjoint(x: Array) -> Array:
    """Return the conjugate transpose of the last two axes."""
    # `xp.conj`, since the lazy method of one library cannot be exported afterwards.
    return array_namespace(x).conj(x.mT) if is_complex(x) else x.mT


def conj(x: Array) -> Array:
    return array_namespace(x).conj(x) if is_complex(x) else x


def real(x: Array) -> Array:
    return array_namespace(x).real(x) if is_complex(x) else x


def sum_real(x: Array, y: Array) -> Array:
    """Return Re<x, y> over the last axis."""
    xp = array_namespace(x)
    return real(xp.vecdot(x, y))


def phase(x: Array) -> Array:
    """Return x/|x|, and 1 where x is 0: the sign of a real number.

    Complex numbers that are subnormal count as 0, since their reciprocal overflows.
    """
    xp = array_namespace(x)
    found, one = field(xp, x.dtype), xp.ones_like(x)
    if found is None or not found.complex:
        return xp.where(x < 0, -one, one)
    modulus = xp.abs(x)
    zero = modulus < found.smallest_normal
    safe = xp.where(zero, xp.ones_like(modulus), modulus)
    return xp.where(zero, one, x / xp.astype(safe, x.dtype))


def vanished_as_zero(x: Array) -> Array:
    """Return `x` with zeros where it is so small that a few products would be subnormal."""
    found, xp = field(array_namespace(x), x.dtype), array_namespace(x)
    if found is None:
        return x
    return xp.where(xp.abs(x) < found.smallest_normal / found.eps, xp.zeros_like(x), x)


def unit_phase(angle: Array, like: Array) -> Array:
    """Return exp(i angle), complex as `like`."""
    xp = array_namespace(angle)
    return xp.astype(xp.cos(angle), like.dtype) + 1j * xp.astype(xp.sin(angle), like.dtype)


def eye_like(x: Array, n: int, p: int | None = None) -> Array:
    """Return the first p columns of the n-by-n identity, in the library of `x`."""
    return array_namespace(x).eye(n, p, dtype=x.dtype, device=device(x))


def update_diagonal(x: Array, scale: float = 1.0, shift: float = 0.0) -> Array:
    """Scale and shift the main diagonal of a tall matrix, in place where the library allows it."""
    xp, (n, p) = array_namespace(x), x.shape[-2:]
    if not is_writeable(x):
        eye = eye_like(x, n, p)
        return x * (1 + (scale - 1) * eye) + shift * eye
    # A strided slice of the entries, so that no array of the size of `x` is made; reshaped back
    # because a library may have had to copy.
    entries = xp.reshape(x, (*x.shape[:-2], n * p))
    diagonal = entries[..., : p * p : p + 1]
    diagonal *= scale
    diagonal += shift
    return xp.reshape(entries, tuple(x.shape))


def zeros_like(x: Array, shape: tuple[int, ...], dtype: DType | None = None) -> Array:
    xp = array_namespace(x)
    return xp.zeros(shape, dtype=x.dtype if dtype is None else dtype, device=device(x))


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the common shape, which exists."""
    ndim = max(map(len, shapes))
    padded = [(1,) * (ndim - len(shape)) + tuple(shape) for shape in shapes]
    return tuple(next((n for n in sizes if n != 1), 1) for sizes in zip(*padded, strict=True))


def sum_to_shape(x: Array | None, shape: tuple[int, ...]) -> Array | None:
    """Sum over the axes along which `shape` was broadcast to the shape of `x`."""
    if x is None or tuple(x.shape) == shape:
        return x
    xp = array_namespace(x)
    extra = x.ndim - len(shape)
    stretched = [a for a in range(extra, x.ndim) if shape[a - extra] == 1 != x.shape[a]]
    return xp.reshape(xp.sum(x, axis=(*range(extra), *stretched)), shape)


def generator(rng: RNG) -> numpy.random.Generator:
    """Return the generator that an `rng` argument stands for."""
    return numpy.random.default_rng(rng)


def from_host(values: numpy.ndarray, like: Array, dtype: DType | None = None) -> Array:
    """Return host values in the library and on the device of `like`, in its dtype by default."""
    xp = array_namespace(like)
    dtype = like.dtype if dtype is None else dtype
    values = numpy.asarray(values, order="C")
    if xp is array_namespace(values):
        return values.astype(dtype)
    return xp.astype(xp.asarray(values, device=device(like)), dtype)


def index_from_host(values, like: Array) -> Array:
    """Return host integers as an index array beside `like`."""
    xp = array_namespace(like)
    return xp.asarray(numpy.asarray(values, dtype=numpy.int64), device=device(like))


def to_host(x: Array) -> numpy.ndarray:
    """Return a NumPy copy of `x`, from any library and device."""
    for pending in ("detach", "resolve_conj"):  # what bars the way out of one library
        x = getattr(x, pending, lambda x=x: x)()
    if hasattr(x, "__cuda_array_interface__") or device(x) != "cpu":
        x = _leave_device(x)
    if isinstance(x, numpy.ndarray):
        return x.copy()
    try:  # the other protocol, `__array__`, is half implemented and warns
        return numpy.array(numpy.from_dlpack(x))
    except (AttributeError, BufferError, RuntimeError, TypeError):
        return numpy.array(x)


def _leave_device(x: Array) -> Array:
    try:
        return compat.to_device(x, "cpu")
    except (ValueError, TypeError, RuntimeError):
        return x  # a library whose only device has another name


def standard_normal(shape: tuple[int, ...], rng: RNG, like: Array) -> Array:
    """Draw normal numbers of unit variance, complex ones where `like` is complex.

    Drawn in float64 on the host, so that one seed gives the same numbers in every
    library and dtype.
    """
    rng = generator(rng)
    values = rng.standard_normal(shape)
    if is_complex(like):
        values = (values + 1j * rng.standard_normal(shape)) / 2**0.5
    return from_host(values, like)


def uniform(low: float, high: float, shape: tuple[int, ...], rng: RNG, like: Array) -> Array:
    """Draw uniform real numbers on the host, in the real dtype of `like`."""
    return from_host(generator(rng).uniform(low, high, shape), like, real_dtype(like))


def to_complex(x: Array) -> Array:
    """Return `x` in the complex dtype of its precision."""
    xp = array_namespace(x)
    if is_complex(x):
        return x
    return xp.astype(x, xp.complex64 if x.dtype == xp.float32 else xp.complex128)
