"""What of an optimizer is saved, and what may be loaded."""

import torch

_OBJECTS = ("manifold", "rule")  # of a group: what a program says, not what a run has found
# PyTorch adds the first to the defaults of what was loaded or copied.
_NOT_SAVED = ("differentiable", *_OBJECTS)


def objects(group):
    return {k: group[k] for k in _OBJECTS if k in group}


def without_objects(group):
    return {k: v for k, v in group.items() if k not in _OBJECTS}


def check_saved(optimizer, state_dict):
    """Raise unless the groups of a state have what those of the optimizer need."""
    name = type(optimizer).__name__
    needed = [k for k in optimizer.defaults if k not in (*_NOT_SAVED, *optimizer._optional)]
    for number, group in enumerate(state_dict["param_groups"]):
        missing = [k for k in needed if k not in group]
        if missing:
            raise ValueError(
                f"Groups of a state of `{name}` have {needed}. Got group {number} without "
                f"{missing}. Load what `state_dict` of this class returned, or begin without a "
                "state."
            )


def cast(state, dtype):
    """Return the state of a complex parameter in its precision."""
    real = dtype.to_real()
    return {
        k: v.to(dtype if v.is_complex() else real)
        if isinstance(v, torch.Tensor) and k != "step"
        else v
        for k, v in state.items()
    }
