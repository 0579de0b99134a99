"""Times of calls made in turn, one slow call with a limit, and where they were taken."""

import datetime
import json
import math
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = "stiefelkit", "numpy", "scipy", "numba"  # what every figure depends on
SLICE = 0.3  # seconds of one call before the next has its turn
REST = 0.15  # seconds in between: threads of a BLAS go on to wait, each on a core, for tens of ms
waits = []  # for what a call has launched, functions that wait until it is done


def elapsed(call):
    begun = time.perf_counter()
    call()
    for wait in waits:
        wait()
    return time.perf_counter() - begun


def in_turn(calls, seconds, slow=1.0):
    """Return the times of each call by its label, taken in turn for some seconds.

    The speed of a shared machine changes within minutes, so that only times taken in turn can be
    compared. A call that takes longer than `slow`, twice since compilers may be at work the first
    time, has no turns, but up to three times in a row.
    """
    times = {label: [] for label in calls}
    for label, call in calls.items():
        spent = [elapsed(call)]
        while spent[-1] > slow and len(spent) < 4 and (len(spent) < 2 or sum(spent) < seconds):
            spent.append(elapsed(call))
        if spent[-1] > slow:
            times[label] = spent[1:]
    quick = [label for label in calls if not times[label]]
    end, rounds = time.perf_counter() + seconds, 0
    while quick and (rounds < 3 or time.perf_counter() < end):
        rounds += 1
        for label in quick:
            time.sleep(REST)
            calls[label]()  # caches and threads have been elsewhere
            turn = time.perf_counter() + SLICE
            times[label].append(elapsed(calls[label]))
            while time.perf_counter() < turn:
                times[label].append(elapsed(calls[label]))
    return times


def once(make, arguments, limit):
    """Return the time of one call in a process of its own, or infinity if it exceeds the limit.

    `make(*arguments)` makes the call there. A single product of large matrices may outlast any
    limit that is looked at in between; a process can be ended.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_once, args=(there, make, arguments), daemon=True)
    process.start()
    try:
        here.recv()
        return here.recv() if here.poll(limit) else math.inf
    finally:
        process.kill()
        process.join()


def _once(connection, make, arguments):
    call = make(*arguments)
    connection.send("made")
    connection.send(elapsed(call))


def summary(times):
    """Return median, least and number of times, in milliseconds."""
    return {
        "median, ms": 1e3 * statistics.median(times),
        "least, ms": 1e3 * min(times),
        "runs": len(times),
    }


def environment(*packages):
    """Return where and with what a figure was measured, for its record.

    `packages` are those besides what every record names.
    """
    named = dict.fromkeys((*PACKAGES, *packages))
    return {
        "date": datetime.date.today().isoformat(),
        "command": "python " + " ".join([os.path.relpath(sys.argv[0]), *sys.argv[1:]]),
        "commit": commit(),
        "machine": f"{processor()}, {os.cpu_count()} cores, {platform.system()}",
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "versions": {"python": platform.python_version()} | versions(*named),
    }


def commit():
    """Return the short hash of the checkout, "+changes" after it if files differ, or nothing."""
    folder = str(Path(__file__).resolve().parent)
    command = ["git", "--no-optional-locks", "-C", folder, "describe", "--exclude=*", "--always"]
    try:
        done = subprocess.run([*command, "--dirty=+changes"], capture_output=True, text=True)
    except FileNotFoundError:  # no git
        return ""
    return done.stdout.strip()


def processor():
    """Return the name of the processor, where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def versions(*packages):
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def write(path, record):
    Path(path).write_text(json.dumps(record, indent=1, allow_nan=False) + "\n")
