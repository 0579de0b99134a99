"""What optimizers share whose iterates are beside the manifold."""

from stiefelkit import optim as rules
from stiefelkit.linalg import orthonormalize
from stiefelkit.manifolds import Euclidean, Orthogonal, SpecialOrthogonal, Stiefel

from ._base import ManifoldOptimizer

# The farthest from which a step surely leads nearer.
_RADIUS = 0.5


class AmbientOptimizer(ManifoldOptimizer):
    """An optimizer that makes a direction of the Euclidean gradients, by momentum or by Adam."""

    _manifolds = (Euclidean, Stiefel, Orthogonal)
    _optional = ("betas",)

    def __init__(self, params, options, /, **shared):
        # Left out where there are none: schedulers of momentum look for the key.
        if options["betas"] is None:
            options = {k: v for k, v in options.items() if k != "betas"}
        super().__init__(params, options, **shared)

    def _base(self, group):
        """Return the rule for the direction, of rate 1."""
        if group.get("betas") is None:
            return rules.SGD(1.0, group["momentum"])
        if group["momentum"]:
            raise ValueError(
                '"betas" are Adam\'s, whose first one is the factor of the momentum. Got '
                f'"momentum" {group["momentum"]} beside them; set it 0.'
            )
        return rules.Adam(1.0, *group["betas"], group["eps"])

    def _check_points(self, x, group):
        radius = group.get("radius", _RADIUS)
        far = group["manifold"].residual(x)
        if not bool((far <= radius).all()):
            raise ValueError(
                f"`{type(self).__name__}` starts where |Q^T Q - I|_F <= {radius}. Got "
                f"{far.max().item():.2g}."
            )
        if isinstance(group["manifold"], SpecialOrthogonal):
            # The field leads to the nearest frame, which may be none of the manifold's.
            group["manifold"].check_point(orthonormalize(x, method="polar"))
