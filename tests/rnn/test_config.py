"""Objects as JSON, and back."""

import json

import pytest

from stiefelkit import optim
from stiefelkit.rnn import Copying, Digits
from stiefelkit.rnn._config import from_config, to_config

from ._networks import cells
from ._runs import OPTIMIZERS

OBJECTS = [
    *cells(2, 3),
    *OPTIMIZERS.values(),
    Copying(5, 2, 1),
    Digits(permuted=True, fold=3),
    optim.PiecewiseConstant((1.0, 0.5), (3,)),
]


@pytest.mark.parametrize("value", OBJECTS, ids=lambda v: type(v).__name__)
def test_object_comes_back_through_json(value):
    assert from_config(json.loads(json.dumps(to_config(value)))) == value


@pytest.mark.parametrize("value", [lambda step: 0.1, {1.0}, object()])
def test_other_things_are_refused(value):
    with pytest.raises(TypeError, match=r"A checkpoint keeps the dataclasses .*Got .* of type"):
        to_config(optim.SGD(value))


@pytest.mark.parametrize("name", ["system", "AbstractNothing", "fit", "AbstractCell"])
def test_only_public_dataclasses_are_made(name):
    with pytest.raises(ValueError, match=f"There is no class `{name}`"):
        from_config({"type": name})
