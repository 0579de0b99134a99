"""Signatures: how they are written, and what they let pass."""

import re

import numpy as np
import pytest

from stiefelkit._signature import Signature


def op(X, i, theta, phi=None, /):
    """Stand in for an op: the signature takes its names from here."""


def two(V, X, /):
    """Stand in for an op of two arrays."""


X = np.ones((4, 2))


def test_parameters_are_named_after_the_function():
    signature = Signature("(n,m),i,(),(3,r)?->(n,m),()", op, kinds={"theta": "real"})
    assert [p.name for p in signature.parameters] == ["X", "theta", "phi"]
    assert [p.position for p in signature.parameters] == [0, 2, 3]
    assert [p.dims for p in signature.parameters] == [("n", "m"), (), ("3", "r")]
    assert [p.optional for p in signature.parameters] == [False, False, True]
    assert [p.kind for p in signature.parameters] == ["matrix", "real", "matrix"]
    assert signature.outputs == (("n", "m"), ())


def test_spaces_do_not_matter():
    assert Signature("( n, k ) , (n, m) -> (n, m)", two).outputs == (("n", "m"),)


@pytest.mark.parametrize(
    "args",
    [
        (X, 7, np.ones(())),
        (X, 7, np.ones(()), None),
        (X, 7, np.ones(5), np.ones((5, 3, 2))),
        (np.ones((5, 4, 2)), "static", np.ones(())),
        (np.ones((0, 4, 2)), None, np.ones((2, 1))),
    ],
    ids=["no optional", "none", "batch", "static", "empty batch"],
)
def test_what_passes(args):
    assert Signature("(n,m),i,(),(3,r)?->(n,m)", op).check(args) is None


REFUSED = {
    "missing": ((X, 7), TypeError, "`theta` is missing"),
    "optional of wrong length": (
        (X, 7, np.ones(()), np.ones((2, 5))),
        ValueError,
        "phi.shape=(2, 5)",
    ),
    "too few axes": ((np.ones(4), 7, np.ones(())), ValueError, "X.shape=(4,)"),
    "number": ((X, 7, 0.5), TypeError, "`theta` of type float, which is no array"),
    "batches": ((np.ones((2, 4, 2)), 7, np.ones(3)), ValueError, "`X`: (2,), `theta`: (3,) do not"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    args, error, message = REFUSED[name]
    with pytest.raises(error, match=re.escape(message)):
        Signature("(n,m),i,(),(3,r)?->(n,m)", op).check(args)


def test_equal_names_are_equal_lengths():
    message = "Got n=4 from `V` and n=5 from `X`, whose shape is (5, 2)."
    with pytest.raises(ValueError, match=re.escape(message)):
        Signature("(n,k),(n,m)->(n,m)", two).check((X, np.ones((5, 2))))


def test_at_most():
    with pytest.raises(
        ValueError, match=r"needs k <= n\. Got V\.shape=\(2, 4\), X\.shape=\(2, 4\)"
    ):
        Signature("(n,k),(n,m)->(n,m)", two, at_most=(("k", "n"),)).check((X.T, X.T))


def test_a_further_check_sees_the_lengths():
    seen = []

    def check(length):
        seen.append(length)
        return "It is never right."

    with pytest.raises(ValueError, match=r"It is never right\. Got V\.shape=\(4, 2\)"):
        Signature("(n,k),(n,m)->(n,m)", two, check=check).check((X, X))
    assert seen == [{"n": 4, "k": 2, "m": 2}]


def test_an_op_without_batches():
    signature = Signature("(n,k),(n,m)->(n,m)", two, batch=False)
    assert signature.check((X, X)) is None
    with pytest.raises(ValueError, match=r"`V` of shape \(n, k\).*V\.shape=\(1, 4, 2\)"):
        signature.check((X[None], X))


@pytest.mark.parametrize(("kind", "dtype"), [("real", "complex128"), ("complex", "float64")])
def test_kinds_that_are_checked(kind, dtype):
    with pytest.raises(TypeError, match=f"takes `X` of dtype .*Got {dtype}"):
        Signature("(n,k),(n,m)->(n,m)", two, kinds={"X": kind}).check((X, X.astype(dtype)))


def test_a_real_array_stands_beside_complex_ones():
    signature = Signature("(n,k),(n,m)->(n,m)", two, kinds={"V": "real"})
    assert signature.check((X, X + 0j)) is None
    with pytest.raises(TypeError, match="one precision"):
        signature.check((X, X.astype("complex64")))
