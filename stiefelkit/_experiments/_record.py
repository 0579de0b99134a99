"""The files of measured parts, and on what they were measured."""

import json
import os
import platform
import time
from typing import Any

import numpy

from .. import __version__
from .._xp import array_namespace, device
from ._experiment import Part, Result, Setting


def measure_part(part: Part, setting: Setting, folder: str) -> dict[str, Any]:
    """Measure, and write the outcome with its circumstances to ``folder/<part>.json``."""
    setting, begun = part.adapt(setting), time.perf_counter()
    result: Result = part.measure(setting)
    record = {
        "part": part.name,
        **_circumstances(setting),
        "seconds": round(time.perf_counter() - begun, 1),
        "result": _rounded(result),
    }
    os.makedirs(folder, exist_ok=True)
    path = part_path(folder, part)
    # A run that is killed leaves no half of a file.
    with open(f"{path}.tmp", "w", encoding="utf-8") as file:
        json.dump(record, file, indent=None, separators=(",", ":"))
        file.write("\n")
    os.replace(f"{path}.tmp", path)
    return record


def read_part(part: Part, setting: Setting, folder: str) -> dict[str, Any] | None:
    """Return the record of a part measured before under the same setting, or None."""
    path = part_path(folder, part)
    if not os.path.exists(path):
        return None
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
        found = {name: record[name] for name in ("quick", "seed", "library", "dtype")}
        record["result"], record["seconds"]
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"`{path}` is no measured part: {error}. Remove it.") from error
    wanted = {name: _circumstances(part.adapt(setting))[name] for name in found}
    if found != wanted:
        raise ValueError(
            f"`{path}` was measured with {_words(found)}. This run has {_words(wanted)}. "
            "Give another folder by --out, or measure the part again by --part."
        )
    return record


def part_path(folder: str, part: Part) -> str:
    return os.path.join(folder, f"{part.name}.json")


def _words(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _circumstances(setting: Setting) -> dict[str, Any]:
    name = array_namespace(setting.like).__name__.split(".")[-1]
    return {
        "quick": setting.quick,
        "seed": setting.seed,
        "library": name,
        "dtype": str(setting.like.dtype).split(".")[-1],
        "device": str(device(setting.like)),
        "stiefelkit": __version__,
        "numpy": numpy.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores",
        "date": time.strftime("%Y-%m-%d"),
    }


def _rounded(value: Any) -> Any:
    """Return the numbers with six digits, so that the files stay small and can be read."""
    if isinstance(value, dict):
        return {str(key): _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    return float(f"{float(value):.6g}")
