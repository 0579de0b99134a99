"""Results of checks: what passes, and how they read."""

import math
import subprocess
import sys

import pytest

from stiefelkit.testing import Check, Report


@pytest.mark.parametrize(
    ("error", "ok"),
    [
        (0.0, True),
        (1.0, True),
        (1.1, False),
        (-math.inf, True),
        (math.inf, False),
        (math.nan, False),
    ],
)
def test_a_law_holds_within_its_bound(error, ok):
    assert Check("law", error, 1.0).ok is ok
    assert Report((Check("law", error, 1.0),)).ok is ok


def test_reports_are_read_by_name():
    good, bad = Check("good", 0.0, 1.0), Check("bad", 2.0, 1.0, "twice as much")
    report = Report((good, bad))
    assert (report["good"], report["bad"]) == (good, bad)
    assert (tuple(report), len(report), report.failures) == ((good, bad), 2, (bad,))
    assert "good" in report
    assert "ugly" not in report
    with pytest.raises(KeyError, match=r"laws are \['good', 'bad'\]. Got 'ugly'"):
        report["ugly"]


def test_reports_show_numbers_and_notes():
    lines = repr(Report((Check("good", 0.0, 1.0), Check("bad", 2.0, 1.0, "twice as much"))))
    good, bad = lines.splitlines()
    assert good.split() == ["ok", "good", "0.0e+00", "<=", "1.0e+00"]
    assert bad.split() == ["FAIL", "bad", "2.0e+00", ">", "1.0e+00", "twice", "as", "much"]


def test_the_package_is_not_loaded_with_the_library():
    code = "import sys, stiefelkit; print('stiefelkit.testing' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
