"""What a product of reflections costs: by compact WY, one by one, and beside other maps."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from .._typing import Array
from .._xp import eye_like, generator, standard_normal, zeros_like
from ..linalg import householder_product, skew
from ..parametrizations import CWY, CayleyMap, ExponentialMap, Householder
from ..rnn import Identity, OrthogonalCell, unroll, unroll_cwy
from ._experiment import Result, Setting
from ._timing import best_seconds_in_turn

COMPACT, ONE_BY_ONE, EXPONENTIAL, CAYLEY = "compact WY", "one by one", "exponential", "Cayley"
IN_STEPS = "one by one in each step"
FORMED, APPLIED = "W formed", "W not formed"
_LOOP = "loop"


def build(map_: Any, params: Mapping[str, Array], G: Array) -> Array:
    """Form W, and return the cotangent of what it is made of."""
    grads = map_.matrix_backward(G, map_.matrix_forward(params)[1])
    return next(g for g in grads.values() if g is not None)


def run_formed(W: Array, Z: Array, G: Array) -> Array:
    """Run a linear recurrence forward and backward, and return the cotangent of W."""
    h0 = zeros_like(Z, tuple(Z.shape[1:]))
    return unroll.backward(G, unroll.forward(W, Z, h0, activation=Identity())[1])[0]


def run_applied(V: Array, d: Array, Z: Array, G: Array) -> Array:
    """Do the same by reflections, and return the cotangent of their vectors."""
    h0 = zeros_like(Z, tuple(Z.shape[1:]))
    return unroll_cwy.backward(G, unroll_cwy.forward(V, d, Z, h0, activation=Identity())[1])[0]


def reflect_once(V: Array, X: Array) -> Array:
    """Apply reflections one by one to one step's states, and return the cotangent of `V`."""
    return householder_product.backward(X, householder_product.forward(V, X)[1])[0]


def _best(calls: Mapping[str, Any], budget: float) -> dict[str, float]:
    return best_seconds_in_turn(calls, lambda array: array, budget)


def compare_maps(n: int, T: int, B: int, slow: bool, like: Array, seed: int) -> Result:
    """Return seconds of building W with its VJP by each map, and of T steps with it.

    Slow are the exponential and the reflections one by one on a whole matrix.
    """
    rng = generator(seed)
    V, A, G = (standard_normal((n, n), rng, like) for _ in range(3))
    Z, d = standard_normal((T, B, n), rng, like), zeros_like(like, (n,)) + 1
    of_vectors, of_skew = {"V": V, "d": d}, {"A": skew(A) / n**0.5, "d": d}
    calls = {
        COMPACT: partial(build, CWY(n), of_vectors, G),
        CAYLEY: partial(build, CayleyMap(n), of_skew, G),
        IN_STEPS: partial(reflect_once, V, Z[0, ...].mT),
        _LOOP: partial(run_formed, eye_like(V, n), Z, Z),
    }
    if slow:
        calls[EXPONENTIAL] = partial(build, ExponentialMap(n), of_skew, G)
        calls[ONE_BY_ONE] = partial(build, Householder(n), of_vectors, G)
    found = _best(calls, 1.0)
    loop, steps = found.pop(_LOOP), T * found.pop(IN_STEPS)
    total = {name: seconds + loop for name, seconds in found.items()}
    return {"build": found, "total": {**total, IN_STEPS: steps}, "loop": loop}


def compare_counts(n: int, T: int, B: int, counts: list[int], like: Array, seed: int) -> Result:
    """Return seconds of building and T steps by k reflections, W formed or not, for each k."""
    rng = generator(seed)
    G, Z = standard_normal((n, n), rng, like), standard_normal((T, B, n), rng, like)
    d = zeros_like(like, (n,)) + 1
    found: Result = {FORMED: [], APPLIED: [], "chosen": []}
    for k in counts:
        V = standard_normal((n, k), rng, like)
        calls = {
            "build": partial(build, CWY(n, k=k), {"V": V, "d": d}, G),
            _LOOP: partial(run_formed, eye_like(G, n), Z, Z),
            APPLIED: partial(run_applied, V, d, Z, Z),
        }
        seconds = _best(calls, 0.5)
        found[FORMED].append(seconds["build"] + seconds[_LOOP])
        found[APPLIED].append(seconds[APPLIED])
        cell = OrthogonalCell(1, n, recurrent=CWY(n, k=k))
        found["chosen"].append(found[APPLIED if cell.by_reflections(T * B) else FORMED][-1])
    return found


def measure(setting: Setting) -> Result:
    """Return the times of all sizes, and of all counts of reflections at one of them."""
    sizes, T, B, most, n = (
        ((64, 128, 256), 20, 32, 128, 256)
        if setting.quick
        else ((128, 256, 512, 1024, 2048), 100, 64, 1024, 1024)
    )
    rows = [compare_maps(s, T, B, s <= most, setting.like, setting.seed) for s in sizes]
    counts = [k for k in (16, 32, 64, 128, 256, 512, 1024, 2048) if k <= n]
    few = compare_counts(n, T, B, counts, setting.like, setting.seed)
    quick = {"steps": 3.0, "exponential": 2.0, "few": 0.9, "chosen": 2.0}
    full = {"steps": 10.0, "exponential": 5.0, "few": 0.5, "chosen": 1.3}
    return {
        **{"T": T, "B": B, "sizes": list(sizes), "rows": rows, "judged": n, "most": most},
        **{"few": few, "counts": counts, "k": 16 if setting.quick else 64},
        "bounds": quick if setting.quick else full,
    }
