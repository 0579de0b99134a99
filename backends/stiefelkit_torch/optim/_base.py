"""What the optimizers share: groups with a manifold, batches of equal shapes, and their state."""

import abc
from typing import Any, ClassVar

import torch

from stiefelkit.manifolds import AbstractManifold, Euclidean
from stiefelkit.optim import AbstractOptimizer, State

from .._call import _own_dtype
from ._groups import FRAMES, check_group, check_options, group_names, is_frames
from ._nearest import nearest
from ._stacks import batches, gathered, gradients, points, store, write
from ._states import cast, check_saved, objects, without_objects


class ManifoldOptimizer(torch.optim.Optimizer):
    """A `torch.optim.Optimizer` whose groups have a manifold, and whose rule is stiefelkit's.

    Tensors of one shape, dtype and device, and of at most 2^18 entries, are stacked and updated
    together, in their own dtype also under autocast. Gradients are read and never written to.

    Parameters
    ----------
    params : iterable of tensors, named tensors or groups
    options : dict
        Those of the subclass, all of which a group may have its own of.
    manifold : AbstractManifold
        Of each tensor of a group, whose leading axes are batch; `Euclidean()` by default.
    rows : bool
        Whether the rows of wide matrices are orthonormal: points are their transposes.
    maximize : bool

    Raises
    ------
    TypeError
        For other options.
    """

    _manifolds: ClassVar[tuple[type, ...]] = (AbstractManifold,)
    _optional: ClassVar[tuple[str, ...]] = ()  # options that some groups are without

    def __init__(self, params, options, /, *, manifold=None, rows=False, maximize=False, **unknown):
        check_options(type(self), unknown)
        shared = {
            "manifold": Euclidean() if manifold is None else manifold,
            "rows": rows,
            "maximize": maximize,
        }
        super().__init__(params, {**shared, **options})

    @abc.abstractmethod
    def _rule(self, group: dict[str, Any]) -> AbstractOptimizer:
        """Return the rule that the options of a group stand for now."""

    def _check_points(self, x: torch.Tensor, group: dict[str, Any]) -> None:
        """Raise unless the rule can start at the points."""
        group["manifold"].check_point(x)

    def add_param_group(self, param_group):
        """Add a group of parameters, as `torch.optim.Optimizer` does."""
        super().add_param_group(param_group)
        try:
            check_group(type(self).__name__, self.param_groups[-1], self._manifolds)
            self._rule(self.param_groups[-1])
        except (TypeError, ValueError):
            self.param_groups.pop()
            raise

    def state_dict(self):
        """Return numbers and tensors alone: the manifolds are the program's to say."""
        saved = super().state_dict()
        return {**saved, "param_groups": [without_objects(g) for g in saved["param_groups"]]}

    def load_state_dict(self, state_dict):
        """Load a state; manifolds stay those that the groups have."""
        kept = [objects(group) for group in self.param_groups]
        # The last of the hooks, by which a user may complete what another optimizer saved.
        check = self.register_load_state_dict_pre_hook(check_saved)
        try:
            super().load_state_dict(state_dict)
        finally:
            check.remove()
        for group, own in zip(self.param_groups, kept, strict=True):
            group.update(own)
            for p in group["params"]:
                if p.is_complex() and p in self.state:  # PyTorch keeps the saved precision
                    self.state[p] = cast(self.state[p], p.dtype)

    @torch.no_grad()
    def step(self, closure=None):
        """Update the parameters that have a gradient; return what `closure` does, if given.

        Starts, layouts and options are checked before the first parameter is written to.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        work = [
            (rule, group, params)
            for rule, group in [(self._rule(group), group) for group in self.param_groups]
            for params in batches(group, self._keys)
        ]
        for _, group, params in work:
            self._check_start(params, group)
        for rule, group, params in work:
            with _own_dtype(params):
                self._update(rule, group, params)
        return loss

    @torch.no_grad()
    def project_(self) -> None:
        """Replace all frames by the nearest ones, their polar factors, or nearest rotations.

        For starts that are off the manifold, for weights that were stored in fewer digits, and
        for the iterates of `Landing` before they are used.
        """
        curved = [g for g in self.param_groups if not isinstance(g["manifold"], Euclidean)]
        for group in curved:
            if not is_frames(group["manifold"]):
                raise TypeError(
                    f"`project_` knows the nearest points of {FRAMES}. Got "
                    f"`{type(group['manifold']).__name__}`."
                )
        for group in curved:
            for params in batches(group, lambda p: ()):
                with _own_dtype(params):
                    write(params, nearest(points(params, group), group["manifold"]), group)

    def _keys(self, p):
        """Return what must be equal for an update together, or None if there is no gradient."""
        if p.grad is None:
            return None
        if p.grad.layout is not torch.strided:
            raise RuntimeError(
                f"`{type(self).__name__}` takes dense gradients. Got one of the layout "
                f"{p.grad.layout} for a parameter of shape {tuple(p.shape)}. Give it "
                "`torch.optim.SparseAdam`, or `sparse=False` to its module."
            )
        state = self.state.get(p, {})
        host = tuple((k, tuple(v)) for k, v in state.items() if not isinstance(v, torch.Tensor))
        return int(state.get("step", 0)), frozenset(state), host

    def _update(self, rule, group, params):
        """Update parameters of one key, as one batch if there are several."""
        x, manifold = points(params, group), group["manifold"]
        states = [self.state[p] for p in params]
        slots = {k: gathered(states, k, group) for k in states[0] if k != "step"}
        step = int(states[0].get("step", 0))
        if not states[0] or (group.get("momentum") and "momentum" not in slots):
            # A scheduler may have raised the momentum from 0 after the first step.
            slots = {**rule.init(x, manifold, rng=group.get("seed")).slots, **slots}
        y, state = rule.update(gradients(params, x, group), State(step, slots, manifold), x)
        write(params, y, group)
        for name, value in state.slots.items():
            store(params, states, name, value, group)
        for s in states:
            s["step"] = torch.tensor(state.step, device="cpu")

    def _check_start(self, params, group):
        if isinstance(group["manifold"], Euclidean) or self.state.get(params[0]):
            return
        try:
            with _own_dtype(params):
                self._check_points(points(params, group), group)
        except ValueError as error:
            raise ValueError(
                f"Parameters {group_names(group, params)} cannot start. {error} All of this "
                f"optimizer are projected by `{type(self).__name__}.project_`."
            ) from None
