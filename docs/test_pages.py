"""Run the Python blocks of the pages: ``pytest docs``.

The blocks of a page run in order, in one namespace and an empty folder; those with prompts are
doctests. A block whose first line is ``# on PyTorch`` or the like is skipped where that library is
missing. In blocks of ``console`` the lines that start with ``$ stiefelkit`` run in a shell.
"""

import doctest
import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import pytest

import stiefelkit

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LIBRARY = re.compile(r"# on (\w+)\n")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"])
    text, names = page.read_text(), {"__name__": page.stem}
    for block in BLOCK.finditer(text):
        language, source = block.groups()
        library = LIBRARY.match(source)
        if library and not _usable(library[1].lower()):
            continue
        line = text.count("\n", 0, block.start(2))
        if language == "console":
            _run_console(source)
        elif source.startswith(">>>"):
            _run_doctest(source, names, page, line)
        else:
            exec(compile("\n" * line + source, str(page), "exec"), names)


def _usable(library):
    name = {"pytorch": "torch"}.get(library, library)
    if name not in stiefelkit.backends():
        return importlib.util.find_spec(name) is not None
    try:
        return bool(stiefelkit.backends()[name]().devices())
    except ModuleNotFoundError:
        return False


def _run_console(source):
    for command in re.findall(r"^\$ (stiefelkit .*)$", source.replace("\\\n", ""), re.MULTILINE):
        subprocess.run(command, shell=True, check=True, timeout=300)


def _run_doctest(source, names, page, line):
    test = doctest.DocTestParser().get_doctest(source, names, page.name, str(page), line)
    test.globs = names  # the parser makes a copy, but later blocks see the names of this one
    report = []
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    runner.run(test, out=report.append, clear_globs=False)
    assert not runner.failures, "".join(report)
