"""Problems on manifolds with known answers, made from data: import this subpackage by name."""

from ._brockett import brockett as brockett
from ._ica import ica as ica
from ._joint_diagonalization import joint_diagonalization as joint_diagonalization
from ._low_rank import low_rank as low_rank
from ._nearest_frame import nearest_frame as nearest_frame
from ._pca import pca as pca
from ._problem import Problem as Problem
from ._procrustes import procrustes as procrustes
from ._tensor import tensor as tensor
