"""The unitary evolution RNN: both forms of its product, their gradients, and its options."""

import dataclasses

import numpy as np
import pytest

from stiefelkit.rnn import UnitaryCell

from .._classes import (
    NUMPY,
    REAL,
    adjoint,
    assert_close,
    assert_kept,
    central_difference,
    eps,
    host,
    normal,
    orthonormality,
    peak_memory,
)
from ._networks import assert_trees_close, on

T, B, D, N = 5, 3, 2, 6
COMPLEX = ("complex64", "complex128")
dtypes = pytest.mark.parametrize("dtype", COMPLEX)
forms = pytest.mark.parametrize("recurrence", ["dense", "fft"])


def begin(recurrence="auto", dtype="complex128", **options):
    """Return a cell and parameters with a bias away from its edges."""
    cell = UnitaryCell(D, N, recurrence=recurrence, **options)
    params = cell.init(rng=1, like=np.empty(0, dtype))
    params["b"] = np.linspace(-0.05, 0.05, N, dtype=REAL[dtype])
    return cell, params


def draw(rng, dtype="complex128"):
    X = rng.standard_normal((T, B, D)).astype(REAL[dtype])
    return X, normal(rng, (T, B, N), dtype).astype(dtype)


def run(cell, params, X, G, h0=None):
    H, residuals = cell.forward(params, X, h0)
    grads, dh0 = cell.backward(G, residuals)
    return {"H": H, "dh0": dh0, **grads}


@pytest.mark.parametrize("given", [False, True])
@dtypes
def test_transforms_and_matrix_agree(given, dtype, library, rng):
    dense, params = begin("dense", dtype)
    X, G = draw(rng, dtype)
    h0 = normal(rng, (B, N), dtype).astype(dtype) if given else None
    expected = run(dense, params, X, G, h0)
    there = None if h0 is None else library.asarray(h0)
    fast = dataclasses.replace(dense, recurrence="fft")
    before = on(library, params)
    found = run(fast, before, library.asarray(X), library.asarray(G), there)
    assert_kept(found["H"], library, dtype)
    assert_trees_close(found, expected, 500, eps(dtype))
    assert_trees_close(before, params, 0, 1)  # inputs stay as they were


LEAVES = ("W_in", "recurrent/omega", "recurrent/V", "b", "h0")


def moved(params, path, step):
    head, *rest = path.split("/")
    return {**params, head: moved(params[head], rest[0], step) if rest else params[head] + step}


@NUMPY
@forms
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("path", LEAVES)
def test_gradient_of_each_leaf_equals_differences(path, last, recurrence, library, rng):
    """One leaf at a time, so that no other hides it."""
    cell, params = begin(recurrence)
    X, G = draw(rng)
    G = G[-1] if last else G
    _, residuals = cell.forward(params, X, last=last)
    leaf = cell.backward(G, residuals)[0]
    at = params
    for key in path.split("/"):
        leaf, at = leaf[key], at[key]
    step = normal(rng, at.shape, at.dtype.name)

    def value(t):
        H, _ = cell.forward(moved(params, path, t * step), X, last=last)
        return np.sum(np.real(np.conj(G) * H))

    found = np.sum(np.real(np.conj(leaf) * step))
    assert found == pytest.approx(central_difference(value, 1e-5), rel=1e-8, abs=1e-8)
    assert leaf.dtype == at.dtype


@NUMPY
@forms
def test_every_phase_and_normal_has_its_own_gradient(recurrence, library, rng):
    cell, params = begin(recurrence)
    X, G = draw(rng)
    grads = cell.backward(G, cell.forward(params, X)[1])[0]["recurrent"]
    for k in range(3):
        step = np.zeros((3, N))
        step[k] = rng.standard_normal(N)
        check_direction(cell, params, X, G, grads, "omega", step)
    for k in range(2):
        step = np.zeros((2, N), complex)
        step[k] = normal(rng, (N,), "complex128")
        check_direction(cell, params, X, G, grads, "V", step)
        # Neither the length nor the phase of a normal matters.
        assert abs(np.vdot(params["recurrent"]["V"][k], grads["V"][k])) < 1e-12


def check_direction(cell, params, X, G, grads, name, step):
    def value(t):
        H, _ = cell.forward(moved(params, f"recurrent/{name}", t * step), X)
        return np.sum(np.real(np.conj(G) * H))

    found = np.sum(np.real(np.conj(grads[name]) * step))
    assert found == pytest.approx(central_difference(value, 1e-5), rel=1e-8, abs=1e-8)


@NUMPY
@forms
def test_gradient_of_the_learned_state_is_the_sum_over_the_batch(recurrence, library, rng):
    cell, params = begin(recurrence)
    X, G = draw(rng)
    grads, dh0 = cell.backward(G, cell.forward(params, X)[1])
    assert_close(grads["h0"], np.sum(dh0, axis=0), 1e-14)
    same = np.broadcast_to(params["h0"], (B, N))
    H, residuals = cell.forward(params, X, same)
    assert_close(H, cell.forward(params, X)[0], 0)
    grads, again = cell.backward(G, residuals)
    assert_close(grads["h0"], np.zeros(N, complex), 0)  # a given state replaces it
    assert_close(again, dh0, 0)


@NUMPY
@forms
@dtypes
def test_norm_stays_without_bias_and_input(recurrence, dtype, library, rng):
    cell, params = begin(recurrence, dtype)
    params["b"] = 0 * params["b"]
    H, _ = cell.forward(params, np.zeros((50, B, D), REAL[dtype]))
    norms = np.linalg.norm(host(H), axis=-1)
    # One step errs by a few eps; fifty add up.
    assert_close(norms, 0 * norms + np.linalg.norm(params["h0"]), 50 * 8 * eps(dtype))


@NUMPY
@forms
def test_gradient_never_grows_backwards(recurrence, library, rng):
    cell, params = begin(recurrence)
    params["b"] = -np.abs(params["b"])  # a positive bias stretches the part across the phase
    X, G = draw(rng)
    norms = []
    for t in range(1, T + 1):
        _, residuals = cell.forward(params, X[T - t :], normal(rng, (B, N), "complex128"))
        norms.append(np.linalg.norm(cell.backward(0 * G[:t] + last_only(G, t), residuals)[1]))
    assert np.all(np.asarray(norms) <= np.linalg.norm(G[-1]) * (1 + 1e-12))


def last_only(G, t):
    return np.concatenate([np.zeros((t - 1, *G.shape[1:])), G[-1:]])


@NUMPY
def test_cheaper_form_is_chosen_by_the_size(library):
    for compiled, least in ((False, 256), (True, 512)):
        assert not UnitaryCell(D, least - 1).by_transforms(64, compiled)
        assert UnitaryCell(D, least).by_transforms(64, compiled)
    assert UnitaryCell(D, 256).by_transforms(15, True)  # loops with the matrix are for more samples
    assert UnitaryCell(D, 4, recurrence="fft").by_transforms(64, True)
    assert not UnitaryCell(D, 5000, recurrence="dense").by_transforms(64, False)


@NUMPY
def test_transforms_form_no_matrix(library):
    cell = UnitaryCell(1, 2048)
    params = cell.init(rng=0, like=library.like("complex64"))
    X = np.ones((2, 1, 1), "float32")

    def work():
        H, residuals = cell.forward(params, X)
        cell.backward(H, residuals)

    work()  # kernels are loaded
    assert peak_memory(work) < 2048**2 * 8 / 10  # a tenth of the matrix


@NUMPY
def test_matrix_is_unitary_and_that_of_the_step(library, rng):
    cell, params = begin("fft")
    W = cell.recurrent_forward(params["recurrent"])[0]
    assert orthonormality(W) <= 20 * N**0.5 * eps("complex128")
    h = normal(rng, (B, N), "complex128")
    params["b"] = 0 * params["b"]
    found = cell.step(params, h @ adjoint(W).T, np.zeros((B, D)))
    assert_close(found, h, 1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_real_states_are_refused(dtype, library):
    with pytest.raises(TypeError, match=rf"complex state. Got .*{dtype}; use complex64"):
        UnitaryCell(D, N).init(rng=0, like=library.like(dtype))


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        ({"initialization": "haar"}, "one of published, released. Got 'haar'"),
        ({"recurrence": "fast"}, "one of auto, dense, fft. Got 'fast'"),
        ({"permutation": (0, 0)}, "takes a seed or a `permutation` of 0, ..., 5"),
    ],
)
def test_unknown_options_are_refused(options, fact):
    with pytest.raises(ValueError, match=fact):
        UnitaryCell(D, N, **options)


def test_permutation_is_kept_by_the_cell():
    cell = UnitaryCell(D, N, permutation=5)
    assert sorted(cell.permutation) == list(range(N))
    assert cell == UnitaryCell(D, N, permutation=cell.permutation) != UnitaryCell(D, N)
