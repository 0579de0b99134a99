"""The compiled loop of the unitary evolution RNN, on arrays and tensors: as the reference."""

import numpy as np
import pytest

import stiefelkit
from stiefelkit.linalg import SingularMatrixError
from stiefelkit.rnn import Abs, Identity, ModReLU, UnitaryCell, unroll_unitary_fft

from .._classes import peak_memory
from ._cases import assert_close, host, move

pytest.importorskip("numba")

DTYPES = ("complex64", "complex128")
# T, B, n: whole vectors of sixteen numbers, none whole, one step, one sample, many steps.
SHAPES = ((5, 32, 64), (9, 13, 77), (1, 20, 500), (30, 1, 333), (150, 4, 20))


def normal(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def draw(activation, shape, dtype):
    _, B, n = shape
    rng = np.random.default_rng(3)
    real = np.empty(0, dtype).real.dtype
    # Near 0, a unit that a bias opens is ill-conditioned.
    b = rng.uniform(-0.3, 1e-4, n).astype(real) if activation.has_bias else None
    omega = rng.uniform(-3, 3, (3, n)).astype(real)
    args = [omega, *(normal(rng, *s).astype(dtype) for s in ((2, n), shape, (B, n))), b]
    return args, tuple(rng.permutation(n).tolist())


def run(args, G, permutation, **options):
    """Return output and cotangents, and who made the latter."""
    H, residuals = unroll_unitary_fft.forward(*args, permutation=permutation, **options)
    return (H, *unroll_unitary_fft.backward(G, residuals)), residuals.backward.__module__


@pytest.mark.parametrize("where", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("activation", [ModReLU(), Identity()], ids=str)
def test_values_and_cotangents_are_those_of_the_reference(activation, shape, last, dtype, where):
    args, permutation = draw(activation, shape, dtype)
    rng = np.random.default_rng(4)
    G = normal(rng, *(shape[1:] if last else shape)).astype(dtype)
    moved, options = move([*args, G], where), {"activation": activation, "last": last}
    before = host(tuple(moved))
    found, provider = run(moved[:-1], moved[-1], permutation, **options)
    assert "stiefelkit_" in provider
    assert_close(host(tuple(moved)), before, 0)
    with stiefelkit.use_kernels(False):
        expected, _ = run(args, G, permutation, **options)
        again = host(unroll_unitary_fft(*moved[:-1], permutation=permutation, **options))
    assert_close(host(found), expected, 4000)
    assert_close(again, expected[0], 4000)


@pytest.mark.parametrize("last", [False, True])
def test_threads_change_rounding_only(last, monkeypatch):
    from stiefelkit_numba import _threads, _unroll_unitary_fft

    args, permutation = draw(ModReLU(), (20, 7, 100), "complex128")
    G = normal(np.random.default_rng(5), *((7, 100) if last else (20, 7, 100)))
    options = {"activation": ModReLU(), "last": last}
    alone, _ = run(args, G, permutation, **options)
    monkeypatch.setattr(_threads, "_plain_size", lambda: 3)
    monkeypatch.setattr(_unroll_unitary_fft, "_FOR_A_THREAD", 100)
    assert len(_unroll_unitary_fft._samples_of_threads(7, 100)) == 3
    together, _ = run(args, G, permutation, **options)
    assert_close(together, alone, 4000)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_of_many_steps_are_as_exact_as_the_reference(dtype):
    # A cotangent that is carried unchanged for many steps, and sums that grow with them.
    T, n = 2000, 8
    args, permutation = draw(Identity(), (T, 2, n), dtype)
    args[2] = args[2] * 0
    G = normal(np.random.default_rng(6), 2, n).astype(dtype)
    found, _ = run(args, G, permutation, activation=Identity(), last=True)
    exact = [
        x if x is None else x.astype("complex128" if x.dtype.kind == "c" else float) for x in args
    ]
    with stiefelkit.use_kernels(False):
        expected, _ = run(
            exact, G.astype("complex128"), permutation, activation=Identity(), last=True
        )
    for x, y in zip(found[1:3], expected[1:3], strict=True):
        # Rounding turns the states by an eps in a step, and with them what is summed over steps.
        assert np.abs(x - y).max() <= 4 * T * np.finfo(dtype).eps * np.abs(y).max()


def test_what_is_no_number_stays_with_its_sample():
    args, permutation = draw(ModReLU(), (5, 32, 64), "complex128")
    args[2][2, 3] = np.nan
    H = unroll_unitary_fft(*args, permutation=permutation, activation=ModReLU())
    bad = np.isnan(H).any(axis=-1)
    assert bad[2:, 3].all()
    assert bad.sum() == 3


def test_others_are_left_to_the_reference():
    args, permutation = draw(ModReLU(), (5, 32, 64), "complex64")
    kernel = stiefelkit.kernel_for("numpy", "unroll_unitary_fft")
    options = {"permutation": permutation, "activation": ModReLU()}
    assert kernel(*args, **options) is not NotImplemented
    assert kernel(*args[:4], **options) is NotImplemented  # a bias is missing
    assert kernel(*args, **{**options, "activation": Identity()}) is NotImplemented
    assert kernel(*args[:4], **{**options, "activation": Abs()}) is NotImplemented
    little = args[0], args[1], args[2][:, :2], args[3][:2], args[4]
    assert kernel(*little, **options) is NotImplemented
    args[1][1] = 0
    with pytest.raises(SingularMatrixError, match="needs a vector that is not zero"):
        unroll_unitary_fft(*args, **options)


def test_autograd_that_watches_the_way_back_gets_the_reference():
    torch = pytest.importorskip("torch")
    args, permutation = draw(ModReLU(), (5, 32, 64), "complex128")
    tensors = [torch.tensor(x) for x in args]
    options = {"permutation": permutation, "activation": ModReLU()}
    H, residuals = unroll_unitary_fft.forward(*tensors, **options)
    G = torch.ones_like(H)
    expected = unroll_unitary_fft.backward(G, residuals)
    found = unroll_unitary_fft.backward(G.requires_grad_(), residuals)
    assert found[2].requires_grad
    assert_close(host(tuple(x.detach().resolve_conj() for x in found)), host(expected), 4000)


def test_memory_is_that_of_states_and_cotangents():
    T, B, n = 100, 8, 256
    args, permutation = draw(ModReLU(), (T, B, n), "complex64")
    G = np.ones((B, n), "complex64")
    run(args, G, permutation, activation=ModReLU(), last=True)
    peak = peak_memory(lambda: run(args, G, permutation, activation=ModReLU(), last=True))
    # The states, the cotangents of the inputs, and a dozen arrays of one step.
    assert peak <= (2 * T + 16) * B * n * 8 + 100 * n * 8 + 50_000


def test_the_cell_takes_the_loop(monkeypatch):
    cell = UnitaryCell(2, 512)
    params = cell.init(rng=0, like=np.empty(0, "complex64"))
    with monkeypatch.context() as patched:  # the compiled loop alone may run
        patched.setattr("stiefelkit.rnn._unroll_unitary_fft.advance", None)
        patched.setattr("stiefelkit.rnn._cell.unroll_projected", None)
        H, _ = cell.forward(params, np.ones((3, 16, 2), "complex64"))
    with stiefelkit.use_kernels(False):
        expected, _ = cell.forward(params, np.ones((3, 16, 2), "complex64"))
    assert_close(H, expected, 4000)
    assert cell.by_transforms(16, True)
    assert not UnitaryCell(2, 511).by_transforms(16, True)
