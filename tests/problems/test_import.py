"""The problems are loaded by those who ask for them."""

import subprocess
import sys


def test_importing_the_library_does_not_load_the_problems():
    code = "import sys, stiefelkit; print('stiefelkit.problems' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
