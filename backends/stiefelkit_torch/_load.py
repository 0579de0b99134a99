"""State dicts of plain modules, loaded into modules with an orthogonal weight."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class PlainWeight:
    """Replaces a plain weight of a state dict by the leaves that it has.

    A hook that runs before the module loads; it takes an orthonormal weight, others are reported
    with the remaining errors of `load_state_dict`.
    """

    name: str

    def __call__(self, module, state_dict, prefix, local, strict, missing, unexpected, errors):
        weight = state_dict.get(prefix + self.name)
        if weight is None:
            return
        parts = module.parametrizations[self.name]
        made, originals = parts[0], list(parts.parameters(recurse=False))
        like = originals[0]
        try:
            leaves = made.leaves(weight.to(device=like.device, dtype=made.dtype(originals)))
        except ValueError as error:
            errors.append(f"`{prefix}{self.name}` cannot be loaded. {error}")
            return
        del state_dict[prefix + self.name]
        below = f"{prefix}parametrizations.{self.name}."
        for i, name in enumerate(made.free):
            state_dict[below + ("original" if parts.is_tensor else f"original{i}")] = leaves[name]
        for name in made.fixed:
            state_dict[f"{below}0.{name}"] = leaves[name]
