"""The page: one HTML file with its style, its scripts, the chart library and its data inside.

A content security policy in the page lets only these very scripts run (by their hashes), and no request go anywhere.
Data come as JSON in which no `<` is left, and reach the page as text, never as markup.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foretell.exceptions import require
from foretell.files import replacing
from foretell.measure.results.result_files import checked_as_result
from foretell.studies.report.contents import Contents, contents_of
from foretell.studies.report.payload import payload
from foretell.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from foretell.studies.report.contents import Said

_SCRIPTS = ("data", "dom", "state", "controls", "charts", "curves", "map", "neighbours", "health", "tables", "main")
"""In order: each uses what stands before it."""


def write_report(
    results: str | Path | Sequence[str | Path], out: str | Path = "report.html", *, different_n: bool = False
) -> Path:
    """Write one page that shows results: a file for any browser, which works offline.

    Parameters
    ----------
    results : str, Path or a sequence of them
        Folders of runs, files of results (`result.nc`), or both.
    out : str or Path
        The page; one that is there is replaced.
    different_n : bool
        Whether results may have different n, whose values are not comparable.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    InputError
        If there is no result, one cannot be read, or their n differ.
    """
    places = [results] if isinstance(results, str | Path) else list(results)
    page = page_of(contents_of(places, different_n=different_n))
    with replacing(Path(out)) as path:
        path.write_text(page, encoding="utf-8")
    return Path(out)


def page_of(contents: Contents) -> str:
    """The page as text, which can be encoded: halves of letters, as files may hold and name them, are written out."""
    library, script = _chart_library(), _script()
    said = payload(contents)
    with checked_as_result("A result"):
        data = json.dumps(said, ensure_ascii=False, allow_nan=False, default=_text_of, separators=(",", ":"))
    policy = (
        f"default-src 'none'; script-src {_hash(library)} {_hash(script)}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    title = " · ".join(one.title for one in contents.said)
    page = _asset("page.html").format(
        policy=escape(policy),
        title=escape(title),
        style=_asset("page.css"),
        said="".join(map(_said, contents.said)),
        version=escape(__version__),
        data=data.replace("<", "\\u003c"),
        library=library,
        script=script,
    )
    return page.encode("utf-8", "backslashreplace").decode("utf-8")  # which JSON reads as what it was


def _text_of(value: Any) -> str:
    """What JSON has no form for: of an attribute of a result that is no UTF-8, what can be read."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    raise TypeError(f"a {type(value).__name__} is no value of a result")


def _said(one: Said) -> str:
    """The head of the page, which can be read without scripts."""
    parts = [f"<h1>{escape(one.title)}</h1>"]
    if one.question:
        parts.append(f'<p class="question" dir="auto">{escape(one.question)}</p>')
    if one.paragraph:
        parts.append(f'<p class="answer" dir="auto">{escape(one.paragraph)}</p>')
    parts += [f'<p class="facts" dir="auto">{escape(line)}</p>' for line in one.heading]
    return "\n".join(parts)


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


@cache
def _asset(name: str) -> str:
    return files("foretell.studies.report").joinpath("assets", name).read_text(encoding="utf-8")


@cache
def _script() -> str:
    return '"use strict";\n(() => {\n' + "\n".join(_asset(f"{name}.js") for name in _SCRIPTS) + "\n})();\n"


@cache
def _chart_library() -> str:
    """Plotly, as its package brings it. A line end of its own kind would change the hash."""
    plotly: Any = require("plotly.offline", "studies")
    text: str = plotly.get_plotlyjs()
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("</script", "<\\/script")
