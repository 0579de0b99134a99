"""What the optimizers share: groups with a manifold, batches of equal shapes, and their state."""

import abc
from typing import Any, ClassVar

import torch

from stiefelkit.linalg import orthonormalize
from stiefelkit.manifolds import AbstractManifold, Euclidean
from stiefelkit.optim import AbstractOptimizer, State

from ._groups import FRAMES, check_group, group_names, is_frames

# Entries of a tensor above which it is not stacked: it keeps a device busy by itself, and a
# stack is a copy.
_STACKED = 2**18
_OBJECTS = ("manifold", "rule")  # of a group: what a program says, not what a run has found


class ManifoldOptimizer(torch.optim.Optimizer):
    """A `torch.optim.Optimizer` whose groups have a manifold, and whose rule is stiefelkit's.

    Tensors of one shape, dtype and device, and of at most 2^18 entries, are stacked and updated
    together. Gradients are read and never written to.

    Parameters
    ----------
    params : iterable of tensors, named tensors or groups
    manifold : AbstractManifold
        Of each tensor of a group, whose leading axes are batch; `Euclidean()` by default.
    rows : bool
        Whether the rows of wide matrices are orthonormal: points are their transposes.
    maximize : bool
    options
        Those of the subclass, all of which a group may have its own of.
    """

    _manifolds: ClassVar[tuple[type, ...]] = (AbstractManifold,)

    def __init__(self, params, *, manifold=None, rows=False, maximize=False, **options):
        defaults = {
            "manifold": Euclidean() if manifold is None else manifold,
            "rows": rows,
            "maximize": maximize,
            **options,
        }
        super().__init__(params, defaults)

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
        groups = [
            {k: v for k, v in group.items() if k not in _OBJECTS} for group in saved["param_groups"]
        ]
        return {**saved, "param_groups": groups}

    def load_state_dict(self, state_dict):
        """Load a state; manifolds stay those that the groups have."""
        kept = [{k: group[k] for k in _OBJECTS if k in group} for group in self.param_groups]
        super().load_state_dict(state_dict)
        for group, objects in zip(self.param_groups, kept, strict=True):
            group.update(objects)
            for p in group["params"]:
                if p.is_complex() and p in self.state:  # PyTorch keeps the saved precision
                    self.state[p] = _cast(self.state[p], p.dtype)

    @torch.no_grad()
    def step(self, closure=None):
        """Update the parameters that have a gradient; return what `closure` does, if given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            rule = self._rule(group)
            for params in _batches(group, self._keys):
                self._update(rule, group, params)
        return loss

    @torch.no_grad()
    def project_(self) -> None:
        """Replace all frames by the nearest ones, their polar factors.

        For starts that are off the manifold, for weights that were stored in fewer digits, and
        for the iterates of `Landing` before they are used.
        """
        for group in self.param_groups:
            if isinstance(group["manifold"], Euclidean):
                continue
            if not is_frames(group["manifold"]):
                raise TypeError(
                    f"`project_` knows the nearest points of {FRAMES}. Got "
                    f"`{type(group['manifold']).__name__}`."
                )
            for params in _batches(group, lambda p: ()):
                x = _points(params, group)
                _write(params, orthonormalize(x, method="polar"), group)

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
        x, manifold = _points(params, group), group["manifold"]
        states = [self.state[p] for p in params]
        slots = {k: _gathered([s[k] for s in states]) for k in states[0] if k != "step"}
        step = int(states[0].get("step", 0))
        if not states[0]:
            self._check_start(x, params, group)
        if not states[0] or (group.get("momentum") and "momentum" not in slots):
            # A scheduler may have raised the momentum from 0 after the first step.
            slots = {**rule.init(x, manifold, rng=group.get("seed")).slots, **slots}
        y, state = rule.update(_gradients(params, x, group), State(step, slots, manifold), x)
        _write(params, y, group)
        for name, value in state.slots.items():
            _store(states, name, value)
        for s in states:
            s["step"] = torch.tensor(state.step, device="cpu")

    def _check_start(self, x, params, group):
        if isinstance(group["manifold"], Euclidean):
            return
        try:
            self._check_points(x, group)
        except ValueError as error:
            raise ValueError(
                f"Parameters {group_names(group, params)} cannot start. {error} All of this "
                f"optimizer are projected by `{type(self).__name__}.project_`."
            ) from None


def _batches(group, keys):
    """Yield lists of parameters that may be stacked: of one shape, dtype, device and key."""
    batches: dict[Any, list[torch.Tensor]] = {}
    for p in group["params"]:
        key = keys(p)
        if key is not None:
            alone = id(p) if p.numel() > _STACKED else None
            batches.setdefault((p.shape, p.dtype, p.device, alone, key), []).append(p)
    yield from batches.values()


def _stacked(tensors):
    found = tensors[0] if len(tensors) == 1 else torch.stack(tensors)
    return found.detach().resolve_conj()


def _points(params, group):
    x = _stacked([p.detach() for p in params])
    return x.mT if group["rows"] else x


def _gradients(params, x, group):
    """Return the gradients of what is to be minimized, in arrays of their own if they change."""
    g = _stacked([p.grad.detach() for p in params]).to(x.dtype)
    g = g.mT if group["rows"] else g
    g = -g if group["maximize"] else g
    decay = group.get("weight_decay", 0)
    return g + decay * x if decay else g


def _gathered(values):
    """Return a slot of several parameters: tensors in a stack, host numbers that are equal."""
    return _stacked(values) if isinstance(values[0], torch.Tensor) else values[0]


def _parts(value, count):
    return [value] if count == 1 else list(value.unbind())


def _write(params, y, group):
    y = (y.mT if group["rows"] else y).resolve_conj()
    torch._foreach_copy_(params, _parts(y, len(params)))


def _store(states, name, value):
    """Keep a slot: each parameter has tensors of its own."""
    if not isinstance(value, torch.Tensor):
        for s in states:
            s[name] = [int(word) for word in value]
    elif name in states[0]:
        torch._foreach_copy_([s[name] for s in states], _parts(value, len(states)))
    else:
        for s, part in zip(states, _parts(value, len(states)), strict=True):
            s[name] = part.clone(memory_format=torch.contiguous_format)


def _cast(state, dtype):
    """Return the state of a complex parameter in its precision."""
    real = dtype.to_real()
    return {
        k: v.to(dtype if v.is_complex() else real)
        if isinstance(v, torch.Tensor) and k != "step"
        else v
        for k, v in state.items()
    }
