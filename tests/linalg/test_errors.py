"""What is wrong is said: what was wanted, what came, what to do."""

import re

import numpy as np
import pytest

from stiefelkit import linalg
from stiefelkit._xp import namespace_key

from .._arguments import OPS, SHAPES, arguments, cases

X = np.ones((4, 2))
V = np.ones((4, 3))
WRONG_SHAPES = {
    "rows differ": (
        lambda: linalg.cwy_apply(np.ones((5, 2)), X),
        r"`cwy_apply` takes `V` of shape (..., n, k) and `X` of shape (..., n, m). Got n=5 from "
        r"`V` and n=4 from `X`, whose shape is (4, 2).",
    ),
    "no matrix": (lambda: linalg.gram(np.ones(3)), "(..., n, p). Got X.shape=(3,)."),
    "not square": (lambda: linalg.sym(X), "Got n=4 from `A` and n=2 from `A`"),
    "too many reflections": (
        lambda: linalg.cwy_matrix(V.T),
        "needs k <= n. Got V.shape=(3, 4). If the vectors are stored as rows, pass "
        "`xp.matrix_transpose(V)`.",
    ),
    "wide frame": (lambda: linalg.tcwy_matrix(V.T), "needs p <= n. Got V.shape=(3, 4)."),
    "wide skew": (lambda: linalg.cayley(V.T), "needs p <= n. Got A.shape=(3, 4)."),
    "wide basis": (lambda: linalg.orthonormalize(V.T), "needs p <= n. Got X.shape=(3, 4)."),
    "wide inverse": (lambda: linalg.givens_angles(V.T), "needs p <= n. Got Q.shape=(3, 4)."),
    "number of angles": (
        lambda: linalg.givens_product(np.ones(4), np.ones((4, 1))),
        "r = np - p(p+1)/2 angles for some p <= n, n(n-1)/2 of them for p = n. Got "
        "theta.shape=(4,), X.shape=(4, 1).",
    ),
    "fixed length": (
        lambda: linalg.unitary_fft_apply(
            np.ones((2, 4)),
            np.ones((2, 4), complex),
            np.ones((4, 1), complex),
            permutation=range(4),
        ),
        "Got omega.shape=(2, 4).",
    ),
    "batches": (
        lambda: linalg.cwy_apply(np.ones((2, 4, 3)), np.ones((3, 4, 2))),
        "broadcasts the leading axes of its arrays. Those of `V`: (2,), `X`: (3,) do not",
    ),
    "same column twice": (
        lambda: linalg.givens_rotate(X, 1, 1, 0.5),
        "two different columns i and j of 2. Got i=1 and j=1.",
    ),
    "row out of range": (
        lambda: linalg.givens_rotate(X, 0, 4, 0.5, side="left"),
        "two different rows i and j of 4. Got i=0 and j=4.",
    ),
    "too many columns": (lambda: linalg.cwy_matrix(V, columns=5), "forms 0 to n=4 columns"),
    "few columns": (
        lambda: linalg.householder_matrix(V, columns=2),
        "forms k=3 to n=4 columns. Got columns=2.",
    ),
    "no block": (lambda: linalg.householder_matrix(V, block=0), "1 column or more. Got 0."),
    "negative columns": (lambda: linalg.cwy_matrix(V, columns=-1), "Got columns=-1."),
    "no permutation": (
        lambda: linalg.unitary_fft_apply(
            np.zeros((3, 4)), np.ones((2, 4)) + 0j, X + 0j, permutation=[0, 0, 1, 2]
        ),
        "takes a `permutation` of 0, ..., 3.",
    ),
    "negative column": (lambda: linalg.givens_rotate(X, -1, 0, 0.5), "Got i=-1 and j=0."),
    "unknown side": (
        lambda: linalg.givens_rotate(X, 0, 1, 0.5, side="top"),
        'takes `side` "left" or "right". Got \'top\'.',
    ),
    "unknown method": (
        lambda: linalg.orthonormalize(X, method="svd"),
        "knows the methods ('qr', 'cholesky', 'polar', 'newton_schulz'). Got 'svd'.",
    ),
    "unknown metric": (
        lambda: linalg.tangent_project(X, X, metric="flat"),
        "knows the metrics ('euclidean', 'canonical'). Got 'flat'.",
    ),
}
WRONG_TYPES = {
    "integers": (
        lambda: linalg.gram(np.ones((3, 2), int)),
        "takes `X` of dtype float32, float64, complex64 or complex128. Got int64.",
    ),
    "booleans": (lambda: linalg.sym(np.eye(2, dtype=bool)), "Got bool."),
    "fields": (
        lambda: linalg.cwy_apply(V, X + 0j),
        "takes arrays of one dtype. Got `V`: float64, `X`: complex128. Cast one.",
    ),
    "precisions": (
        lambda: linalg.cwy_apply(V, X.astype("float32")),
        "takes arrays of one dtype. Got `V`: float64, `X`: float32. Cast one.",
    ),
    "precision of an angle": (
        lambda: linalg.givens_product(np.ones(6, "float32"), X),
        "takes arrays of one precision.",
    ),
    "phase beside real columns": (
        lambda: linalg.givens_rotate(X, 0, 1, 0.5, 0.1),
        "takes phases `phi` with a complex `X` only. Got `X` of float64.",
    ),
    "phases beside a real matrix": (
        lambda: linalg.givens_product(np.ones(6), X, np.ones(6)),
        "takes phases `phi` with a complex `X` only. Got `X` of float64.",
    ),
    "complex angle": (
        lambda: linalg.givens_product(np.ones(6, complex), X + 0j),
        "takes `theta` of dtype float32 or float64. Got complex128.",
    ),
    "real reflection vectors": (
        lambda: linalg.unitary_fft_apply(
            np.ones((3, 4)), np.ones((2, 4)), np.ones((4, 1), complex), permutation=range(4)
        ),
        "takes `V` of dtype complex64 or complex128. Got float64.",
    ),
    "list": (
        lambda: linalg.gram([[1.0, 2.0]]),
        "Got `X` of type list, which is no array. Convert it, for instance by `numpy.asarray(X)`.",
    ),
    "missing": (lambda: linalg.cwy_apply(V), "`X` is missing."),
    "none": (lambda: linalg.cwy_apply(V, None), "`X` is missing."),
}


@pytest.mark.parametrize("name", WRONG_SHAPES)
def test_wrong_shapes_and_options(name):
    call, message = WRONG_SHAPES[name]
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


@pytest.mark.parametrize("name", WRONG_TYPES)
def test_wrong_types(name):
    call, message = WRONG_TYPES[name]
    with pytest.raises(TypeError, match=re.escape(message)):
        call()


@pytest.mark.libraries("strict", "torch", "jax", "cupy")
def test_mixed_libraries(library):
    message = f"takes arrays of one array library. Got `V`: numpy, `X`: {namespace_key(library.xp)}"
    with pytest.raises(TypeError, match=re.escape(message)):
        linalg.cwy_apply(V, library.asarray(X))


@pytest.mark.libraries("strict")
def test_mixed_devices(library):
    other = library.xp.asarray(X, device=library.xp.Device("device1"))
    with pytest.raises(TypeError, match=r"takes arrays on one device.*Move one"):
        linalg.cwy_apply(library.asarray(V), other)


@pytest.mark.parametrize("op", OPS.values(), ids=list(OPS))
def test_forward_checks_as_the_op_does(op):
    args = [np.ones(0, int) for _ in range(1 + max(p.position for p in op.signature.parameters))]
    with pytest.raises(TypeError, match=f"`{op.name}` takes"):
        op.forward(*args)


@pytest.mark.parametrize("case", cases(("general",), ("one",), fields=("complex",)))
def test_cotangent_of_the_wrong_shape(case):
    args = arguments(case)
    out, residuals = case.op.forward(*args, **case.options)
    wrong = np.ones((1, 1, 1, SHAPES["general"]["n"]))
    G = (wrong,) * len(out) if isinstance(out, tuple) else wrong
    with pytest.raises(ValueError, match="The cotangent has the shape of the output"):
        case.op.backward(G, residuals)
