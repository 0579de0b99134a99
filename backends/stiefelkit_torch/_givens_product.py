"""Products of rotations on a CPU, by the compiled kernels for NumPy arrays."""

from stiefelkit.linalg import givens_product as op

from ._arrays import run_on_arrays


def givens_product(theta, X, phi=None, /):
    """Turn a copy of `X` by the rotations of all rounds.

    Benchmark: linalg.Ops, op givens_product. A round of rotations is a dozen of PyTorch's
    operations, and there are 2n of them. Agrees with the reference to 4 eps for every rotation
    that a row takes part in.
    """
    return run_on_arrays("givens_product", theta, X, phi)


def forward(theta, X, phi=None, /):
    """Turn a copy of `X`, and keep the result, from which the gradient turns back.

    Benchmark: linalg.Gradients, op givens_product.
    """
    out = run_on_arrays("givens_product.forward", theta, X, phi)
    return out if out is NotImplemented else (out[0], (theta, out[0], phi, out[1]))


def backward(G, saved, /):
    """Turn the result and its cotangent back, and read off the slopes on the way.

    Benchmark: linalg.Gradients, op givens_product.
    """
    out = run_on_arrays("givens_product.backward", G, saved[3])
    # The reference's residuals are for where somebody watches this pass, but not the one before.
    return op.vjp[1](G, saved[:3]) if out is NotImplemented else out
