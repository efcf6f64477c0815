"""What notebooks show of an answer: its sentence, a small table and a figure."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from foretell.studies.answer import Answer
    from foretell.studies.summary import Block

__all__ = ["answer_html"]

_MOST_BLOCKS = 12
"""Rows of the table: of more, the summary has all."""


def answer_html(answer: Answer) -> str:
    """An answer as HTML; text from data is escaped."""
    summary = answer.summary
    parts = [f"<p><b>{escape(summary.heading[0])}</b></p>", f"<p>{escape(summary.paragraph)}</p>"]
    parts.append(_table(summary.blocks[:_MOST_BLOCKS]))
    if len(summary.blocks) > _MOST_BLOCKS:
        parts.append(f"<p>The first {_MOST_BLOCKS} of {len(summary.blocks)}: <code>answer.text()</code> has all.</p>")
    parts += [f"<p>Not measured: {escape(name)}: {escape(why)}</p>" for name, why in answer.failed.items()]
    for name, figure in list(answer.figures.items())[:1]:
        parts.append(f'<img alt="{escape(name)}" style="max-width:100%" src="{_png(figure)}">')
    return "".join(parts)


def _table(blocks: tuple[Block, ...]) -> str:
    """A row a block: its title, and its first fact."""
    rows = []
    for block in blocks:
        name, fact = next(iter(block.facts.items()), ("", ""))
        cells = (block.title, name, fact)
        rows.append("<tr>" + "".join(f'<td style="text-align:left">{escape(cell)}</td>' for cell in cells) + "</tr>")
    return f"<table>{''.join(rows)}</table>"


def _png(figure: Figure) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
