"""Update rules for minibatch training: a direction rule for any manifold."""

from ._adam import Adam as Adam
from ._base import AbstractOptimizer as AbstractOptimizer
from ._base import State as State
from ._clip import ClipNorm as ClipNorm
from ._clip import ClipValue as ClipValue
from ._coordinate_descent import CoordinateDescent as CoordinateDescent
from ._greedy_rules import BlockGaussSouthwell as BlockGaussSouthwell
from ._greedy_rules import GaussSouthwell as GaussSouthwell
from ._greedy_rules import GreedyMatching as GreedyMatching
from ._landing import Landing as Landing
from ._pair_rules import AbstractPairRule as AbstractPairRule
from ._pair_rules import Cyclic as Cyclic
from ._pair_rules import Matching as Matching
from ._pair_rules import SampledGaussSouthwell as SampledGaussSouthwell
from ._pair_rules import Uniform as Uniform
from ._partition import Partition as Partition
from ._pogo import POGO as POGO
from ._rmsprop import RMSProp as RMSProp
from ._schedule import Cosine as Cosine
from ._schedule import ExponentialDecay as ExponentialDecay
from ._schedule import PiecewiseConstant as PiecewiseConstant
from ._sgd import SGD as SGD
from ._sweeps import coordinate_descent_sweep as coordinate_descent_sweep
from ._sweeps import coordinate_pairs as coordinate_pairs
from ._sweeps import gauss_southwell_sweep as gauss_southwell_sweep
