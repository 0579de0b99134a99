"""The gradients: finite differences in double precision, of every array argument of every op."""

import pytest

from stiefelkit.testing import check_vjp

from .._arguments import arguments, array_positions, cases


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize("case", cases())
def test_backward_equals_finite_differences(case, library):
    args = arguments(case)
    report = check_vjp(case.op, *args, rng=1, **case.options)
    assert report.ok, report
    names = {p.position: p.name for p in case.op.signature.parameters}
    given = [names[i] for i in array_positions(case, args)]
    assert [check.name for check in report] == ["forward", *given]
