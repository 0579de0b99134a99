"""Values are looked at where that is free, and the same functions run where there are none."""

import pytest

from stiefelkit.linalg import cayley, cayley_retract, cayley_rotate, orthonormalize

torch = pytest.importorskip("torch")


FUNCTIONS = {
    "cayley": (cayley, [(200, 200)]),
    "cayley_rotate": (cayley_rotate, [(130, 130), (130, 130)]),
    "cayley_retract": (cayley_retract, [(300, 200), (300, 200)]),
    "orthonormalize": (orthonormalize, [(2000, 30)]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_is_looked_at_where_there_are_no_values(name, rng):
    from torch._subclasses.fake_tensor import FakeTensorMode

    function, shapes = FUNCTIONS[name]
    args = [torch.as_tensor(rng.standard_normal((2, *shape))) for shape in shapes]
    args = [x - x.mT if x.shape[-1] == x.shape[-2] else torch.linalg.qr(x)[0] for x in args]
    found = torch.func.vmap(function)(*args)
    for k in range(2):
        torch.testing.assert_close(found[k], function(*(x[k] for x in args)), rtol=0, atol=1e-9)
    with FakeTensorMode():
        fakes = [torch.empty(shape, dtype=torch.float64) for shape in shapes]
        fake = function(*fakes)
    assert fake.shape == found[0].shape
