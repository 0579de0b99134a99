"""Random arguments for every op, drawn from its signature: the table that the laws run over."""

import itertools
import math
import zlib
from typing import Any, NamedTuple

import numpy as np
import pytest

import stiefelkit

OPS = {n: op for n, op in stiefelkit.ops().items() if op.__module__.startswith("stiefelkit.linalg")}

DTYPES = ("float32", "float64", "complex64", "complex128")
SHAPES = {
    "general": {"n": 6, "p": 4, "k": 3, "m": 2, "q": 3},
    "n=1": {"n": 1, "p": 1, "k": 1, "m": 2, "q": 1},
    "p=1": {"n": 5, "p": 1, "k": 1, "m": 1, "q": 1},
    "square": {"n": 4, "p": 4, "k": 4, "m": 4, "q": 4},
    "odd": {"n": 5, "p": 3, "k": 5, "m": 3, "q": 2},
    "m=0": {"n": 4, "p": 2, "k": 2, "m": 0, "q": 2},
    "small": {"n": 3, "p": 2, "k": 2, "m": 2, "q": 2},
    "recursive": {"n": 41, "p": 38, "k": 37, "m": 2, "q": 3},  # solve_triangular splits at 32
}
BATCHES = {"one": (), "batch": (2,), "empty": (0,)}
# One batch shape after another goes to the arguments of an op, which broadcast.
MIXED = ((2, 1), (3,), (), (1, 3))


class Case(NamedTuple):
    """One way to call one op."""

    name: str
    field: str  # "real" or "complex"
    shape: str
    batch: str
    optional: bool  # whether optional arrays are given
    static: tuple[Any, ...]  # arguments that are no arrays
    options: dict[str, Any]

    def __str__(self):
        options = ",".join(f"{k}={v}" for k, v in self.options.items() if k != "permutation")
        absent = "" if self.optional else "no-optional"
        planes = ",".join(map(str, self.static))
        parts = (self.name, self.field, self.shape, self.batch, planes, options, absent)
        return "-".join(filter(None, parts))

    @property
    def op(self):
        return OPS[self.name]


def dims_of(op, shape):
    """Return the lengths of an op's dimensions; r is the number of angles of a square matrix."""
    n = SHAPES[shape]["n"]
    return SHAPES[shape] | {"r": n * (n - 1) // 2}


def options_of(name, dims):
    """Return (static arguments, options) for every path through an op."""
    n = dims["n"]
    if name == "givens_rotate":
        left = [((n - 1, 0), {"side": "left"})] if n > 1 else []
        right = [((0, dims["m"] - 1), {"side": "right"})] if dims["m"] > 1 else []
        return left + right
    return [((), options) for options in _options(name, n, dims["k"])]


def _options(name, n, k):
    if name == "orthonormalize":
        return [{"method": m} for m in ("qr", "cholesky", "polar", "newton_schulz")]
    if name == "tangent_project":
        return [{"metric": m} for m in ("euclidean", "canonical")]
    if name == "solve_triangular":
        pairs = itertools.product((False, True), repeat=2)
        return [{"lower": lower, "adjoint_of": adjoint_of} for lower, adjoint_of in pairs]
    if name == "cwy_matrix":
        return [{}, {"columns": max(1, n - 2)}]
    if name == "householder_matrix":
        return [{}, {"block": 2}, {"columns": k, "block": 3}]
    if name == "unitary_fft_apply":
        return [{"permutation": [(2 * i + 1) % n if n % 2 else n - 1 - i for i in range(n)]}]
    return [{}]


def cases(
    shapes=tuple(SHAPES),
    batches=("one", "batch", "mixed"),
    names=tuple(OPS),
    fields=("real", "complex"),
):
    """Return pytest parameters for ops, fields, shapes, batches and options."""
    found = []
    for name, shape, batch in itertools.product(names, shapes, batches):
        op = OPS[name]
        dims = dims_of(op, shape)
        has_m = any("m" in p.dims for p in op.signature.parameters)
        kinds = {p.kind for p in op.signature.parameters}
        if (shape == "m=0" and not has_m) or (batch == "mixed" and _arrays(op) < 2):
            continue
        if shape == "recursive" and "frame" in kinds:
            continue  # no triangular solve, and signs that a small step would flip
        for field in fields:
            if field == "real" and "complex" in kinds:
                continue
            choices = {field == "complex", False}
            optional = choices if any(p.optional for p in op.signature.parameters) else {True}
            found += [
                Case(name, field, shape, batch, given, static, options)
                for given in sorted(optional)
                for static, options in options_of(name, dims)
            ]
    return [pytest.param(case, id=str(case)) for case in found]


def _arrays(op):
    return sum(1 for _ in op.signature.parameters)


def draw(rng, shape, kind, is_complex):
    """Draw one array in double precision, well conditioned where it is to be inverted."""
    X = rng.standard_normal(shape)
    if kind == "real":
        return X
    if is_complex:
        X = X + 1j * rng.standard_normal(shape)
    if len(shape) < 2:
        return X
    n, p = shape[-2:]
    if kind == "frame":
        return np.linalg.qr(X)[0]
    if kind == "positive":
        return X @ adjoint(X) / n + np.eye(n)
    if kind == "skew":
        X = X / math.sqrt(n)
        X[..., :p, :] = (X[..., :p, :] - adjoint(X[..., :p, :])) / 2
        return X
    return X / math.sqrt(max(n, p, 1)) + 2 * np.eye(n, p)


def arguments(case):
    """Return the arguments of a case, on the host in double precision, seeded by its name."""
    rng = np.random.default_rng(zlib.crc32(str(case).encode()))
    dims = dims_of(case.op, case.shape)
    static = iter(case.static)
    parameters = {p.position: p for p in case.op.signature.parameters}
    args = []
    for position in range(max(parameters) + 1):
        p = parameters.get(position)
        if p is None:
            args.append(next(static))
        elif p.optional and not case.optional:
            args.append(None)
        else:
            shape = tuple(int(d) if d.isdigit() else dims[d] for d in p.dims)
            args.append(draw(rng, (*_batch(case, position), *shape), p.kind, is_complex(case)))
    return args


def _batch(case, position):
    return MIXED[position % len(MIXED)] if case.batch == "mixed" else BATCHES[case.batch]


def is_complex(case):
    return case.field == "complex"


def array_positions(case, args):
    """Return the positions of the arrays that are given."""
    return [p.position for p in case.op.signature.parameters if args[p.position] is not None]


def adjoint(X):
    return np.conj(np.swapaxes(X, -1, -2))


def as_tuple(out):
    return out if isinstance(out, tuple) else (out,)


def cotangents(case, out, seed=1):
    """Draw a cotangent for each output, in double precision on the host."""
    rng = np.random.default_rng(seed)
    drawn = tuple(
        None if y is None else draw_like(rng, tuple(y.shape), "complex" in str(y.dtype))
        for y in as_tuple(out)
    )
    return drawn if isinstance(out, tuple) else drawn[0]


def draw_like(rng, shape, complex_):
    X = rng.standard_normal(shape)
    return X + 1j * rng.standard_normal(shape) if complex_ else X


def each(function, tree):
    """Apply `function` to the arrays of a tuple, or of one array, that may hold None."""
    if isinstance(tree, tuple):
        return tuple(each(function, x) for x in tree)
    return None if tree is None else function(tree)


def run(case, args, library=None, dtype=None, seed=1):
    """Return op, op.forward and the cotangents of op.backward, on the arrays of a library.

    The cotangent is drawn on the host for the shape of the output. Outputs that are None
    stay None; all three come as tuples.
    """
    if library is not None:
        args = on_library(case, args, library, dtype)
    plain = case.op(*args, **case.options)
    out, residuals = case.op.forward(*args, **case.options)
    G = cotangents(case, out, seed)
    if library is not None:
        G = each(lambda g: library.asarray(g, like_field(g, dtype)), G)
    return as_tuple(plain), as_tuple(out), case.op.backward(G, residuals)


def on_library(case, args, library, dtype=None):
    """Return the arguments with the arrays in a library; `dtype` is the real one."""
    places = array_positions(case, args)
    return [
        library.asarray(a, like_field(a, dtype)) if i in places else a for i, a in enumerate(args)
    ]


def like_field(host, dtype):
    """Return the name of the real or complex dtype that belongs to a real one."""
    if dtype is None or not np.iscomplexobj(host):
        return dtype
    return {"float32": "complex64", "float64": "complex128"}[dtype]


def assert_tuples_close(actual, expected, factor, eps):
    """Compare host tuples to `factor` times eps, relative to the largest entry of each."""
    assert [x is None for x in actual] == [x is None for x in expected]
    for x, y in zip(actual, expected, strict=True):
        if x is not None:
            scale = max(1.0, float(np.max(np.abs(y), initial=0.0)))
            np.testing.assert_allclose(x, y, rtol=0, atol=factor * eps * scale, strict=False)
