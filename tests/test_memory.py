"""No path of a thin frame builds an n-by-n matrix: peak memory, forward and backward."""

import tracemalloc

import numpy as np
import pytest

from stiefelkit import linalg

from ._arguments import draw_like

N, P = 20_000, 8
# A dense 20000-by-20000 matrix takes 2500 times the memory of the frame.
FRAMES = 40


def thin(n=N, p=P):
    return np.random.default_rng(0).standard_normal((n, p))


def skew(n=N, p=P):
    A = thin(n, p) / np.sqrt(n)
    A[:p] -= A[:p].T.copy()
    return A


def frame(n=N, p=P):
    return np.linalg.qr(thin(n, p))[0]


def angles(n, p):
    return np.linspace(-1, 1, n * p - p * (p + 1) // 2)


CALLS = {
    "gram": (linalg.gram, lambda: (thin(),), {}),
    "tcwy_matrix": (linalg.tcwy_matrix, lambda: (thin(),), {}),
    "cwy_matrix": (linalg.cwy_matrix, lambda: (thin(),), {"columns": P}),
    "householder_matrix": (linalg.householder_matrix, lambda: (thin(),), {"columns": P}),
    "cwy_apply": (linalg.cwy_apply, lambda: (thin(), frame()), {}),
    "householder_product": (linalg.householder_product, lambda: (thin(), frame()), {}),
    "householder_vectors": (linalg.householder_vectors, lambda: (frame(),), {}),
    "cayley": (linalg.cayley, lambda: (skew(),), {}),
    "cayley_inverse": (linalg.cayley_inverse, lambda: (frame(),), {}),
    "cayley_lowrank": (linalg.cayley_lowrank, lambda: (skew(), -skew(), frame()), {}),
    "expm_skew": (linalg.expm_skew, lambda: (skew(),), {}),
    "skew_gradient": (linalg.skew_gradient, lambda: (frame(), thin()), {}),
    "tangent_project": (linalg.tangent_project, lambda: (frame(), thin()), {}),
    "canonical": (linalg.tangent_project, lambda: (frame(), thin()), {"metric": "canonical"}),
    "orthonormality_error": (linalg.orthonormality_error, lambda: (thin(),), {}),
    **{
        f"orthonormalize by {m}": (linalg.orthonormalize, lambda: (thin(),), {"method": m})
        for m in ("qr", "cholesky", "polar", "newton_schulz")
    },
}
# One Python step for each of some n rounds: a smaller n, still 60 times n by p.
ROUNDS = {
    "givens_angles": (linalg.givens_angles, lambda: (frame(500),), {}),
    "givens_product": (linalg.givens_product, lambda: (angles(500, P), frame(500)), {}),
}


def as_cotangent(out):
    return tuple(np.ones_like(y) if y is not None else None for y in out)


def peak(function):
    """Return the most memory in use while `function` runs, beyond what was in use before."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def both_passes(op, args, options):
    def call():
        out, residuals = op.forward(*args, **options)
        G = as_cotangent(out) if isinstance(out, tuple) else np.ones_like(out)
        op.backward(G, residuals)

    return call


@pytest.mark.parametrize("name", CALLS)
def test_thin_frames_take_the_memory_of_thin_frames(name):
    op, make, options = CALLS[name]
    call = both_passes(op, make(), options)
    assert peak(call) <= FRAMES * N * P * 8


@pytest.mark.parametrize("name", ROUNDS)
def test_rotations_take_the_memory_of_thin_frames(name):
    op, make, options = ROUNDS[name]
    call = both_passes(op, make(), options)
    call()  # the schedule of the rounds is kept for good
    assert peak(call) <= FRAMES * 500 * P * 8


def test_random_frames_take_the_memory_of_thin_frames():
    def call():
        linalg.random_frame(N, P, rng=0, like=np.empty(0))

    assert peak(call) <= FRAMES * N * P * 8


def test_the_measure_sees_a_dense_matrix():
    assert peak(lambda: linalg.cwy_matrix(thin(1000, 2))) >= 1000 * 1000 * 8


def test_outer_products_stay_factors():
    left, right = draw_like(np.random.default_rng(0), (2, 50, N), False)
    G = linalg.OuterProduct(left, right)
    assert peak(lambda: (G.column(3), G.columns([0, 5]))) <= FRAMES * N * 8
