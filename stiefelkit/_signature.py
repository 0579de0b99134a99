"""Shape signatures in NumPy's gufunc notation, and the checks that they imply.

``(n,k),(n,m)->(n,m)`` names the trailing axes of each array, leading axes are batch.
``?`` marks an array that may be None, a bare word an argument that is no array, a
number a fixed length.
"""

import inspect
import re
from typing import Any, NamedTuple

from ._xp import Field, array_namespace, field, is_half, namespace_key

_FIELDS = {"real": "float32 or float64", "complex": "complex64 or complex128"}
_TOKEN = re.compile(r"\(([^)]*)\)(\??)|(\w+)")


class Parameter(NamedTuple):
    """One array argument: its name, place, trailing axes, and what is asked of it."""

    name: str
    position: int
    dims: tuple[str, ...]
    optional: bool
    kind: str


class Signature:
    """The array arguments of one op, and the check of them.

    Parameters
    ----------
    text : str
        The signature.
    function : callable
        The op; the names in messages are those of its parameters.
    kinds : dict, optional
        What an argument must be besides its shape: "real" (an angle or a phase beside
        complex arrays) and "complex" are checked; "frame", "skew", "positive",
        "triangular" say what values make sense, for tests and documentation.
    at_most : tuple of pairs, optional
        Pairs of dimensions, the first never longer than the second.
    check : callable, optional
        Called with the dict of lengths; returns what is wrong, or None.
    """

    def __init__(self, text, function, *, kinds=None, at_most=(), check=None, batch=True):
        inputs, outputs = text.replace(" ", "").split("->")
        self.text, self.function = text, function.__name__
        self.outputs = tuple(dims for dims, _, _ in _parse(outputs))
        self.at_most, self.further_check, self.batch = at_most, check, batch
        kinds = kinds or {}
        names = list(inspect.signature(function).parameters)
        self.parameters = tuple(
            Parameter(name, position, dims, optional, kinds.get(name, "matrix"))
            for position, (name, (dims, optional, static)) in enumerate(
                zip(names, _parse(inputs), strict=False)
            )
            if not static
        )

    def check(self, args: tuple[Any, ...]) -> None:
        """Raise unless the arrays agree in library, dtype, device and shape."""
        given = []
        for p in self.parameters:
            value = args[p.position] if p.position < len(args) else None
            if value is not None:
                given.append((p, value))
            elif not p.optional:
                raise TypeError(f"{self._expected()} `{p.name}` is missing.")
        self._check_library(given)
        self._check_dtypes(given)
        self._check_shapes(given)

    def _check_library(self, given):
        libraries, devices = {}, {}
        for p, value in given:
            try:
                libraries[p.name] = namespace_key(array_namespace(value))
            except TypeError:
                raise TypeError(
                    f"{self._expected()} Got `{p.name}` of type {type(value).__name__}, which is "
                    f"no array. Convert it, for instance by `numpy.asarray({p.name})`."
                ) from None
            devices[p.name] = getattr(value, "device", None)
        self._one(libraries, "of one array library", "Convert one of them")
        # Under tracing an array has no device.
        self._one({k: v for k, v in devices.items() if v is not None}, "on one device", "Move one")

    def _check_dtypes(self, given):
        fields: dict[str, Field] = {}
        kinds = {p.name: p.kind for p, _ in given}
        for p, value in given:
            found = field(array_namespace(value), value.dtype)
            if is_half(value.dtype):
                continue
            if found is None or (p.kind in _FIELDS and found.complex != (p.kind == "complex")):
                wanted = _FIELDS.get(p.kind, "float32, float64, complex64 or complex128")
                raise TypeError(
                    f"`{self.function}` takes `{p.name}` of dtype {wanted}. Got {value.dtype}."
                )
            fields[p.name] = found
        self._one(
            {k: f.name for k, f in fields.items() if kinds[k] != "real"}, "of one dtype", "Cast one"
        )
        self._one({k: f.real for k, f in fields.items()}, "of one precision", "Cast one")

    def _one(self, values: dict[str, Any], what: str, remedy: str) -> None:
        first = next(iter(values.values()), None)
        if any(value != first for value in values.values()):  # the devices of CuPy have no hash
            names = {k: getattr(value, "__name__", value) for k, value in values.items()}
            came = ", ".join(f"`{name}`: {value}" for name, value in names.items())
            raise TypeError(f"`{self.function}` takes arrays {what}. Got {came}. {remedy}.")

    def _check_shapes(self, given):
        length: dict[str, int] = {}
        source: dict[str, str] = {}
        for p, value in given:
            shape = tuple(value.shape)
            if len(shape) < len(p.dims) or (not self.batch and len(shape) > len(p.dims)):
                raise ValueError(f"{self._expected()} Got {p.name}.shape={shape}.")
            for dim, n in zip(p.dims, shape[len(shape) - len(p.dims) :], strict=True):
                if dim.isdigit() and int(dim) != n:
                    raise ValueError(f"{self._expected()} Got {p.name}.shape={shape}.")
                if length.setdefault(dim, n) != n:
                    raise ValueError(
                        f"{self._expected()} Got {dim}={length[dim]} from `{source[dim]}` and "
                        f"{dim}={n} from `{p.name}`, whose shape is {shape}."
                    )
                source.setdefault(dim, p.name)
        self._check_lengths(length, source, given)
        self._check_batches(given)

    def _check_lengths(self, length, source, given):
        shapes = ", ".join(f"{p.name}.shape={tuple(value.shape)}" for p, value in given)
        for short, long in self.at_most:
            if length[short] > length[long]:
                raise ValueError(
                    f"{self._expected()} It needs {short} <= {long}. Got {shapes}. If the vectors "
                    f"are stored as rows, pass `xp.matrix_transpose({source[short]})`."
                )
        problem = self.further_check(length) if self.further_check else None
        if problem:
            raise ValueError(f"{self._expected()} {problem} Got {shapes}.")

    def _check_batches(self, given):
        batches = {p.name: tuple(v.shape)[: v.ndim - len(p.dims)] for p, v in given}
        for axis in range(-max(map(len, batches.values())), 0):
            sizes = {b[axis] for b in batches.values() if len(b) >= -axis} - {1}
            if len(sizes) > 1:
                came = ", ".join(f"`{name}`: {batch}" for name, batch in batches.items())
                raise ValueError(
                    f"`{self.function}` broadcasts the leading axes of its arrays. "
                    f"Those of {came} do not broadcast."
                )

    def _expected(self) -> str:
        lead = ("...",) if self.batch else ()
        wanted = " and ".join(
            f"`{p.name}` of shape ({', '.join([*lead, *p.dims])})" for p in self.parameters
        )
        return f"`{self.function}` takes {wanted}."


def _parse(side: str) -> list[tuple[tuple[str, ...], bool, bool]]:
    """Split one side into (dimensions, optional, static) triples."""
    return [
        (tuple(filter(None, dims.split(","))), bool(optional), bool(word))
        for dims, optional, word in _TOKEN.findall(side)
    ]
