"""Objects of this library as JSON: the public dataclasses, by name and fields."""

import dataclasses
import importlib
from typing import Any

_HOMES = ("rnn", "parametrizations", "manifolds", "retractions", "optim")
_PACKAGE = __name__.split(".")[0]


def to_config(value: Any) -> Any:
    """Return dicts, lists and plain values that `from_config` builds the object from."""
    if dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
        return {
            "type": type(value).__name__,
            **{name: to_config(field) for name, field in fields.items()},
        }
    if isinstance(value, dict):
        return {name: to_config(field) for name, field in value.items()}
    if isinstance(value, list | tuple):
        return [to_config(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(
        f"A checkpoint keeps the dataclasses of {_PACKAGE} and plain values. "
        f"Got {value!r} of type {type(value).__name__}."
    )


def from_config(config: Any) -> Any:
    """Return the object that `to_config` described."""
    if isinstance(config, list):
        return tuple(from_config(item) for item in config)
    if not isinstance(config, dict):
        return config
    fields = {name: from_config(value) for name, value in config.items() if name != "type"}
    if "type" not in config:
        return fields
    return _find(config["type"])(**fields)


def _find(name: str) -> Any:
    for home in _HOMES:
        found = vars(importlib.import_module(f"{_PACKAGE}.{home}")).get(name)
        if dataclasses.is_dataclass(found):
            return found
    raise ValueError(
        f"There is no class `{name}` in {_PACKAGE}: was it written by a newer version?"
    )
