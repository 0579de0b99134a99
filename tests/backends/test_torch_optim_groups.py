"""Groups of parameters on manifolds of their own, and what is refused of them."""

import numpy as np
import pytest

from stiefelkit.manifolds import Grassmann, Orthogonal, Product, SpecialOrthogonal, Stiefel

from .._classes import orthonormality
from ._torch_optim import CASES, draw, host, optim, torch, train


def test_groups_have_manifolds_of_their_own(rng):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
    first, second, last = model
    groups = [
        {"params": [first.weight], "manifold": Stiefel(), "rows": True},
        {"params": [second.weight], "manifold": Orthogonal(), "lr": 0.01},
        {"params": [first.bias, second.bias, *last.parameters()], "weight_decay": 1e-3},
    ]
    optimizer = optim.Adam(groups, lr=0.05)
    optimizer.project_()
    x, y = torch.ones(8, 6), torch.zeros(8, 2)

    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for _ in range(60)]
    assert losses[-1] < 0.01 * losses[0]
    for frame in (first.weight.T, second.weight):
        assert orthonormality(host(frame)) < 20 * 2 * np.finfo("float32").eps
    assert orthonormality(host(last.weight.T)) > 0.1


def test_seeds_decide_the_pairs(rng):
    ends = []
    for seed in (3, np.random.default_rng(3), 3, None, None):
        X, B = draw(np.random.default_rng(0), (6, 6))
        torch.manual_seed(5)
        optimizer = optim.CoordinateDescent([X], lr=0.1, rng=seed, manifold=Orthogonal())
        train(optimizer, [(X, B)], 3)
        ends.append(host(X))
    same = [[np.array_equal(a, b) for b in ends] for a in ends]
    assert [row.index(True) for row in same] == [0, 1, 0, 3, 3]


FRAME, TALL, WIDE = torch.eye(4), torch.eye(5, 2), torch.eye(2, 5)
ERRORS = [
    (optim.SGD, [TALL], {"manifold": Orthogonal()}, ValueError, r"square.*\(5, 2\).*`Stiefel`"),
    (optim.SGD, [WIDE], {"manifold": Stiefel()}, ValueError, r'\(2, 5\).*"rows": True'),
    (optim.SGD, [TALL], {"manifold": Stiefel(), "rows": True}, ValueError, r'"rows": False'),
    (optim.SGD, [FRAME], {"rows": True}, ValueError, r'"rows" is for frames'),
    (optim.SGD, [torch.ones(3)], {"manifold": Stiefel()}, ValueError, r"\(3,\).*`Euclidean`"),
    (optim.SGD, [TALL.half()], {"manifold": Stiefel()}, TypeError, r"float16 for parameter 0"),
    (optim.SGD, [TALL], {"manifold": Product({"a": Stiefel()})}, TypeError, "each of its tensors"),
    (optim.SGD, [TALL], {"manifold": Stiefel}, TypeError, r"such as `Stiefel\(\)`. Got <class"),
    (optim.Adam, [TALL], {"manifold": Stiefel(), "weight_decay": 0.1}, ValueError, r": 0 in this"),
    (optim.Adam, [TALL], {"lr": -1.0}, ValueError, r'"lr" is a number >= 0. Got -1.0'),
    (optim.Adam, [TALL], {"betas": (0.9, 1.0)}, ValueError, r'"betas" is within \[0, 1\)'),
    (
        optim.CoordinateDescent,
        [TALL],
        {"manifold": Stiefel()},
        TypeError,
        "Got a group on `Stiefel`",
    ),
    (optim.POGO, [TALL], {"manifold": Grassmann()}, TypeError, "another optimizer, such as `SGD`"),
    (
        optim.POGO,
        [FRAME.cfloat()],
        {"manifold": SpecialOrthogonal()},
        TypeError,
        "is real. Got torch.complex64 for parameter 0",
    ),
    (optim.POGO, [TALL], {"momentum": 0.9, "betas": (0.9, 0.9)}, ValueError, "set it 0"),
    (optim.Landing, [TALL], {"radius": 0.7}, ValueError, r"`radius` is within"),
]


@pytest.mark.parametrize(("cls", "tensors", "options", "error", "match"), ERRORS)
def test_groups_that_do_not_fit_are_refused(cls, tensors, options, error, match):
    params = [torch.nn.Parameter(x.clone()) for x in tensors]
    with pytest.raises(error, match=match):
        cls(params, **options)
    optimizer = cls([torch.nn.Parameter(torch.zeros(1))])
    with pytest.raises(error, match=match):
        optimizer.add_param_group({"params": params, **options})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_start_off_the_manifold_is_named(case):
    good, bad = (torch.nn.Parameter(s * torch.eye(*case.shape)) for s in (1.0, 1.5))
    groups = [{"params": [("good", good), ("bad", bad)], "manifold": case.manifold}]
    optimizer = case.make(groups)
    bad.grad = torch.ones(case.shape)
    with pytest.raises(ValueError, match=r"\['bad'\] cannot start.*`\w+.project_`"):
        optimizer.step()
    optimizer.project_()
    optimizer.step()
    assert orthonormality(host(bad)) < 0.1


def test_landing_starts_beside_the_manifold():
    X = torch.nn.Parameter(1.1 * torch.eye(5, 2))
    optimizer = optim.Landing([X], lr=0.2, manifold=Stiefel())
    train(optimizer, [(X, X.detach().clone())], 1)
    assert 0.1 < orthonormality(host(X)) < 0.25
    X.data *= torch.nan
    with pytest.raises(ValueError, match="Got nan"):
        train(optim.Landing([X], lr=0.2, manifold=Stiefel()), [(X, 0 * X.detach())], 1)
