"""State dicts of plain modules, loaded into modules with an orthogonal weight."""

import dataclasses

from torch.nn.utils import parametrize


@dataclasses.dataclass(frozen=True)
class PlainWeight:
    """Replaces a plain weight of a state dict by the leaves that it has.

    A hook that runs before the module loads; it takes an orthonormal weight, others are reported
    with the remaining errors of `load_state_dict`.
    """

    name: str

    def __call__(self, module, state_dict, prefix, local, strict, missing, unexpected, errors):
        weight = state_dict.get(prefix + self.name)
        # The hook outlives a parametrization that PyTorch removes; of several, ours is not alone
        # to say what the weight is.
        if weight is None or not parametrize.is_parametrized(module, self.name):
            return
        parts = module.parametrizations[self.name]
        if len(parts) > 1:
            return
        made, originals = parts[0], list(parts.parameters(recurse=False))
        if not local.get("assign_to_params_buffers", False):
            weight = weight.to(device=originals[0].device, dtype=made.dtype(originals))
        try:
            leaves = made.leaves(weight)
        except ValueError as error:
            errors.append(f"`{prefix}{self.name}` cannot be loaded. {error}")
            return
        del state_dict[prefix + self.name]
        below = f"{prefix}parametrizations.{self.name}."
        for i, name in enumerate(made.free):
            state_dict[below + ("original" if parts.is_tensor else f"original{i}")] = leaves[name]
        for name in made.fixed:
            state_dict[f"{below}0.{name}"] = leaves[name]

    def take_over(self, module):
        """Become the only hook of the weight: PyTorch leaves one behind that it does not know."""
        self.leave(module)
        module.register_load_state_dict_pre_hook(self)

    def leave(self, module):
        """Take the hook off the module."""
        hooks = module._load_state_dict_pre_hooks
        for key in [key for key, hook in hooks.items() if getattr(hook, "hook", hook) == self]:
            del hooks[key]
