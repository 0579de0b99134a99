"""The experiments of the four papers, as `stiefelkit reproduce` repeats them."""

from ._admmirnn import ADMMIRNN
from ._cwy import CWY
from ._experiment import Check as Check
from ._experiment import Experiment as Experiment
from ._experiment import Figure as Figure
from ._experiment import Note as Note
from ._experiment import Panel as Panel
from ._experiment import Part as Part
from ._experiment import Setting as Setting
from ._experiment import Table as Table
from ._record import measure_part as measure_part
from ._record import read_part as read_part
from ._report import write_report as write_report
from ._srcd import SRCD
from ._urnn import URNN

EXPERIMENTS: dict[str, Experiment] = {
    "admmirnn": ADMMIRNN,
    "cwy": CWY,
    "srcd": SRCD,
    "urnn": URNN,
}
