"""Ops: kernels, references, residuals, and the table of all of them."""

import inspect
import warnings

import numpy as np
import pytest

import stiefelkit
from stiefelkit import _dispatch, _kernels, linalg, use_kernels
from stiefelkit._dispatch import dispatchable

from ._arguments import OPS

X = np.ones((3, 2))


@pytest.fixture
def scale(monkeypatch):
    """A small op, Y = t X, that leaves the table of ops as it was."""
    monkeypatch.setattr(_dispatch, "_OPS", {})

    @dispatchable("(n,m),()->(n,m)", kinds={"t": "real"})
    def scale(X, t, /, *, power=1):
        """Multiply by a power."""
        return X * t[..., None, None] ** power

    scale.defvjp(
        lambda X, t, *, power=1: (scale.reference(X, t, power=power), (X, t)),
        lambda G, saved, *, power=1: (
            G * saved[1][..., None, None] ** power,
            power * saved[1] ** (power - 1) * np.sum(G * saved[0], axis=(-2, -1)),
        ),
    )
    return scale


@pytest.fixture
def kernels(monkeypatch):
    """A table of kernels that the test fills, in place of those of the entry points."""
    table = {}

    def kernels_for(library, name):
        kernel = table.get((library, name))
        return {} if kernel is None else {library: kernel}

    monkeypatch.setattr(_dispatch, "kernel_for", lambda library, name: table.get((library, name)))
    monkeypatch.setattr(_dispatch, "kernels_for", kernels_for)
    return table


def test_the_table_names_every_op():
    assert {op.name for op in OPS.values()} == set(OPS)
    public = {name for name, x in vars(linalg).items() if hasattr(x, "signature")}
    assert public == set(OPS)


def test_the_table_is_a_copy():
    stiefelkit.ops().clear()
    assert stiefelkit.ops()


@pytest.mark.parametrize("op", OPS.values(), ids=list(OPS))
def test_every_op_has_a_gradient(op):
    assert callable(op.forward)
    assert callable(op.backward)
    assert len(op.vjp) == 2


@pytest.mark.parametrize("op", OPS.values(), ids=list(OPS))
def test_arrays_are_positional_and_options_by_name(op):
    kinds = {p.kind for p in inspect.signature(op).parameters.values()}
    assert kinds <= {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.KEYWORD_ONLY}


def test_an_op_is_a_function_with_a_reference(scale):
    assert scale.__name__ == scale.name == "scale"
    assert scale.__doc__ == "Multiply by a power."
    np.testing.assert_array_equal(scale.reference(X, np.asarray(2.0)), 2 * X)
    assert list(stiefelkit.ops()) == ["scale"]


def test_python_numbers_stand_for_0d_arrays(scale):
    np.testing.assert_array_equal(scale(X, 2.0), scale(X, np.asarray(2.0)))
    assert scale(X.astype("float32"), 2).dtype == np.float32


def test_options_reach_all_three(scale):
    Y, residuals = scale.forward(X, 3.0, power=2)
    dX, dt = scale.backward(X, residuals)
    np.testing.assert_array_equal(Y, 9 * X)
    np.testing.assert_array_equal(dX, 9 * X)
    assert dt == 2 * 3 * 6


def test_cotangents_are_summed_to_the_shape_of_the_input(scale):
    _, residuals = scale.forward(np.ones((4, 1, 3, 2)), np.ones(5))
    dX, dt = scale.backward(np.ones((4, 5, 3, 2)), residuals)
    np.testing.assert_array_equal(dX, np.full((4, 1, 3, 2), 5.0))
    np.testing.assert_array_equal(dt, np.full(5, 24.0))


def test_a_cotangent_has_the_shape_of_the_output(scale):
    _, residuals = scale.forward(X, 2.0)
    with pytest.raises(ValueError, match=r"shape of the output, \(3, 2\)\. Got \(2, 3\)"):
        scale.backward(X.T, residuals)


def test_a_missing_cotangent_is_zero(rng):
    Q = np.linalg.qr(rng.standard_normal((5, 3)))[0]
    (V, d), residuals = linalg.householder_vectors.forward(Q)
    (without,) = linalg.householder_vectors.backward((V, None), residuals)
    (zero,) = linalg.householder_vectors.backward((V, np.zeros_like(d)), residuals)
    np.testing.assert_array_equal(without, zero)


def test_a_kernel_stands_in(scale, kernels):
    kernels["numpy", "scale"] = lambda X, t, *, power=1: "kernel"
    assert scale(X, 2.0) == "kernel"


def test_a_kernel_of_another_library_does_not(scale, kernels):
    kernels["torch", "scale"] = lambda X, t, *, power=1: "kernel"
    np.testing.assert_array_equal(scale(X, 2.0), 2 * X)


def test_a_kernel_may_decline(scale, kernels):
    kernels["numpy", "scale"] = lambda X, t, *, power=1: NotImplemented
    kernels["numpy", "scale.forward"] = lambda X, t, *, power=1: NotImplemented
    kernels["numpy", "scale.backward"] = lambda G, saved, *, power=1: NotImplemented
    np.testing.assert_array_equal(scale(X, 2.0), 2 * X)
    Y, _ = scale.forward(X, 2.0)
    np.testing.assert_array_equal(Y, 2 * X)


def test_kernels_can_be_switched_off(scale, kernels):
    kernels["numpy", "scale"] = lambda X, t, *, power=1: "kernel"
    with use_kernels(False):
        np.testing.assert_array_equal(scale(X, 2.0), 2 * X)
        with use_kernels(True):
            assert scale(X, 2.0) == "kernel"
        np.testing.assert_array_equal(scale(X, 2.0), 2 * X)
    assert scale(X, 2.0) == "kernel"


def test_the_switch_is_set_back_after_an_error():
    with pytest.raises(KeyError), use_kernels(False):
        raise KeyError
    assert _kernels.kernels_enabled()


def test_a_pair_of_kernels_shares_its_residuals(scale, kernels):
    kernels["numpy", "scale.forward"] = lambda X, t, *, power=1: (X + 1, "saved")
    kernels["numpy", "scale.backward"] = lambda G, saved, *, power=1: (G, saved)
    Y, residuals = scale.forward(X, 2.0)
    np.testing.assert_array_equal(Y, X + 1)
    assert residuals.saved == "saved"


def test_a_backward_kernel_alone_takes_the_residuals_of_the_reference(scale, kernels):
    kernels["numpy", "scale.backward"] = lambda G, saved, *, power=1: (G + saved[0], saved[1])
    _, residuals = scale.forward(X, 2.0)
    dX, dt = scale.backward(X, residuals)
    np.testing.assert_array_equal(dX, 2 * X)
    assert dt == 2


def test_shapes_are_checked_before_a_kernel_is_chosen(scale, kernels):
    kernels["numpy", "scale"] = lambda X, t, *, power=1: "kernel"
    with pytest.raises(TypeError, match="float32, float64, complex64 or complex128"):
        scale(X.astype(int), np.asarray(2.0))


class Entry:
    """An entry point, as far as the tables of kernels ask."""

    def __init__(self, name, kernels):
        self.name, self.kernels = name, kernels

    def load(self):
        if isinstance(self.kernels, Exception):
            raise self.kernels
        return self.kernels


@pytest.fixture
def entries(monkeypatch):
    """Entry points that the test fills; what was read before is forgotten."""
    import importlib.metadata

    found = []
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: found)
    forget_kernels()
    yield found
    forget_kernels()


def forget_kernels():
    for remembered in (_kernels._table, _kernels.kernels_for, _kernels.kernel_for):
        remembered.cache_clear()


def test_an_entry_point_gives_kernels_by_name(entries):
    entries.append(Entry("alib", {"gram": "math:sqrt"}))
    assert _kernels.kernel_for("alib", "gram")(4.0) == 2
    assert _kernels.kernel_for("alib", "sym") is None
    assert _kernels.kernel_for("other", "gram") is None


def test_a_second_provider_of_a_library_has_a_longer_name(entries):
    entries += [Entry("alib", {"gram": "math:sqrt"}), Entry("alib-fast", {"sym": "math:exp"})]
    assert _kernels.kernel_for("alib", "sym")(0.0) == 1


def test_a_framework_that_is_missing_is_silently_no_kernel(entries):
    entries.append(Entry("alib", ModuleNotFoundError("alib")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _kernels.kernel_for("alib", "gram") is None


def test_entry_points_are_asked_from_the_end_of_the_alphabet(entries):
    entries += [
        Entry("alib", {"gram": "math:sqrt"}),
        Entry("alib-fast", {"gram": f"{__name__}:of_negative_numbers"}),
    ]
    assert list(_kernels.kernels_for("alib", "gram")) == ["alib-fast", "alib"]
    assert _kernels.kernel_for("alib", "gram")(-4.0) == "negative"
    assert _kernels.kernel_for("alib", "gram")(4.0) == 2
    entries.pop(0)
    forget_kernels()
    assert _kernels.kernel_for("alib", "gram")(4.0) is NotImplemented


def test_halves_of_a_pass_are_of_one_provider(entries):
    entries += [
        Entry("alib", {"gram.forward": "math:sqrt", "gram.backward": "math:exp"}),
        Entry("alib-half", {"gram.forward": "math:floor"}),
        Entry("alib-other", {"gram.backward": "math:ceil"}),
    ]
    assert _kernels.kernel_for("alib", "gram.forward")(4.0) == 2
    assert _kernels.kernel_for("alib", "gram.backward")(0.0) == 1
    entries.pop(0)
    forget_kernels()
    assert _kernels.kernel_for("alib", "gram.backward")(0.5) == 1


def of_negative_numbers(x):
    return "negative" if x < 0 else NotImplemented


def test_what_all_kernels_decline_is_declined(entries):
    entries += [Entry(name, {"gram": f"{__name__}:of_negative_numbers"}) for name in ("a", "a-b")]
    assert _kernels.kernel_for("a", "gram")(4.0) is NotImplemented


def test_two_entry_points_of_one_name_are_an_error(entries):
    entries += [Entry("alib", {"gram": "math:sqrt"}), Entry("alib", {"gram": "math:exp"})]
    with pytest.raises(RuntimeError, match=r"`gram` has two kernels .* named `alib`"):
        _kernels.kernel_for("alib", "gram")


def test_a_backward_pass_is_of_the_provider_that_ran_the_forward_pass(scale, monkeypatch):
    tables = {
        "scale.forward": {
            "numpy-b": lambda X, t, *, power=1: NotImplemented if power > 1 else (X, "b"),
            "numpy-a": lambda X, t, *, power=1: (X, "a"),
            "numpy": lambda X, t, *, power=1: 1 / 0,
        },
        "scale.backward": {
            "numpy-a": lambda G, saved, *, power=1: ("a", saved),
            "numpy-b": lambda G, saved, *, power=1: ("b", saved),
        },
    }
    monkeypatch.setattr(_dispatch, "kernels_for", lambda library, name: tables.get(name, {}))
    monkeypatch.setattr(_dispatch, "sum_to_shape", lambda x, shape: x)
    for power, provider in ((1, "b"), (2, "a")):
        _, residuals = scale.forward(np.eye(2), np.asarray(2.0), power=power)
        assert scale.backward(np.eye(2), residuals) == (provider, provider)


def test_a_broken_provider_warns(entries):
    entries.append(Entry("alib", OSError("no library")))
    with pytest.warns(RuntimeWarning, match="`alib` gives no kernels, so it is left.*no library"):
        assert _kernels.kernel_for("alib", "gram") is None


def test_a_broken_kernel_warns_once(entries):
    entries.append(Entry("alib", {"gram": "math:no_such_function"}))
    with pytest.warns(RuntimeWarning, match="no kernel for `gram`.*no_such_function") as caught:
        found = [_kernels.kernel_for("alib", "gram") for _ in range(2)]
    assert found == [None, None]
    assert len(caught) == 1
