"""The laws that manifolds, retractions, maps and gradients obey, as functions that measure.

Not loaded by ``import stiefelkit``.
"""

from ._exp_log import check_exp_log as check_exp_log
from ._gradient import check_gradient as check_gradient
from ._hessian import check_hessian as check_hessian
from ._parametrization import check_parametrization as check_parametrization
from ._projection import check_projection as check_projection
from ._report import Check as Check
from ._report import Report as Report
from ._retraction import check_retraction as check_retraction
from ._sampler import check_sampler as check_sampler
from ._transport import check_transport as check_transport
from ._vjp import check_vjp as check_vjp
