"""What the commands of the command line do."""

from ._info import info as info
from ._optimizers import OPTIMIZERS as OPTIMIZERS
from ._optimizers import TRAINERS as TRAINERS
from ._predict import predict as predict
from ._reproduce import EXPERIMENTS as EXPERIMENTS
from ._reproduce import reproduce as reproduce
from ._settings import ACTIVATIONS as ACTIVATIONS
from ._settings import CELLS as CELLS
from ._settings import TASKS as TASKS
from ._settings import describe_defaults as describe_defaults
from ._settings import describe_tasks as describe_tasks
from ._settings import matrix_names as matrix_names
from ._settings import names as names
from ._train import train as train
