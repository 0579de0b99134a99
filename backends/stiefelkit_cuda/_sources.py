"""The CUDA C++ sources, and the templates in them that are launched."""

import functools
from importlib.resources import files

TYPES = {
    "float32": "float",
    "float64": "double",
    "complex64": "Complex<float>",
    "complex128": "Complex<double>",
}
# Activations by the numbers that `activation.cu` gives them; tanh and ReLU are for real states.
IDENTITY, TANH, RELU, MODRELU = range(4)
SOURCES = {
    "givens_rounds": ("turn<{}>", "turn_back<{}>"),
    "rotate_columns": ("turn_pairs<{}>", "rotate_plane<{}>"),
    "small_frames": ("factorize<{}>",),
    "activation": tuple(
        f"{kernel}<{{}}, {k}>" for kernel in ("apply", "retrace") for k in range(4)
    ),
}
_REAL_ONLY = (f", {TANH}>", f", {RELU}>")


@functools.cache
def text(source: str) -> str:
    """Return the whole program, which includes nothing."""
    folder = files(__package__) / "sources"
    return "".join((folder / f"{name}.cu").read_text("utf-8") for name in ("scalar", source))


def instances(source: str, dtype: str) -> tuple[str, ...]:
    """Return the template instances that a module for one dtype is compiled to."""
    names = tuple(template.format(TYPES[dtype]) for template in SOURCES[source])
    if dtype.startswith("complex"):
        names = tuple(name for name in names if not name.endswith(_REAL_ONLY))
    return names
