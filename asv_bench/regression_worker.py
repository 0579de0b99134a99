"""Time the cases of a file as they are asked for: the processes of `check_regression.py`."""

import importlib.util
import json
import math
import os
import sys
import time


def least(call, seconds):
    """Return the least time of a call among those of some seconds."""
    found, end = math.inf, time.perf_counter() + seconds
    while True:
        begun = time.perf_counter()
        call()
        ended = time.perf_counter()
        found = min(found, ended - begun)
        if ended >= end:
            return found


def main(path):
    # What cases print must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    spec = importlib.util.spec_from_file_location("cases", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    cases, calls = module.CASES, {}
    for line in sys.stdin:
        case, seconds = json.loads(line)
        answer = {"error": None}
        try:
            if case is None:
                answer["names"] = list(cases)
            elif case not in calls:
                calls[case] = cases[case]()
                calls[case]()
            else:
                answer["least"] = least(calls[case], seconds)
        except Exception as error:
            answer["error"] = f"{type(error).__name__}: {error}"
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])
