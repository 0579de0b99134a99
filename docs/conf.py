"""Sphinx configuration. Build: ``sphinx-build -W --keep-going docs docs/_build/html``."""

import importlib.util
import os
import sys

os.environ["MPLBACKEND"] = "agg"
sys.path.insert(0, os.path.dirname(__file__))

import _performance

import stiefelkit

_performance.generate()

project = "stiefelkit"
author = "The stiefelkit developers"
copyright = "The stiefelkit developers"
version = release = stiefelkit.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "sphinx_copybutton",
]
if os.environ.get("STIEFELKIT_DOCS_ONLINE"):  # an unreachable inventory is a warning, hence fatal
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "numpy": ("https://numpy.org/doc/stable", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
    }

exclude_patterns = ["_build", "_performance", "examples", "sg_execution_times.rst"]
templates_path = ["_templates"]
default_role = "py:obj"  # a name that is not ours is set as code
add_function_parentheses = False
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autosummary_imported_members = True  # a name listed in an `__init__.py` is public
autodoc_typehints = "none"  # the docstrings say more
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # the template of classes lists them

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Where PyTorch is missing, its examples are shown, but not run.
_run = "/plot_" if importlib.util.find_spec("torch") else "/plot_(?!torch)"
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": _run,
    "abort_on_example_error": True,
    "plot_gallery": "True",
    "show_signature": False,
    "show_memory": False,
    "download_all_examples": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "stiefelkit"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_show_sourcelink = html_copy_source = False
html_sidebars = {"index": [], "quickstart": [], "references": []}
html_theme_options = {
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "navbar_align": "left",
    "footer_start": ["copyright"],
    "footer_end": [],
}
