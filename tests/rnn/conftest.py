"""What the laws of cells leave out."""

import pytest


@pytest.fixture(autouse=True)
def skip_real_numbers_in_complex_cells(request):
    """A cell with a complex state has no real form: the laws are for complex dtypes only."""
    params = getattr(getattr(request.node, "callspec", None), "params", {})
    cell, dtype = params.get("cell"), str(params.get("dtype", "complex"))
    if getattr(cell, "complex_only", False) and "complex" not in dtype:
        pytest.skip(f"{type(cell).__name__} is for complex numbers")
