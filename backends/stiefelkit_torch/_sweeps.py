"""Coordinate descent along a frozen gradient on a CPU, by the compiled kernels for NumPy arrays."""

from ._arrays import run_on_arrays


def coordinate_descent_sweep(W, G, pairs, /, *, learning_rate):
    """Turn pairs of columns in compiled loops.

    Benchmark: torch_ops.Sweeps. An update by PyTorch's operations takes 150 us, of which 149 are
    calls. Agrees with the reference to a multiple of eps for every rotation.
    """
    return run_on_arrays("coordinate_descent_sweep", W, G, pairs, learning_rate=learning_rate)


def gauss_southwell_sweep(W, G, count, /, *, learning_rate):
    """Keep a bound on the largest entry of each row, in compiled loops.

    Benchmark: torch_ops.Sweeps. Agrees with the reference to a multiple of eps for every
    rotation, where the entries differ by more.
    """
    return run_on_arrays("gauss_southwell_sweep", W, G, count, learning_rate=learning_rate)
