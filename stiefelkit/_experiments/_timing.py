"""How long a call takes."""

import time
from collections.abc import Callable
from typing import Any

from .._xp import to_host


def best_seconds(call: Callable[[], Any], result: Callable[[Any], Any], budget: float) -> float:
    """Return the shortest time of a call, of at least three, within `budget` seconds.

    `result` picks an array of what the call returned, which is fetched to the host: a device
    may compute on after the call.
    """
    times: list[float] = []
    while len(times) < 3 or (sum(times) < budget and len(times) < 1000):
        begun = time.perf_counter()
        to_host(result(call()))
        times.append(time.perf_counter() - begun)
    return min(times)
