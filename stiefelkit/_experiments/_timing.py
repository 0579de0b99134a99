"""How long a call takes."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from .._xp import to_host


def best_seconds(call: Callable[[], Any], result: Callable[[Any], Any], budget: float) -> float:
    """Return the shortest time of a call, of at least three, within `budget` seconds.

    `result` picks an array of what the call returned, which is fetched to the host: a device
    may compute on after the call.
    """
    times: list[float] = []
    while len(times) < 3 or (sum(times) < budget and len(times) < 1000):
        times.append(_seconds(call, result))
    return min(times)


def best_seconds_in_turn(
    calls: Mapping[str, Callable[[], Any]], result: Callable[[Any], Any], budget: float
) -> dict[str, float]:
    """Return the shortest time of each call, made one after the other in at least three rounds.

    What else the machine does at a time then slows all of them, so that their ratios hold.
    """
    rounds: list[dict[str, float]] = []
    begun = time.perf_counter()
    while len(rounds) < 3 or (time.perf_counter() - begun < budget and len(rounds) < 1000):
        rounds.append({name: _seconds(call, result) for name, call in calls.items()})
    return {name: min(times[name] for times in rounds) for name in calls}


def _seconds(call, result):
    begun = time.perf_counter()
    to_host(result(call()))
    return time.perf_counter() - begun
