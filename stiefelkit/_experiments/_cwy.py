"""The experiments of compact WY, [LikhosherstovDavisEtAl:2021]_."""

from ._cwy_adding import ADDING
from ._cwy_copying import COPYING
from ._cwy_time_report import TIME
from ._experiment import Experiment

CWY = Experiment(
    "cwy",
    "Compact WY: orthogonal recurrences by Householder reflections (CWY, T-CWY)",
    (COPYING, ADDING, TIME),
)
