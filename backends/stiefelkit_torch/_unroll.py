"""The time loop of a recurrent network, written in place."""

import torch

from stiefelkit.linalg import OuterProduct
from stiefelkit.rnn import Identity, ModReLU, ReLU, Tanh
from stiefelkit.rnn import unroll as op

from ._arrays import run_on_arrays
from ._plain import plain

# As in the reference, the steps after which cotangents that have vanished are taken for zero.
VANISH_EVERY = 8


def unroll(W, Z, h0, b=None, /, *, activation, last=False, outer=False):
    """Run a recurrence in the memory of its states, two or three calls a step.

    Benchmark: rnn.Step, library torch. A step of the reference makes three arrays, whose memory
    is as slow as the product of small matrices. Agrees with the reference to a few eps.
    """
    out = forward(W, Z, h0, b, activation=activation, last=last)
    return out if out is NotImplemented else out[0]


def forward(W, Z, h0, b=None, /, *, activation, last=False, outer=False):
    """Run the recurrence and keep the states; the residuals are the reference's.

    Benchmark: rnn.Step, library torch.
    """
    if not plain(W, Z, h0, b):
        return NotImplemented
    out = run_on_arrays("unroll.forward", W, Z, h0, b, activation=activation, last=last)
    if out is not NotImplemented:
        # A view of the states that are kept, so that autograd sees what is done to it in place.
        return out[0] if last else out[1][1][1:], out[1]
    T, Wt = Z.shape[0], W.mT.contiguous().resolve_conj()
    H = torch.empty((T + 1, *h0.shape), dtype=Z.dtype, device=Z.device)
    H[0] = h0
    # Arguments that the derivative needs; the others stand where the states are written over them.
    inputs = list(torch.empty_like(H[1:])) if activation.needs_input else []
    states, apply = H.unbind(), _in_place(activation, W)
    for t, z in enumerate(Z.unbind()):
        h = states[t + 1]
        torch.addmm(z, states[t], Wt, out=inputs[t] if inputs else h)
        if apply is None:
            h.copy_(activation.apply(inputs[t] if inputs else h, b))
        else:
            apply(h, b)
    return H[T].clone() if last else H[1:], (W, H, inputs, b)


def backward(G, saved, /, *, activation, last=False, outer=False):
    """Run the recurrence backward in time, in the memory of the cotangents.

    Benchmark: rnn.Step, library torch.
    """
    W, H, inputs, b = saved
    if not plain(G, W, H, b):
        return op.vjp[1](G, saved, activation=activation, last=last, outer=outer)
    options = {"activation": activation, "last": last, "outer": outer}
    out = run_on_arrays("unroll.backward", G, saved, **options)
    if out is not NotImplemented:
        return out
    T, Wc, retrace = H.shape[0] - 1, W.conj().resolve_conj(), _back_in_place(activation, W)
    D = torch.empty(H[1:].shape, dtype=H.dtype, device=H.device)
    dh0 = G.clone() if last and not T else torch.zeros_like(H[0])
    pulled = torch.empty_like(D) if outer else None
    deltas, states = D.unbind(), H.unbind()[1:]
    # Where the products delta_t W go: to what they are added to, unless they are asked for.
    products = pulled.unbind() if outer else (dh0, *deltas[:-1])
    cotangents = None if last else G.unbind()
    for t in range(T - 1, -1, -1):
        d = deltas[t]
        if t == T - 1:
            d.copy_(G if last else cotangents[t])
        elif last:
            d.copy_(products[t + 1])
        else:
            torch.add(products[t + 1], cotangents[t], out=d)
        if t % VANISH_EVERY == 0:
            vanished_as_zero_(d)
        if retrace is None:
            d.copy_(activation.backward(d, states[t], inputs[t] if inputs else None, b))
        else:
            retrace(d, states[t])
        torch.mm(d, Wc, out=products[t])
    if outer and T:
        dh0.copy_(pulled[0])
    db = None if b is None else activation.bias_cotangent(D, H[1:])
    factors = (D, H[:-1], pulled) if outer else (D, H[:-1])
    dW = OuterProduct(*(X.reshape(-1, H.shape[-1]) for X in factors))
    return dW if outer else dW.dense(), D, dh0, db


def vanished_as_zero_(d):
    """Put zeros, in place, where a few products would be subnormal: processors are slow with it."""
    limits = torch.finfo(d.dtype)
    bound = limits.tiny / limits.eps
    if d.is_complex():
        d.masked_fill_(d.abs() < bound, 0)
    else:
        torch.ops.aten.hardshrink.out(d, bound, out=d)


def _in_place(activation, like):
    """Return the activation as an operation in place, or None."""
    kind = type(activation)
    if kind is Identity:
        return lambda h, b: None
    if like.is_complex():  # some are for real states only, which they say themselves
        return None
    return {
        Tanh: lambda h, b: h.tanh_(),
        ReLU: lambda h, b: h.relu_(),
        ModReLU: _shrink,
    }.get(kind)


def _shrink(h, b):
    modulus = h.abs().add_(b).clamp_(min=0)
    h.sign_().mul_(modulus)


def _back_in_place(activation, like):
    """Return its derivative times a cotangent as an operation in place, or None."""
    kind = type(activation)
    if kind is Identity:
        return lambda d, h: None
    if like.is_complex():
        return None
    return {
        Tanh: lambda d, h: torch.ops.aten.tanh_backward.grad_input(d, h, grad_input=d),
        ReLU: lambda d, h: torch.ops.aten.threshold_backward.grad_input(d, h, 0, grad_input=d),
        ModReLU: lambda d, h: d.mul_(h != 0),
    }.get(kind)
