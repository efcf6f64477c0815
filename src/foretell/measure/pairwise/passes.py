"""Which pairs of spaces are measured in one pass over the distances."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

Pair = tuple[int, int]
"""Places of A and of B in the list of spaces."""


def batches(
    cells: Sequence[Pair], n_blocks: Callable[[Sequence[Pair]], int], *, apart: bool = False
) -> Iterator[Sequence[Pair]]:
    """Cells that are measured together, so that distances are made as seldom as memory allows.

    Cells that share no space cost nothing more apart. They stay together while all queries fit into one block, of which
    only one half is made, and which is kept for a second pass; after that, each goes by itself. Those that share spaces
    are parted along the longer side of their map where they do not fit.

    Parameters
    ----------
    cells : sequence of (int, int)
    n_blocks : callable
        In how many blocks some cells would be taken; 0 where they do not fit into memory.
    apart : bool
        Whether cells that share no space are to be apart wherever they fit.
    """
    found = components(cells)
    if apart or len(found) == 1:
        for component in found:
            halves = [] if n_blocks(component) else _halves(component)
            if not halves:  # one cell that does not fit is told by the reduction
                yield component
            for half in halves:
                yield from batches(half, n_blocks, apart=apart)
    elif found and n_blocks(cells) == 1:
        yield cells
    elif found:
        for some in (found[: len(found) // 2], found[len(found) // 2 :]):
            yield from batches([cell for component in some for cell in component], n_blocks)


def components(cells: Sequence[Pair]) -> list[list[Pair]]:
    """Cells by the spaces that they share, directly or by way of others: no two of these lists share one."""
    above: dict[int, int] = {}

    def root(place: int) -> int:
        while (parent := above.setdefault(place, place)) != place:
            above[place] = above[parent]
            place = parent
        return place

    for a, b in cells:
        above[root(b)] = root(a)
    found: dict[int, list[Pair]] = {}
    for cell in cells:
        found.setdefault(root(cell[0]), []).append(cell)
    return list(found.values())


def _halves(cells: Sequence[Pair]) -> list[list[Pair]]:
    """Two parts of a map along its longer side; none of one cell."""
    sides = [sorted({cell[side] for cell in cells}) for side in (0, 1)]
    side = 0 if len(sides[0]) >= len(sides[1]) else 1
    first = set(sides[side][: len(sides[side]) // 2])
    return [[cell for cell in cells if (cell[side] in first) == those] for those in (True, False)] if first else []
