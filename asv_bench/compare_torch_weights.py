"""Cases of `compare_torch.py`: orthogonal weights, formed and differentiated."""

import dataclasses
from functools import partial

from benchmarks._torch_steps import products, register, weight_step

TORCH_MAPS = ("householder", "matrix_exp", "cayley")


@dataclasses.dataclass
class Case:
    """What is compared: makers of calls, those run once with a limit, and ratios wanted.

    A ratio is wanted of the fastest of some peers; None has it stated only.
    """

    title: str
    calls: dict
    wanted: list
    capped: dict = dataclasses.field(default_factory=dict)
    memory: tuple = ()  # two calls whose peaks are compared, and the bytes the first may have more


def frame(n, p, torch_factor, geotorch_factor):
    """A frame of n-by-p by its default map, T-CWY."""
    made, shape = partial(partial, weight_step, (n, p)), (n, p)
    large = n * p > 2048 * 32  # PyTorch's exponential takes minutes there
    capped = {} if large else {"torch matrix_exp": (weight_step, shape, "torch", "matrix_exp")}
    return Case(
        f"Frame {n}×{p}",
        {
            "stiefelkit": made("stiefelkit"),
            "bound, four products": partial(products, 4, (n, p), (p, p)),
            "torch householder": made("torch", "householder"),
            "torch cayley": made("torch", "cayley"),
        },
        [
            (torch_factor, *[f"torch {m}" for m in TORCH_MAPS[: 2 - large]]),
            (geotorch_factor, "geotorch"),
        ],
        capped | {"geotorch": (weight_step, shape, "geotorch")},
    )


def square(n):
    """A square matrix by its default map, CWY."""
    made = partial(partial, weight_step, (n, n))
    return Case(
        f"Square {n}",
        {
            "stiefelkit": made("stiefelkit"),
            "bound, seven products": partial(products, 7, (n, n), (n, n)),
            **{f"torch {m}": made("torch", m) for m in TORCH_MAPS},
            "geotorch": made("geotorch"),
        },
        [(8, "torch householder", "torch matrix_exp"), (1, "torch cayley")],
    )


def batch(n, count=10_000):
    """Many small matrices by each of our maps."""
    made = partial(partial, weight_step, (count, n, n))
    maps = ("cwy", "givens", "cayley", "matrix_exp")
    return Case(
        f"{count} matrices {n}×{n}",
        {
            **{f"stiefelkit {m}": made("stiefelkit", m) for m in maps},
            "bound, seven products": partial(products, 7, (count, n, n), (count, n, n)),
            **{f"torch {m}": made("torch", m) for m in TORCH_MAPS},
            "geotorch expm": made("geotorch"),
            "geotorch cayley": made("geotorch", "cayley"),
        },
        [(5, "geotorch expm"), (5, "geotorch cayley")],
    )


def single(n, p):
    """One small weight, of which the time is that of calls."""
    made = partial(partial, weight_step, (n, p))
    maps = ("tcwy" if p < n else "cwy", "cayley", "matrix_exp")
    return Case(
        f"One matrix {n}×{p}",
        {
            **{f"stiefelkit {m}": made("stiefelkit", m) for m in maps},
            **{f"torch {m}": made("torch", m) for m in TORCH_MAPS},
            "geotorch expm": made("geotorch"),
            "geotorch cayley": made("geotorch", "cayley"),
        },
        [(None, "torch householder", "torch matrix_exp"), (None, "torch cayley")],
    )


def registration(n, p):
    """A plain weight made an orthogonal one, its start included."""
    import torch

    def made(library, name=None):
        return lambda: lambda: register(torch.nn.Linear(p, n), library, name)

    maps = ("tcwy" if p < n else "householder", "givens", "cayley")
    return Case(
        f"Registration of a weight {n}×{p}",
        {
            **{f"stiefelkit {m}": made("stiefelkit", m) for m in maps},
            **{f"torch {m}": made("torch", m) for m in TORCH_MAPS},
            "geotorch": made("geotorch"),
        },
        [(None, *[f"torch {m}" for m in TORCH_MAPS]), (None, "geotorch")],
    )
