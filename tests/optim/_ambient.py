"""The rules whose iterates are beside the manifold, with bases that change the algorithm."""

import pytest

from stiefelkit.optim import POGO, SGD, Adam, Landing, RMSProp

HEAVY, VECTOR_ADAM = SGD(1.0, momentum=0.8), Adam(1.0)
RULES = [
    *(Landing(0.1), Landing(0.1, HEAVY, penalty=2.0), Landing(0.02, VECTOR_ADAM)),
    *(POGO(0.1), POGO(0.1, HEAVY), POGO(0.02, VECTOR_ADAM), POGO(0.02, RMSProp(1.0))),
]
every = pytest.mark.parametrize("rule", RULES, ids=str)
