"""`solve_triangular` by JAX."""

import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular as _solve_triangular


def solve_triangular(A, B, /, *, lower=False, adjoint_of=False):
    """Solve by ``jax.scipy.linalg.solve_triangular``, which reads one triangle.

    Benchmark: linalg.Ops, op solve_triangular. One operation to compile in place of a
    recursion of general systems. A singular matrix gives infinities, as everywhere in JAX.
    Agrees with the reference to a multiple of n eps times the condition number.
    """
    # Batches are made equal here: one axis less on `B` means vectors in some versions of JAX.
    batch = jnp.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    A = jnp.broadcast_to(A, batch + A.shape[-2:])
    B = jnp.broadcast_to(B, batch + B.shape[-2:])
    if B.size == 0:
        return B
    return _solve_triangular(A, B, trans="C" if adjoint_of else "N", lower=lower)
