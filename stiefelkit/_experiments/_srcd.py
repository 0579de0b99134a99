"""Stochastic coordinate descent of [MassartAbrol:2022]_, and what it is worth."""

from ._experiment import Experiment
from ._srcd_copying import PUBLISHED, RMSPROP
from ._srcd_digits import DIGITS
from ._srcd_drift import DRIFT
from ._srcd_learning import LEARNING
from ._srcd_update import ITERATION, UPDATE

SRCD = Experiment(
    "srcd",
    "Stochastic coordinate descent on the orthogonal group (SRCD)",
    (PUBLISHED, RMSPROP, LEARNING, DIGITS, UPDATE, ITERATION, DRIFT),
)
