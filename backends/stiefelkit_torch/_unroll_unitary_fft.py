"""The time loop of the unitary evolution RNN on a CPU, by the compiled kernel for NumPy arrays."""

from stiefelkit.rnn import unroll_unitary_fft as op

from ._arrays import run_on_arrays


def unroll_unitary_fft(omega, V, Z, h0, b=None, /, *, permutation, activation, last=False):
    """Run whole sequences in compiled loops.

    Benchmark: linalg.Gradients, op unroll_unitary_fft. A step of the reference is thirty passes
    over arrays of their own. Agrees with it to a multiple of log(n) eps in a step.
    """
    options = {"permutation": permutation, "activation": activation, "last": last}
    return run_on_arrays("unroll_unitary_fft", omega, V, Z, h0, b, **options)


def forward(omega, V, Z, h0, b=None, /, *, permutation, activation, last=False):
    """Run whole sequences and keep the states.

    Benchmark: linalg.Gradients, op unroll_unitary_fft.
    """
    options = {"permutation": permutation, "activation": activation, "last": last}
    out = run_on_arrays("unroll_unitary_fft.forward", omega, V, Z, h0, b, **options)
    if out is NotImplemented:
        return out
    # A view of the states that are kept, so that autograd sees what is done to it in place.
    return out[0] if last else out[1][2][1:], out[1]


def backward(G, saved, /, *, permutation, activation, last=False):
    """Run back in time, and add up all gradients on the way.

    Benchmark: linalg.Gradients, op unroll_unitary_fft.
    """
    options = {"permutation": permutation, "activation": activation, "last": last}
    out = run_on_arrays("unroll_unitary_fft.backward", G, saved, **options)
    if out is NotImplemented:  # somebody watches this pass, but not the one before
        omega, V, H, b = saved
        kept = op.vjp[0](omega, V, H[1:], H[0], b, **options)[1]
        return op.vjp[1](G, (*kept[:3], H, *kept[4:]), **options)
    return out
