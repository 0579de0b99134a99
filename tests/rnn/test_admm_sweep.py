"""One sweep of ADMM, judged by a Lagrangian written anew and another library's derivatives."""

import numpy as np
import pytest

from stiefelkit.rnn import ADMM, CrossEntropy, ElmanCell, LinearReadout, Model, _admm_sweep
from stiefelkit.rnn._admm_sweep import (
    Variables,
    affine,
    forward,
    from_affine,
    start,
    sweep,
    update_variables,
)
from stiefelkit.rnn._admm_updates import descend_preactivations
from stiefelkit.rnn._batch import Batch

from .._classes import NUMPY, assert_close, host

T, SAMPLES, D, N, CLASSES = 3, 12, 2, 4, 3


def slope_of(name, admm, values, X, targets):
    """Return the augmented Lagrangian, and its derivative by one of the values."""
    torch = pytest.importorskip("torch")
    v = {k: torch.tensor(x, requires_grad=k == name) for k, x in values.items()}
    x, s0 = torch.tensor(X), torch.zeros(1, SAMPLES, N, dtype=torch.float64)
    before = torch.cat([s0, v["S"][:-1]])
    one = torch.ones(T, SAMPLES, 1, dtype=torch.float64)
    r1 = v["A"] - torch.cat([x, before, one], dim=-1) @ v["theta"].T
    r2 = v["S"] - torch.tanh(v["A"])
    every = v["outputs"].ndim == 3
    states = torch.cat([v["S"], one], dim=-1)
    r3 = v["outputs"] - (states if every else states[-1]) @ v["psi"].T
    flat, y = v["outputs"].reshape(-1, CLASSES), torch.tensor(targets).reshape(-1)
    L = torch.nn.functional.cross_entropy(flat, y, reduction="sum")
    L = L + admm.weight_decay / 2 * (torch.sum(v["theta"] ** 2) + torch.sum(v["psi"] ** 2))
    for rho, r, y in ((admm.rho1, r1, "y1"), (admm.rho2, r2, "y2"), (admm.rho3, r3, "y3")):
        L = L + rho / 2 * (torch.sum((r + v[y]) ** 2) - torch.sum(v[y] ** 2))
    if name is None:
        return L.item(), (r1.numpy(), r2.numpy(), r3.numpy())
    L.backward()
    return L.item(), v[name].grad.numpy()


SETTINGS = {
    "reset": ADMM(1.2, 0.9, 0.3, weight_decay=0.05, delta=0.1),
    "textbook": ADMM(3.0, 2.0, 0.3, weight_decay=0.05, delta=0.0, variant="textbook"),
}


@pytest.fixture(params=[(variant, at) for variant in SETTINGS for at in ("last", "all")], ids=str)
def one_sweep(request, rng):
    """Return the settings, the values before and after a sweep, its numbers and the data."""
    variant, at = request.param
    admm, model = SETTINGS[variant], small_model(at)
    shape = (SAMPLES,) if at == "last" else (T, SAMPLES)
    batch = Batch(rng.standard_normal((T, SAMPLES, D)), rng.integers(0, CLASSES, shape))
    slots = start(admm, model, batch.inputs)
    y = {k: 0.1 * rng.standard_normal(x.shape) for k, x in slots["multipliers"].items()}
    slots["multipliers"] = y
    if "variables" in slots:
        slots["variables"] = {
            k: x + 0.1 * rng.standard_normal(x.shape) for k, x in slots["variables"].items()
        }
    variables = slots.get("variables", forward(model, model.params, batch.inputs)._asdict())
    old = dict(zip(("theta", "psi"), affine(model.params), strict=True))
    params, after, numbers = sweep(admm, model, model.params, slots, batch)
    new = dict(zip(("theta", "psi"), affine(params), strict=True))
    return admm, {**y, **variables, **old}, (new, after, numbers), batch


def small_model(at="last"):
    like = np.empty(0)
    return Model(ElmanCell(D, N), LinearReadout(CLASSES), CrossEntropy(at), rng=0, like=like)


def after_variables(admm, before, y, batch):
    """Return the variables that a sweep makes of those before it."""
    params = from_affine(before["theta"], before["psi"])
    variables = Variables(before["A"], before["S"], before["outputs"])
    Y = tuple(y[name] for name in ("y1", "y2", "y3"))
    at = "all" if before["outputs"].ndim == 3 else "last"
    return update_variables(admm, small_model(at), params, variables, Y, batch)


def test_a_sweep_goes_back_in_time_and_each_update_is_of_the_whole_lagrangian(one_sweep):
    admm, values, _, batch = one_sweep
    after = after_variables(admm, values, values, batch)
    data = (batch.inputs, batch.targets)
    now = {**values, "outputs": after.outputs}
    assert np.max(np.abs(slope_of("outputs", admm, now, *data)[1])) <= 1e-12
    for t in range(T - 1, -1, -1):
        now = {**now, "S": now["S"].copy(), "A": now["A"].copy()}
        now["S"][t] = after.S[t]
        value, slope = slope_of("S", admm, now, *data)
        assert np.max(np.abs(slope[t])) <= 1e-12
        now["A"][t] = after.A[t]
        assert slope_of(None, admm, now, *data)[0] < value


def test_preactivations_come_to_rest_where_the_whole_lagrangian_does(one_sweep, monkeypatch):
    def rest(a, p, z, kappa, newton):
        for _ in range(300):
            a = descend_preactivations(a, p, z, kappa, newton=newton)
        return a

    monkeypatch.setattr(_admm_sweep, "descend_preactivations", rest)
    admm, values, _, batch = one_sweep
    after = after_variables(admm, values, values, batch)
    now = {**values, "outputs": after.outputs, "S": values["S"].copy(), "A": values["A"].copy()}
    for t in range(T - 1, -1, -1):
        now["S"][t], now["A"][t] = after.S[t], after.A[t]
        slope = slope_of("A", admm, now, batch.inputs, batch.targets)[1]
        assert np.max(np.abs(slope[t])) <= 1e-12


def test_weights_are_stationary_after_a_sweep(one_sweep):
    admm, values, (new, _, _), batch = one_sweep
    after = after_variables(admm, values, values, batch)
    states = values["S"] if admm.variant == "reset" else after.S
    now = {**values, "A": after.A, "outputs": after.outputs, "S": states, **new}
    for name, rho in (("theta", admm.rho1), ("psi", admm.rho3)):
        slope = slope_of(name, admm, now, batch.inputs, batch.targets)[1]
        slope = slope + rho * admm.delta * SAMPLES * (new[name] - values[name])
        # The last column is the bias, whose closed form this is, too.
        assert np.max(np.abs(slope)) <= 1e-12


def test_multipliers_gain_the_residuals_and_the_numbers_are_theirs(one_sweep):
    admm, values, (new, slots, numbers), batch = one_sweep
    after = after_variables(admm, values, values, batch)._asdict()
    L, R = slope_of(None, admm, {**values, **after, **new}, batch.inputs, batch.targets)
    assert numbers["lagrangian"] == pytest.approx(L / SAMPLES, rel=1e-13)
    for i, r in enumerate(R, start=1):
        assert numbers[f"r{i}"] == pytest.approx(np.mean(r * r) ** 0.5, rel=1e-12)
        assert_close(slots["multipliers"][f"y{i}"] - values[f"y{i}"], r, 1e-14)
    if "variables" in slots:
        for name, x in after.items():
            assert_close(slots["variables"][name], x, 0.0)
        assert L < slope_of(None, admm, values, batch.inputs, batch.targets)[0]


@NUMPY
@pytest.mark.parametrize("variant", SETTINGS)
def test_a_sweep_changes_none_of_its_arguments(library, rng, variant):
    model, admm = small_model(), SETTINGS[variant]
    batch = Batch(rng.standard_normal((T, SAMPLES, D)), rng.integers(0, CLASSES, SAMPLES))
    slots = start(admm, model, batch.inputs)
    before = host({"params": model.params, **slots, "X": batch.inputs})
    sweep(admm, model, model.params, slots, batch)
    after = host({"params": model.params, **slots, "X": batch.inputs})
    np.testing.assert_equal(after, before)
