"""The experiments of the unitary evolution RNN, [ArjovskyShahBengio:2016]_."""

from ._experiment import Experiment
from ._urnn_adding import ADDING
from ._urnn_copying import COPYING
from ._urnn_digits import DIGITS
from ._urnn_step import STEP

URNN = Experiment("urnn", "The unitary evolution network (uRNN)", (COPYING, ADDING, DIGITS, STEP))
