"""`stiefelkit reproduce`."""

import argparse
import os

import numpy

from .._experiments import EXPERIMENTS, Setting, measure_part, read_part, write_report
from ._settings import choose
from ._train import first_array


def reproduce(options: argparse.Namespace) -> int:
    """Measure the parts of an experiment, write the report, and say what passed."""
    experiment = choose("experiment", options.experiment, EXPERIMENTS)
    known = {part.name: part for part in experiment.parts}
    again = [choose("part", name, known).name for name in options.part or ()]
    setting = Setting(options.quick, options.seed, first_array(options))
    default = os.path.join("runs", experiment.name + ("-quick" if options.quick else ""))
    folder = options.out or default
    measured = []
    for part in experiment.parts:
        record = None if part.name in again else read_part(part, setting, folder)
        if record is None and (part.name in again or not again):
            print(f"{experiment.name}: {part.title} ...", flush=True)
            # A run that diverges is a result; NumPy's warnings would come before it.
            with numpy.errstate(all="ignore"):
                record = measure_part(part, setting, folder)
        if record is not None:
            measured.append((part, record))
    checks = write_report(experiment, measured, folder)
    print(*checks, sep="\n")
    passed = sum(check.passed for check in checks)
    print(f"{passed} of {len(checks)} passed; written to {os.path.join(folder, 'report.md')}")
    return 0 if passed == len(checks) else 1
