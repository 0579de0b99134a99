"""What the optimizers for PyTorch refuse, they refuse by name and before anything changes."""

import ast
import copy
import re

import numpy as np
import pytest
import scipy.linalg

from stiefelkit.manifolds import AbstractManifold, Euclidean, Orthogonal, SpecialOrthogonal, Stiefel

from .._classes import adjoint, assert_close, eps, normal, orthonormality
from ._torch_optim import CASES, draw, equal, every, host, optim, torch, train

CLASSES = list(dict.fromkeys(case.cls for case in CASES))
UNKNOWN = [
    *("momentun", "nesterov", "dampening", "amsgrad", "decoupled_weight_decay", "centered"),
    *("foreach", "fused", "capturable", "differentiable", "options"),
]
each = pytest.mark.parametrize("cls", CLASSES)


@each
@pytest.mark.parametrize("option", UNKNOWN)
def test_unknown_options_are_refused(cls, option):
    w = torch.nn.Parameter(torch.zeros(1))
    match = rf"`{cls.__name__}` has the options \['lr', .*'maximize'\]. Got \['{option}'\]"
    with pytest.raises(TypeError, match=match) as refused:
        cls([w], lr=0.1, **{option: True})
    known = ast.literal_eval(re.search(r"\[.*?\]", str(refused.value)).group())
    defaults = cls([w]).defaults
    cls([w], **{k: defaults.get(k) for k in known})


def test_options_of_others_are_refused():
    w = torch.nn.Parameter(torch.zeros(1))
    for cls, option in [(optim.RMSProp, "momentum"), (optim.POGO, "radius"), (optim.SGD, "betas")]:
        with pytest.raises(TypeError, match=rf"Got \['{option}'\]"):
            cls([w], **{option: 0.1})
    with pytest.raises(TypeError, match=r"'rng', .*Got \['seed'\]"):
        optim.CoordinateDescent([w], seed=3)


@each
def test_groups_may_have_keys_of_the_program(cls):
    """Such as names for a log, as those of PyTorch may."""
    w = torch.nn.Parameter(torch.zeros(1))
    optimizer = cls([{"params": [w], "name": "head"}])
    train(optimizer, [(w, torch.ones(1))], 1)
    assert optimizer.state_dict()["param_groups"][0]["name"] == "head"


@every
@pytest.mark.parametrize("flaw", ["start", "component", "layout", "option"])
def test_a_refused_step_changes_nothing(case, flaw, rng):
    (X, B), (w, b) = draw(rng, case.shape), draw(rng, (3, 1))
    last = torch.nn.Parameter(torch.diag(torch.tensor([1.0, 1.0, -1.0])))
    manifold = {"component": SpecialOrthogonal(), "start": Orthogonal()}.get(flaw, Euclidean())
    optimizer = case.make(
        [
            {"params": [X], "manifold": case.manifold},
            {"params": [w]},
            {"params": [last], "manifold": manifold},
        ]
    )
    X.grad, w.grad, last.grad = X.detach() - B, w.detach() - b, torch.ones(3, 3)
    if flaw == "start":
        last.data *= 2
    elif flaw == "layout":
        last.grad = torch.ones(3, 3).to_sparse()
    elif flaw == "option":
        optimizer.param_groups[2]["lr"] = "fast"
    starts = [p.detach().clone() for p in (X, w, last)]
    with pytest.raises((ValueError, RuntimeError)):
        optimizer.step()
    assert equal([X, w, last], starts)
    assert not any(optimizer.state.values())


def test_sparse_gradients_are_refused():
    table = torch.nn.Embedding(5, 2, sparse=True)
    optimizer = optim.SGD(table.parameters(), lr=0.1)
    table(torch.tensor([1, 3])).sum().backward()
    with pytest.raises(RuntimeError, match=r"takes dense gradients.*torch.sparse_coo.*\(5, 2\)"):
        optimizer.step()


@each
def test_a_component_is_checked_at_the_first_step(cls):
    W = torch.nn.Parameter(torch.diag(torch.tensor([1.0, -1.0])))
    W.grad = torch.ones(2, 2)
    optimizer = cls([W], manifold=SpecialOrthogonal())
    match = r"\[0\] cannot start.*`SpecialOrthogonal`.*sign of a column.*`\w+.project_`"
    with pytest.raises(ValueError, match=match):
        optimizer.step()
    optimizer.project_()
    optimizer.step()
    assert np.linalg.det(host(W)) > 0.9
    assert orthonormality(host(W)) < 1e-5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [False, True])
def test_rotations_are_projected_to_the_nearest(dtype, rows, rng):
    X = normal(rng, (40, 4, 4), dtype).astype(dtype)
    X[0] = np.diag([1, -1, 1, 1])
    W = torch.nn.Parameter(torch.from_numpy(X.copy()))
    optim.SGD([W], manifold=SpecialOrthogonal(), rows=rows).project_()
    Q = host(W).astype("float64")
    assert orthonormality(Q) <= 40 * eps(dtype)
    assert_close(np.linalg.det(Q), np.ones(40), 100 * eps(dtype))
    # A rotation is the nearest where Q^T X is symmetric and no two eigenvalues have a negative
    # sum, as half a turn of their plane would lead nearer.
    H = adjoint(Q) @ X.astype("float64")
    assert_close(H, adjoint(H), 100 * eps(dtype))
    least = np.linalg.eigvalsh((H + adjoint(H)) / 2)[:, :2]
    assert np.all(least.sum(-1) > -100 * eps(dtype))
    positive = np.linalg.det(X.astype("float64")) > 0
    assert 0 < positive.sum() < 40
    for R, Y in zip(Q[positive], X[positive], strict=True):
        assert_close(R, scipy.linalg.polar(Y.astype("float64"))[0], 1e3 * eps(dtype))


def test_project_refuses_before_it_writes():
    methods = dict.fromkeys(AbstractManifold.__abstractmethods__)
    Unknown = type("Unknown", (AbstractManifold,), methods)
    first, second = (torch.nn.Parameter(2 * torch.eye(3)) for _ in range(2))
    optimizer = optim.SGD(
        [{"params": [p], "manifold": m} for p, m in [(first, Stiefel()), (second, Unknown())]]
    )
    with pytest.raises(TypeError, match="Got `Unknown`"):
        optimizer.project_()
    assert equal([first], [2 * torch.eye(3)])


FOREIGN = [
    (optim.SGD, torch.optim.SGD),
    (optim.Adam, torch.optim.Adam),
    (optim.Adam, torch.optim.AdamW),
    (optim.RMSProp, torch.optim.RMSprop),
    (optim.Landing, torch.optim.SGD),
    (optim.POGO, torch.optim.Adam),
    (optim.CoordinateDescent, torch.optim.SGD),
    (optim.Adam, optim.SGD),
    (optim.RMSProp, optim.Adam),
]


@pytest.mark.parametrize(("ours", "theirs"), FOREIGN)
def test_states_of_others_are_refused(ours, theirs, rng):
    pairs = [draw(rng, (4, 4)) for _ in range(2)]
    optimizer = ours([X for X, _ in pairs], manifold=Orthogonal())
    train(optimizer, pairs, 2)
    other = theirs([X for X, _ in pairs], lr=0.5)
    train(other, pairs, 1)
    optimizer.project_()
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(ValueError, match=rf"state of `{ours.__name__}`.*group 0 without \['"):
        optimizer.load_state_dict(other.state_dict())
    assert str(optimizer.state_dict()) == str(before)
    assert optimizer.param_groups[0]["manifold"] == Orthogonal()
    optimizer.load_state_dict(before)
    train(optimizer, pairs, 1)


def test_a_hook_may_complete_the_state_of_another(rng):
    (X, B), (Y, _) = draw(rng, (4, 2)), draw(rng, (4, 2))
    other, optimizer = torch.optim.SGD([X], lr=0.5), optim.SGD([Y])

    def complete(_, state):
        groups = [{"rows": False, "maximize": False, **g} for g in state["param_groups"]]
        return {**state, "param_groups": groups}

    optimizer.register_load_state_dict_pre_hook(complete)
    for _ in range(2):
        optimizer.load_state_dict(other.state_dict())
    assert optimizer.param_groups[0]["lr"] == 0.5
    train(optimizer, [(Y, B)], 1)


@pytest.mark.parametrize("cls", [optim.POGO, optim.Landing])
def test_momentum_is_loaded_where_there_were_betas(cls, rng):
    pairs = [draw(rng, (5, 2))]
    X, _ = pairs[0]
    first = cls([X], momentum=0.8, manifold=Stiefel())
    train(first, pairs, 2)
    other = cls([X], betas=(0.9, 0.99), manifold=Stiefel())
    other.load_state_dict(first.state_dict())
    train(other, pairs, 1)
    assert other.param_groups[0]["momentum"] == 0.8
