"""What the array libraries share."""

import numpy as np
import pytest

from stiefelkit import _xp

from ._arguments import DTYPES, adjoint, draw_like

EPS = np.finfo(np.float64).eps
HOSTS = {
    "matrix": np.arange(6.0).reshape(2, 3),
    "0-d": np.asarray(2.5),
    "empty": np.zeros((0, 3)),
    "transposed": np.arange(6.0).reshape(2, 3).T,
    "reversed": np.arange(6.0)[::-1],
    "complex": np.asarray([1 + 2j, 3j]),
}


@pytest.mark.parametrize("name", HOSTS)
def test_to_the_library_and_back(name, library):
    host = HOSTS[name]
    x = _xp.from_host(host, library.like(host.dtype.name))
    assert _xp.array_namespace(x) is library.xp
    assert _xp.device(x) == library.device
    back = _xp.to_host(x)
    assert isinstance(back, np.ndarray)
    assert back.dtype == host.dtype
    np.testing.assert_array_equal(back, host, strict=True)


@pytest.mark.libraries("numpy", "torch")
def test_host_copies_share_no_memory(library):
    host = np.zeros(3)
    x = _xp.from_host(host, library.like())
    host += 1
    back = _xp.to_host(x)
    back += 1
    np.testing.assert_array_equal(_xp.to_host(x), 0)


def test_namespace_key(library):
    stem = library.name.split("-")[0]
    expected = "array_api_strict" if stem.startswith("strict") else stem
    assert _xp.namespace_key(library.xp) == expected


@pytest.mark.parametrize("dtype", DTYPES)
def test_field(dtype, library):
    x = library.like(dtype)
    found = _xp.field(library.xp, x.dtype)
    assert found.name == dtype
    assert found.complex == _xp.is_complex(x) == ("complex" in dtype)
    assert found.real == _xp.real_dtype(x) == getattr(library.xp, np.finfo(dtype).dtype.name)
    assert found.eps == _xp.eps(x) == np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", ["int64", "bool"])
def test_other_dtypes_are_no_field(dtype, library):
    x = library.xp.empty(0, dtype=getattr(library.xp, dtype), device=library.device)
    assert _xp.field(library.xp, x.dtype) is None
    with pytest.raises(TypeError, match=f"No machine epsilon .*{dtype}"):
        _xp.eps(x)


@pytest.mark.parametrize("field", ["real", "complex"])
def test_adjoint_and_conj(field, library, rng):
    X = draw_like(rng, (2, 3, 4), field == "complex")
    x = library.asarray(X)
    np.testing.assert_array_equal(_xp.to_host(_xp.adjoint(x)), adjoint(X))
    np.testing.assert_array_equal(_xp.to_host(_xp.conj(x)), X.conj())
    np.testing.assert_array_equal(_xp.to_host(_xp.real(x)), X.real)


@pytest.mark.parametrize("field", ["real", "complex"])
def test_sum_real_is_the_real_inner_product(field, library, rng):
    X, Y = (draw_like(rng, (3, 4), field == "complex") for _ in range(2))
    actual = _xp.to_host(_xp.sum_real(library.asarray(X), library.asarray(Y)))
    np.testing.assert_allclose(actual, np.sum((X.conj() * Y).real, axis=-1), atol=20 * EPS)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([2.0, -3.0, 0.0, -0.0], [1, -1, 1, 1]),
        ([2j, -3 + 0j, 0j, 3 + 4j, 3e-310j, 3e-300j], [1j, -1, 1, 0.6 + 0.8j, 1, 1j]),
    ],
    ids=["real", "complex"],
)
def test_phase(x, expected, library):
    actual = _xp.to_host(_xp.phase(library.asarray(np.asarray(x))))
    np.testing.assert_allclose(actual, expected, atol=2 * EPS)


MADE = {
    "tall eye": (lambda like: _xp.eye_like(like, 3, 2), np.eye(3, 2)),
    "eye": (lambda like: _xp.eye_like(like, 2), np.eye(2)),
    "zeros": (lambda like: _xp.zeros_like(like, (2, 0)), np.zeros((2, 0))),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", MADE)
def test_arrays_made_like_another(name, dtype, library):
    make, host = MADE[name]
    made = make(library.like(dtype))
    assert _xp.device(made) == library.device
    np.testing.assert_array_equal(_xp.to_host(made), host.astype(dtype), strict=True)


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((2, 3), (2, 3)),
        ((2, 3), (1, 3)),
        ((2, 3), (3,)),
        ((4, 2, 3), (2, 1)),
        ((2, 3), ()),
        ((0, 3), (1, 3)),
        ((0, 3), (3,)),
    ],
)
def test_sum_to_shape(shape, wanted, library, rng):
    X = rng.standard_normal(shape)
    summed = _xp.to_host(_xp.sum_to_shape(library.asarray(X), wanted))
    # Summing is the adjoint of broadcasting: <sum(X), y> = <X, broadcast(y)>.
    y = rng.standard_normal(wanted)
    assert summed.shape == wanted
    np.testing.assert_allclose(np.sum(summed * y), np.sum(X * y), atol=50 * EPS)


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 3), (3,)),
        ((2, 1), (1, 3), ()),
        ((0, 1), (1, 3)),
        ((),),
        ((1,), (0,)),
        ((4, 1, 2), (5, 1)),
    ],
    ids=str,
)
def test_broadcast_shapes(shapes):
    assert _xp.broadcast_shapes(*shapes) == np.broadcast_shapes(*shapes)


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_seed_gives_the_same_numbers_everywhere(dtype, library):
    double = np.empty(0, "complex128" if "complex" in dtype else "float64")
    expected = _xp.standard_normal((3, 2), 5, double).astype(dtype)
    drawn = _xp.standard_normal((3, 2), 5, library.like(dtype))
    np.testing.assert_array_equal(_xp.to_host(drawn), expected, strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_uniform_numbers_are_real(dtype, library):
    drawn = _xp.to_host(_xp.uniform(-1.0, 3.0, (200,), 5, library.like(dtype)))
    expected = np.random.default_rng(5).uniform(-1.0, 3.0, 200)
    np.testing.assert_array_equal(drawn, expected.astype(np.finfo(dtype).dtype), strict=True)


def test_normal_numbers_have_unit_variance():
    drawn = _xp.standard_normal((20_000,), 0, np.empty(0, complex))
    # Five standard errors of the mean of |z|^2, whose variance is one.
    np.testing.assert_allclose(np.mean(np.abs(drawn) ** 2), 1, atol=5 / np.sqrt(20_000))


def test_a_generator_is_used_as_it_is(rng):
    assert _xp.generator(rng) is rng


@pytest.mark.parametrize(
    ("dtype", "wanted"), [("float32", "complex64"), ("float64", "complex128"), ("complex64",) * 2]
)
def test_to_complex(dtype, wanted, library):
    assert _xp.to_complex(library.like(dtype)).dtype == getattr(library.xp, wanted)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.libraries("torch", "jax", "cupy")
def test_sixteen_bits_are_half(name, library):
    if not hasattr(library.xp, name):
        pytest.skip(f"{library.name} has no {name}")
    x = library.xp.empty(0, dtype=getattr(library.xp, name), device=library.device)
    assert _xp.is_half(x.dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_other_fields_are_not_half(dtype, library):
    assert not _xp.is_half(library.like(dtype).dtype)


def test_indices_are_taken_with(library):
    x = library.asarray(np.asarray([5.0, 6.0, 7.0]))
    taken = library.xp.take(x, _xp.index_from_host([2, 0], x), axis=0)
    np.testing.assert_array_equal(_xp.to_host(taken), [7.0, 5.0])
