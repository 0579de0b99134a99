"""What the laws of cells leave out."""

import pytest

from stiefelkit.rnn import LSTMCell


@pytest.fixture(autouse=True)
def skip_fields_that_a_cell_has_not(request):
    """The laws of a cell whose state is complex, or real, by nature are for that field only."""
    params = getattr(getattr(request.node, "callspec", None), "params", {})
    cell, dtype = params.get("cell"), str(params.get("dtype", ""))
    if getattr(cell, "complex_only", False) and "float" in dtype:
        pytest.skip(f"{type(cell).__name__} is for complex numbers")
    if isinstance(cell, LSTMCell) and "complex" in dtype:
        pytest.skip(f"{type(cell).__name__} is for real numbers")
