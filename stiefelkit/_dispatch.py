"""Ops: plain functions with a shape signature, a hand-derived VJP, and optional kernels.

An op first checks its arrays. Then a kernel that a backend registered for their library
runs, and where there is none, or it declines by returning `NotImplemented`, the reference.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from ._kernels import kernel_for, kernels_enabled, kernels_for
from ._signature import Signature
from ._typing import Function, Op
from ._xp import (
    array_namespace,
    device,
    is_half,
    namespace_key,
    real_dtype,
    sum_to_shape,
    zeros_like,
)

_OPS: dict[str, Op] = {}
_PLANS_KEPT = 4096


class Residuals(NamedTuple):
    """What a forward pass leaves for its backward pass."""

    saved: Any
    shapes: tuple[tuple[int, ...] | None, ...]
    out_shapes: tuple[tuple[int, ...], ...]
    backward: Callable[..., Any]
    options: dict[str, Any]
    dtype: Any


class _Plan(NamedTuple):
    """What is known of a call before its values: checked once for each kind of input."""

    kernel: Function | None
    pairs: tuple[tuple[Function, Function], ...]
    backward: Function | None
    shapes: tuple[tuple[int, ...] | None, ...]
    half: bool


def dispatchable(
    signature: str, *, validate: Callable[..., None] | None = None, **constraints: Any
) -> Callable[[Function], Op]:
    """Turn a reference implementation into an op.

    `signature` and `constraints` are those of `Signature`; `validate` is called with every
    argument to raise on wrong options. The result is an ordinary function that carries
    ``reference``, ``signature``, ``forward`` (inputs -> output, residuals), ``backward``
    (cotangent, residuals -> cotangents of the array inputs, None for those that are None) and
    ``defvjp``, which defines these two.
    """

    def wrap(reference: Function) -> Op:
        dispatcher = _Dispatcher(Signature(signature, reference, **constraints), validate)

        @functools.wraps(reference)
        def call(*args, **options):
            return dispatcher.call(args, options)

        op: Any = call
        op.name, op.reference, op.signature = reference.__name__, reference, dispatcher.signature
        op.vjp, op.forward, op.backward, op.defvjp = None, None, None, dispatcher.defvjp
        dispatcher.op = _OPS[op.name] = op
        return op

    return wrap


class _Dispatcher:
    """Checks the arrays of one op and chooses between its kernel and its reference."""

    op: Any

    def __init__(self, signature: Signature, validate: Function | None):
        self.signature, self.validate = signature, validate
        self.places = [p.position for p in signature.parameters]
        self.scalars = [p.position for p in signature.parameters if not p.dims]
        self.plans: dict[Any, _Plan] = {}

    def defvjp(self, forward_reference: Function, backward_reference: Function) -> None:
        def forward(*args, **options):
            return self.forward(args, options)

        forward.__name__ = f"{self.op.name}.forward"
        self.op.vjp = forward_reference, backward_reference
        self.op.forward, self.op.backward = forward, _run

    def prepare(self, args, options):
        """Check, and return the arguments and the plan for arrays of their kind."""
        if self.scalars:
            args = _lift(args, self.scalars)
        arrays = [args[i] for i in self.places if i < len(args)]
        key = tuple(
            [
                (type(a), a.dtype, a.shape, _place(a)) if hasattr(a, "dtype") else type(a)
                for a in arrays
            ]
        )
        try:
            plan = self.plans.get(key)
        except TypeError:  # a compiler that traces with unknown lengths has none to look up
            key = plan = None
        if plan is None:
            # Checked here and not in the reference, or a kernel would skip the checks.
            self.signature.check(args)
            if len(self.plans) >= _PLANS_KEPT:
                self.plans.clear()
            plan = _make_plan(self.op.name, arrays)
            if key is not None:
                self.plans[key] = plan
        if self.validate is not None:
            self.validate(*args, **options)
        return args, plan

    def call(self, args, options):
        args, plan = self.prepare(args, options)
        if plan.half:
            return _half(self.op, args, self.places, options)
        if plan.kernel is not None and kernels_enabled():
            out = plan.kernel(*args, **options)
            if out is not NotImplemented:
                return out
        return self.op.reference(*args, **options)

    def forward(self, args, options):
        args, plan = self.prepare(args, options)
        if plan.half:
            return _half_forward(self.op, args, self.places, options)
        if plan.pairs and kernels_enabled():
            for kernel, kernel_backward in plan.pairs:
                out = kernel(*args, **options)
                if out is not NotImplemented:
                    return _pack(out, plan, kernel_backward, options)
        forward, backward = self.op.vjp
        # A kernel for the backward pass alone takes the reference's residuals.
        if plan.backward is not None and kernels_enabled():
            backward = plan.backward
        return _pack(forward(*args, **options), plan, backward, options)


def _place(a):
    """Return the device as a part of a key; that of CuPy has no hash."""
    place = getattr(a, "device", None)
    return str(place) if type(place).__hash__ is None else place


def _lift(args, scalars):
    """Turn Python numbers given for 0-d arguments into real arrays beside the first array."""
    like = next((a for a in args if hasattr(a, "dtype")), None)
    if like is None:
        return args
    xp = array_namespace(like)
    dtype = like.dtype if is_half(like.dtype) else real_dtype(like)
    return tuple(
        xp.asarray(a, dtype=dtype, device=device(like))
        if i in scalars and isinstance(a, int | float)
        else a
        for i, a in enumerate(args)
    )


def _make_plan(name: str, arrays: list[Any]) -> _Plan:
    given = [a for a in arrays if a is not None]
    library = namespace_key(array_namespace(given[0]))
    forward = kernels_for(library, f"{name}.forward")
    backward = kernels_for(library, f"{name}.backward")
    return _Plan(
        kernel_for(library, name),
        tuple((kernel, backward[entry]) for entry, kernel in forward.items() if entry in backward),
        next((kernel for entry, kernel in backward.items() if entry not in forward), None),
        tuple(None if a is None else tuple(a.shape) for a in arrays),
        any(is_half(a.dtype) for a in given),
    )


def _pack(out, plan, backward, options):
    Y, saved = out
    outputs = Y if isinstance(Y, tuple) else (Y,)
    shapes = tuple(None if y is None else tuple(y.shape) for y in outputs)
    return Y, Residuals(saved, plan.shapes, shapes, backward, options, None)


def _run(G, residuals, /):
    """Return the cotangents of the array inputs."""
    cotangents = G if isinstance(G, tuple) else (G,)
    for g, shape in zip(cotangents, residuals.out_shapes, strict=True):
        if g is not None and tuple(g.shape) != shape:
            raise ValueError(
                f"The cotangent has the shape of the output, {shape}. Got {tuple(g.shape)}."
            )
    if len(cotangents) > 1:
        like = next(g for g in cotangents if g is not None)
        G = tuple(
            zeros_like(like, s) if g is None and s is not None else g
            for g, s in zip(cotangents, residuals.out_shapes, strict=True)
        )
    if residuals.dtype is not None:
        G = _cast(G, None)
    out = residuals.backward(G, residuals.saved, **residuals.options)
    grads = out if isinstance(out, tuple) else (out,)
    summed = tuple(sum_to_shape(g, s) for g, s in zip(grads, residuals.shapes, strict=False))
    return summed if residuals.dtype is None else _cast(summed, residuals.dtype)


def _cast(tree, dtype):
    """Cast 16-bit arrays up to float32 (`dtype` None), or arrays down to `dtype`."""
    if isinstance(tree, tuple):
        items = [_cast(x, dtype) for x in tree]
        return tuple(items) if type(tree) is tuple else type(tree)(*items)
    if not hasattr(tree, "dtype") or not hasattr(tree, "shape"):
        return tree
    xp = array_namespace(tree)
    if dtype is not None:
        return xp.astype(tree, dtype)
    return xp.astype(tree, xp.float32) if is_half(tree.dtype) else tree


def _half(op, args, places, options):
    dtype = next(args[i].dtype for i in places if is_half(args[i].dtype))
    return _cast(op(*_cast(args, None), **options), dtype)


def _half_forward(op, args, places, options):
    dtype = next(args[i].dtype for i in places if is_half(args[i].dtype))
    Y, residuals = op.forward(*_cast(args, None), **options)
    return _cast(Y, dtype), residuals._replace(dtype=dtype)


def ops() -> dict[str, Op]:
    """Return every op by name: what a backend may give kernels for."""
    return dict(_OPS)
