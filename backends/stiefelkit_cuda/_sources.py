"""The CUDA C++ sources, and the templates in them that are launched."""

import functools
from importlib.resources import files

TYPES = {
    "float32": "float",
    "float64": "double",
    "complex64": "Complex<float>",
    "complex128": "Complex<double>",
}
# Activations by the numbers that `recurrence.cu` gives them; tanh and ReLU are for real states.
IDENTITY, TANH, RELU, MODRELU = range(4)
# Shapes of a step's work there: rows and columns of a lane, packs of a line at once.
TILES = ((2, 2, 32), (4, 4, 64), (4, 8, 32))
SOURCES = {
    "givens_rounds": ("turn", "turn_back"),
    "rotate_columns": ("turn_pairs", "rotate_plane"),
    "small_frames": ("factorize",),
    "recurrence": ("apply", "retrace", "advance", "recede"),
}


@functools.cache
def text(source: str) -> str:
    """Return the whole program, which includes nothing."""
    folder = files(__package__) / "sources"
    return "".join((folder / f"{name}.cu").read_text("utf-8") for name in ("scalar", source))


def instances(source: str, dtype: str) -> tuple[str, ...]:
    """Return the template instances of a source for one dtype."""
    kernels, kind = SOURCES[source], TYPES[dtype]
    if source != "recurrence":
        return tuple(f"{kernel}<{kind}>" for kernel in kernels)
    numbers = (IDENTITY, MODRELU) if dtype.startswith("complex") else range(4)
    plain = [f"{kernel}<{kind}, {k}>" for kernel in kernels[:2] for k in numbers]
    tiles = [", ".join(map(str, tile)) for tile in TILES]
    steps = [
        f"{kernel}<{kind}, {k}, {t}>" for kernel in kernels[2:] for k in numbers for t in tiles
    ]
    return (*plain, *steps)
