"""What a step of the unitary evolution RNN costs, by transforms and with a matrix."""

from collections.abc import Callable, Iterator

from .._typing import Array
from .._xp import generator, standard_normal, to_complex, zeros_like
from ..parametrizations import UnitaryFFT
from ..rnn import ModReLU, unroll_unitary_fft
from ._curves import slope
from ._experiment import Check, Figure, Item, Note, Panel, Part, Result, Setting, Table
from ._timing import best_seconds

_STEPS, _BATCH = 10, 20
FFT, DENSE, BOTH = "transforms", "dense W", "transforms, forward and backward"


def _measure(setting: Setting) -> Result:
    last, budget = (1024, 0.5) if setting.quick else (8192, 2.0)
    sizes = [128 * 2**k for k in range(7) if 128 * 2**k <= last]
    seconds: dict[str, list[float]] = {name: [] for name in (FFT, BOTH, DENSE)}
    for n in sizes:
        for name, call in _calls(n, setting.seed, to_complex(setting.like)).items():
            found = best_seconds(call, lambda array: array[..., :1], budget)
            seconds[name].append(found / _STEPS)
    return {"units": sizes, "seconds": seconds, "from": last // 8}


def _calls(n: int, seed: int, like: Array) -> dict[str, Callable[[], Array]]:
    """Return what is timed for n units: ten steps of twenty sequences, states alone or with VJP."""
    rng = generator(seed)
    map_ = UnitaryFFT(n, permutation=seed)
    params = map_.init(rng=rng, like=like)
    Z = standard_normal((_STEPS, _BATCH, n), rng, like)
    h, b = zeros_like(like, (_BATCH, n)), params["omega"][0, :] * 0
    options = {"activation": ModReLU(), "permutation": map_.permutation}
    # Any matrix: what its entries are does not change the time of a product.
    W = standard_normal((n, n), rng, like) / n**0.5

    def forward():
        return unroll_unitary_fft(params["omega"], params["V"], Z, h, b, **options)

    def both():
        H, residuals = unroll_unitary_fft.forward(params["omega"], params["V"], Z, h, b, **options)
        return unroll_unitary_fft.backward(H, residuals)[1]

    def dense():
        x = h
        for t in range(_STEPS):
            x = ModReLU().apply(x @ W + Z[t, ...], b)
        return x

    return {FFT: forward, BOTH: both, DENSE: dense}


def _present(result: Result) -> Iterator[Item]:
    units, start = [float(n) for n in result["units"]], result["from"]
    large = [k for k, n in enumerate(units) if n >= start]
    slopes = {
        name: slope([units[k] for k in large], [times[k] for k in large])
        for name, times in result["seconds"].items()
    }
    lines = {
        f"{name}: slope {slopes[name]:.2f}": (units, [1e3 * s for s in times])
        for name, times in result["seconds"].items()
    }
    yield Figure("step", (Panel("One step", "units", "ms", lines, log="xy"),))
    yield Table(
        f"Milliseconds for one step of {_BATCH} sequences",
        ("units", *result["seconds"]),
        tuple(
            (int(n), *(1e3 * times[k] for times in result["seconds"].values()))
            for k, n in enumerate(units)
        ),
    )
    yield Check(f"slope of a step by transforms, from n = {start}", slopes[FFT], 1.3)
    yield Check(f"slope of it forward and backward, from n = {start}", slopes[BOTH], 1.3)
    yield Check(
        f"time by transforms over that with a matrix, n = {int(units[-1])}",
        result["seconds"][FFT][-1] / result["seconds"][DENSE][-1],
        1.0,
    )
    yield Note(
        f"Shortest of several calls of {_STEPS} steps, divided by them. The matrix is given, not "
        "formed; by transforms, what is made of the parameters once for all steps is made in each "
        f"call. Slopes are those of a line through the logarithms from n = {start} on."
    )


STEP = Part("step", "Cost of a step", _measure, _present)
