"""How Sphinx builds the site: `make docs`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from pygments.lexers.data import JsonLexer
from pygments.lexers.html import XmlLexer
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx_gallery.sorting import FunctionSortKey

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import foretell  # noqa: E402

project = "Foretell"
author = "The Foretell developers"
copyright = author
release = version = foretell.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "docs.math_as_markup",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "**/GALLERY_HEADER.rst"]
nitpicky = True
suppress_warnings = ["config.cache"]  # sphinx-gallery's settings hold functions, which no cache can keep

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
html_math_renderer = "mathml"
smartquotes_action = "qe"  # options keep their two dashes in prose

# Docstrings state the types: a signature with them would say everything twice.
autodoc_typehints = "none"
autosummary_generate = True
numpydoc_show_class_members = False
default_role = "autolink"
# What docstrings name in passing without a page of its own: modules, and attributes by their bare names.
nitpick_ignore_regex = [("py:obj", r"foretell\.(?!figures\.|exceptions\.)\w+(\..*)?|numpy\..*|\w+")]

# In the order in which they teach.
EXAMPLES = [
    "two_arrays.py",
    "layers.py",
    "tokens.py",
    "number_of_items.py",
    "errors.py",
    "ties.py",
    "beside_cka.py",
    "slipped_pairs.py",
]
sphinx_gallery_conf = {
    "examples_dirs": "../examples/made",
    "gallery_dirs": "made",
    "filename_pattern": r"\.py$",
    "within_subsection_order": FunctionSortKey(EXAMPLES.index),
    "download_all_examples": False,
    "show_signature": False,
    "remove_config_comments": True,
    "abort_on_example_error": True,
    "write_computation_times": False,
    "min_reported_time": 3600,
}

html_theme = "pydata_sphinx_theme"
html_title = f"Foretell {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_sidebars: dict[str, list[str]] = {page: [] for page in ("index", "start", "reading", "faq")}
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_toc_level": 2,
    "secondary_sidebar_items": {"**": ["page-toc"], "comparison": []},  # its table takes the room
    "show_prev_next": True,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

# Files outside docs/ that have a page here; the pages link to the files, so that links hold in the repository too.
ELSEWHERE = {
    "../benchmarks/README.md": "project/benchmarks.md",
    "../benchmarks/coverage.md": "project/coverage.md",
    "../examples/README.md": "project/trained-here.md",
    "../CONTRIBUTING.md": "project/contributing.md",
    "../CHANGELOG.md": "project/changelog.md",
}


def _link_to_pages(app: Sphinx, page: str, source: list[str]) -> None:
    """Point links to files outside docs/ at their pages, from wherever the text stands."""
    for file, target in ELSEWHERE.items():
        source[0] = source[0].replace(f"]({file}", f"](/{target}")


def _link_docstrings(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Make the pages that docstrings name, such as ``docs/result.md``, links to them."""
    lines[:] = [re.sub(r"`+docs/([a-z-]+)\.md`+", r":doc:`/\1`", line) for line in lines]


def _without_constructor(
    app: Sphinx, what: str, name: str, thing: object, options: object, signature: str, returns: str
) -> tuple[str, str] | None:
    """Leave out the arguments of a protocol, which is not made: it only says what is asked for."""
    return ("", "") if getattr(thing, "_is_protocol", False) else None


def setup(app: Sphinx) -> None:
    """Teach Sphinx the fences of our pages, and where their links lead."""
    for name, lexer in {"tsv": TextLexer, "csv": TextLexer, "jsonl": JsonLexer, "tmx": XmlLexer}.items():
        app.add_lexer(name, lexer)
    app.connect("source-read", _link_to_pages)
    app.connect("autodoc-process-docstring", _link_docstrings)
    app.connect("autodoc-process-signature", _without_constructor)
