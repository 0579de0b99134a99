r"""One sweep of ADMM over the unrolled network.

The network, with theta = [W_in, W, c] and psi = [U, u], is split at every step into

    a_t = theta [x_t; s_{t-1}; 1],   s_t = tanh(a_t),   o_t = psi [s_t; 1],

the last for t = T only unless the loss is at all steps. The residuals r1_t, r2_t, r3_t (left
minus right) are driven to zero by scaled multipliers y:

    L = CE(o) + (lambda/2) |theta, psi|^2
        + sum_i (rho_i/2) (|r_i + y_i|^2 - |y_i|^2),   summed over samples and steps.

All arrays have the samples as rows and time first.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from .._typing import Array, Tree
from .._xp import array_namespace, size, to_host, zeros_like
from ._admm_updates import (
    descend_preactivations,
    minimize_outputs,
    minimize_states,
    minimize_weights,
    state_inverse,
)
from ._batch import Batch
from ._loss import At
from ._model import Model

if TYPE_CHECKING:
    from ._admm import ADMM


class Variables(NamedTuple):
    """What the network is split into: a, s of shape (T, B, n), o of (B, c) or (T, B, c)."""

    A: Array
    S: Array
    outputs: Array


def affine(params: Tree) -> tuple[Array, Array]:
    """Return theta and psi."""
    cell, readout = params["cell"], params["readout"]
    xp = array_namespace(readout["u"])
    theta = xp.concat([cell["W_in"], cell["recurrent"], cell["c"][:, None]], axis=1)
    return theta, xp.concat([readout["U"], readout["u"][:, None]], axis=1)


def from_affine(theta: Array, psi: Array) -> Tree:
    """Return the parameters of a model, in memory of their own."""
    n = theta.shape[0]
    d = theta.shape[1] - n - 1
    parts = {"W_in": theta[:, :d], "recurrent": theta[:, d : d + n], "c": theta[:, -1]}
    return {
        "cell": {name: _copy(part) for name, part in parts.items()},
        "readout": {"U": _copy(psi[:, :-1]), "u": _copy(psi[:, -1])},
    }


def _copy(x):
    xp = array_namespace(x)
    return xp.reshape(xp.reshape(x + 0, (-1,)), tuple(x.shape))


def features(X: Array, S: Array) -> Array:
    """Return [x_t; s_{t-1}; 1] for all steps, where s_0 = 0."""
    xp = array_namespace(S)
    previous = xp.concat([0 * S[:1, ...], S[:-1, ...]], axis=0)
    return xp.concat([X, previous, zeros_like(S, (*S.shape[:2], 1)) + 1], axis=-1)


def with_one(s: Array) -> Array:
    """Return [s; 1]."""
    return array_namespace(s).concat([s, zeros_like(s, (*s.shape[:-1], 1)) + 1], axis=-1)


def answering(S: Array, at: At) -> Array:
    """Return the states that outputs are made of."""
    return S if at == "all" else S[-1, ...]


def forward(model: Model, params: Tree, X: Array) -> Variables:
    """Return the variables of the network itself, whose residuals are zero."""
    theta, psi = affine(params)
    S, _ = model.cell.forward(params["cell"], X)
    last = answering(S, model.loss.at)
    return Variables(features(X, S) @ theta.mT, S, with_one(last) @ psi.mT)


def residuals(theta: Array, psi: Array, X: Array, variables: Variables) -> tuple[Array, ...]:
    """Return r1, r2 and r3."""
    A, S, outputs = variables
    tanh, last = array_namespace(A).tanh, answering(S, _at(outputs))
    return A - features(X, S) @ theta.mT, S - tanh(A), outputs - with_one(last) @ psi.mT


def _at(outputs: Array) -> At:
    return "all" if outputs.ndim == 3 else "last"


def lagrangian(
    admm: "ADMM",
    weights: tuple[Array, Array],
    losses: Array,
    R: Iterable[Array],
    Y: Iterable[Array],
) -> Array:
    """Return L, given theta and psi, the loss of each sample, residuals and multipliers."""
    xp = array_namespace(losses)
    total = xp.sum(losses)
    for part in weights:
        total = total + admm.weight_decay / 2 * xp.sum(part * part)
    for rho, r, y in zip((admm.rho1, admm.rho2, admm.rho3), R, Y, strict=True):
        total = total + rho / 2 * xp.sum(r * (r + 2 * y))
    return total


def start(admm: "ADMM", model: Model, X: Array) -> Tree:
    """Return the multipliers, zero, and the variables if they outlive a sweep."""
    T, B, n = X.shape[0], X.shape[1], model.cell.hidden_size
    like = model.params["readout"]["u"]
    steps = (T,) if model.loss.at == "all" else ()
    shapes = {"y1": (T, B, n), "y2": (T, B, n), "y3": (*steps, B, like.shape[0])}
    slots: Tree = {"multipliers": {k: zeros_like(like, shape) for k, shape in shapes.items()}}
    if admm.variant == "textbook":
        slots["variables"] = forward(model, model.params, X)._asdict()
    return slots


def sweep(
    admm: "ADMM", model: Model, params: Tree, slots: Tree, batch: Batch
) -> tuple[Tree, Tree, dict[str, Any]]:
    """Update variables, weights and multipliers once; return them and host numbers."""
    X, old, Y = batch.inputs, affine(params), tuple(slots["multipliers"].values())
    persistent = "variables" in slots
    before = Variables(**slots["variables"]) if persistent else forward(model, params, X)
    after = update_variables(admm, model, params, before, Y, batch)
    # States of the forward pass keep the weights near a network that exists.
    weights = update_weights(admm, old, X, after if persistent else before, after, Y)
    R = residuals(*weights, X, after)
    losses, _ = model.loss.value(after.outputs, batch.targets)
    value = lagrangian(admm, weights, losses, R, Y)
    multipliers = [y + r for y, r in zip(Y, R, strict=True)]
    new: Tree = {"multipliers": dict(zip(slots["multipliers"], multipliers, strict=True))}
    if persistent:
        new["variables"] = after._asdict()
    return from_affine(*weights), new, _numbers(value / X.shape[1], R, after, old, weights)


def update_variables(
    admm: "ADMM", model: Model, params: Tree, before: Variables, Y: Any, batch: Batch
) -> Variables:
    """Update o, and then s_t and a_t from the last step to the first."""
    X, (y1, y2, y3), xp = batch.inputs, Y, array_namespace(before.A)
    rho1, rho2, rho3, T = admm.rho1, admm.rho2, admm.rho3, batch.inputs.shape[0]
    cell, U, u = params["cell"], params["readout"]["U"], params["readout"]["u"]
    near = answering(before.S, model.loss.at) @ U.mT + u - y3
    outputs = minimize_outputs(before.outputs, near, batch.targets, rho3)
    # No s_{t-1} changes before a_t does, so these are made for all steps at once.
    # Of a forward pass, a_t is the product itself.
    reset = admm.variant == "reset"
    P = (before.A if reset else features(X, before.S) @ affine(params)[0].mT) - y1
    drive = X @ cell["W_in"].mT + (cell["c"] - y1)
    near, answers = xp.tanh(before.A) - y2, outputs + y3 - u
    at_end, follows = _followers(admm, cell["recurrent"], U, model.loss.at)
    A: list[Array] = []
    S: list[Array] = []
    for t in range(T - 1, -1, -1):
        target = _targets(admm, A[-1] - drive[t + 1, ...] if A else None, answers, t)
        s = minimize_states(near[t, ...], target, *(follows if A else at_end), rho2)
        z = s + y2[t, ...]
        a = descend_preactivations(before.A[t, ...], P[t, ...], z, rho2 / rho1, newton=reset)
        S.append(s)
        A.append(a)
    return Variables(xp.stack(A[::-1]), xp.stack(S[::-1]), outputs)


def _followers(admm: "ADMM", W: Array, U: Array, at: At) -> list[tuple[Array, Array, float]]:
    """Return the matrix of what follows from s_T, and from s_t for t < T, with its inverse."""
    if at == "all":
        # rho3 |o - s U^T|^2 is rho1 |q o - s (q U)^T|^2, so that both are rows of one matrix.
        W = array_namespace(W).concat([W, _ratio(admm) * U])
    parts = ((U, admm.rho3), (W, admm.rho1))
    return [(B, state_inverse(B, rho, admm.rho2), rho) for B, rho in parts]


def _targets(admm: "ADMM", ahead: Array | None, answers: Array, t: int) -> Array:
    """Return what should follow from s_t, given what a_{t+1} wants."""
    every = _at(answers) == "all"
    if ahead is None:
        return answers[t, ...] if every else answers
    if not every:
        return ahead
    return array_namespace(ahead).concat([ahead, _ratio(admm) * answers[t, ...]], axis=-1)


def _ratio(admm: "ADMM") -> float:
    return (admm.rho3 / admm.rho1) ** 0.5


def update_weights(
    admm: "ADMM", old: tuple[Array, Array], X: Array, states: Variables, after: Variables, Y: Any
) -> tuple[Array, Array]:
    """Return theta and psi, by least squares from the features that `states` make."""
    Z, last = features(X, states.S), with_one(answering(states.S, _at(after.outputs)))
    decay, proximity = admm.weight_decay, admm.delta * X.shape[1]
    theta = minimize_weights(Z, after.A + Y[0], old[0], decay / admm.rho1, proximity)
    return theta, minimize_weights(last, after.outputs + Y[2], old[1], decay / admm.rho3, proximity)


def _numbers(value, R, variables, old, weights):
    """Return what a sweep reports, in one transfer; `scale` has the sizes to measure it by."""
    xp = array_namespace(value)

    def rms(*arrays):
        count = max(1, sum(map(size, arrays)))
        return (sum(xp.sum(x * x) for x in arrays) / count) ** 0.5

    change = rms(*(new - x for new, x in zip(weights, old, strict=True)))
    measured = [*map(rms, R), change, *map(rms, variables), rms(*weights), value]
    r1, r2, r3, moved, *scale, total = to_host(xp.stack(measured)).tolist()
    numbers = {"r1": r1, "r2": r2, "r3": r3, "change": moved, "lagrangian": total}
    return {**numbers, "scale": scale}
