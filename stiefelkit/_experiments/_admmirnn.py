"""The experiments of training by alternating directions, [TangKanEtAl:2020]_."""

from ._admm_characters import CHARACTERS
from ._admm_digits import DIGITS
from ._admm_divergence import DIVERGENCE
from ._admm_lagrangian import LAGRANGIAN
from ._experiment import Experiment

ADMMIRNN = Experiment(
    "admmirnn",
    "Training without gradients by alternating directions (ADMMiRNN)",
    (DIGITS, CHARACTERS, LAGRANGIAN, DIVERGENCE),
)
