"""What a figure says and where, read back from its artists."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from matplotlib.figure import Figure
from matplotlib.text import Text


def texts_of(figure: Figure) -> list[Text]:
    """Every text that is seen: of tick labels those within the axes' limits."""
    return [text for text in _texts(figure) if text.get_visible() and text.get_text().strip()]


def words_of(figure: Figure) -> str:
    """All that a figure says, its lines joined."""
    return " | ".join(" ".join(text.get_text().split()) for text in texts_of(figure))


def assert_readable(figure: Figure) -> None:
    """All of the figure is on its sheet, no text lies on another, and none is too small."""
    figure.draw_without_rendering()
    width, height = figure.get_size_inches()
    box = figure.get_tightbbox()
    assert box.x0 >= 0, f"cut off at the left by {-box.x0} in"
    assert box.y0 >= 0, f"cut off at the bottom by {-box.y0} in"
    assert box.x1 <= width, f"cut off at the right by {box.x1 - width} in: {figure.get_size_inches()}"
    assert box.y1 <= height, f"cut off at the top by {box.y1 - height} in"
    texts = texts_of(figure)
    assert min(float(text.get_fontsize()) for text in texts) >= 7
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    for (one, a), (other, b) in combinations(boxes, 2):
        across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= 0 or up <= 1, f"{one!r} lies on {other!r}"


def _texts(figure: Figure) -> Iterator[Text]:
    yield from figure.texts
    for legend in figure.legends:
        yield from legend.get_texts()
    for ax in figure.axes:
        yield from (ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts)
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                if low <= tick.get_loc() <= high:
                    yield from (tick.label1, tick.label2)
