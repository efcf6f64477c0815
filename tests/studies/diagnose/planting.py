"""Faults, planted on sides that are sound: each a function of a random generator and two sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.measure.imbalance.information_imbalance import imbalance_curve
from foretell.measure.spaces.bits import BinarySpace
from foretell.studies.diagnose.findings import Diagnosis

Layers = Mapping[str, BinarySpace]
Places = NDArray[np.intp]

_LEAST_LAYERS = 3
_OF_CONTENTS = ("collapsed_bits", "dead_dimensions", "duplicate_items")


@dataclass(frozen=True, eq=False)
class Sound:
    """Two sides of the same items, rightly paired.

    Parameters
    ----------
    name : str
    a, b : mapping of layer to Bits
        Over the same items.
    numbers : tuple of ndarray, shape (N, H), optional
        One layer of either side in full precision.
    least : float
        Share of the items that are drawn at least.
    """

    name: str
    a: Layers
    b: Layers
    numbers: tuple[NDArray[Any], NDArray[Any]] | None = None
    least: float = 0.5

    @property
    def n_items(self) -> int:
        return next(iter(self.a.values())).n_items

    def drawn(self, rng: np.random.Generator, *, more: int = 0) -> tuple[Sound, Places]:
        """Some layers, and places of some items in order, `more` of them beyond half of all at least."""
        names = list(self.a)
        number = int(rng.integers(min(_LEAST_LAYERS, len(names)), len(names) + 1))
        chosen = sorted(rng.choice(len(names), number, replace=False))
        layers = [names[place] for place in chosen]
        size = int(rng.integers(int(self.least * (self.n_items - more)), self.n_items - more + 1)) + more
        rows = np.sort(rng.choice(self.n_items, size, replace=False))
        a, b = ({layer: side[layer] for layer in layers} for side in (self.a, self.b))
        return Sound(self.name, a, b), rows


@dataclass(frozen=True, eq=False)
class Planted:
    """What is given to `diagnose`, and what it should find.

    Parameters
    ----------
    a, b : object
        The sides.
    fault : str
        "" where there is none.
    what : str
        What was planted, in words.
    repair : ndarray, shape (2, M), optional
        Of pairs that go together: what the finding's repair should mostly hold.
    wrong : ndarray, optional
        Items that go with nobody in their place, which no repair may hold.
    options : mapping
        Of `diagnose`.
    """

    a: Any
    b: Any
    fault: str
    what: str
    repair: Places | None = None
    wrong: Places | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def is_named(self, found: Diagnosis) -> bool:
        """Whether the diagnosis is that fault alone, and its repair is right."""
        if self.fault in _OF_CONTENTS:  # from which others may follow: what few bits are left may not tell pairs
            return self.fault in found.faults
        if found.faults != ((self.fault,) if self.fault else ()):
            return False
        return self.repair is None or self._is_repaired(found.findings[0].repair)

    def _is_repaired(self, repair: Places | None) -> bool:
        if repair is None or self.repair is None:
            return False
        right, named = set(map(tuple, self.repair.T.tolist())), set(map(tuple, repair.T.tolist()))
        if self.wrong is not None:
            kept = named & {(item, item) for item in self.wrong.tolist()}
            return len(kept) <= 0.25 * len(self.wrong) and len(right - named) <= len(self.wrong) + 0.1 * len(right)
        # A block's end is found to a few items, since items beside one another are alike, and runs are of 5 or more.
        return max(len(named - right), len(right - named)) <= 0.05 * len(right) + 5


def _of(layers: Layers, rows: Places) -> dict[str, BinarySpace]:
    """Items without ids, which would say that they are out of order, and may be given twice."""
    return {name: BinarySpace(one.data[rows], one.n_bits) for name, one in layers.items()}


def _paired(sound: Sound, in_a: Places, in_b: Places, fault: str, what: str, **more: Any) -> Planted:
    return Planted(_of(sound.a, in_a), _of(sound.b, in_b), fault, f"{what}, {len(in_a)} items", **more)


def healthy(rng: np.random.Generator, sound: Sound) -> Planted:
    some, rows = sound.drawn(rng)
    return _paired(some, rows, rows, "", "healthy")


def shifted(rng: np.random.Generator, sound: Sound) -> Planted:
    """Item i with i + s: round the end, or the last (or first) left out."""
    most = sound.n_items // 8
    some, rows = sound.drawn(rng, more=most)
    n = len(rows)
    lag = int(rng.integers(1, n)) if rng.random() < 0.5 else int(rng.integers(1, most))
    if rng.random() < 0.5:
        places = np.arange(n)
        return _paired(
            some,
            rows,
            np.roll(rows, lag),
            "pairs_shifted",
            f"shifted by {lag} round the end",
            repair=np.stack([places, (places + lag) % n]),
        )
    lag = min(lag, most)
    sides = rows[lag:], rows[: n - lag]
    places = np.arange(n - 2 * lag)
    repair = np.stack([places, places + lag])
    if rng.random() < 0.5:
        sides, repair = sides[::-1], repair[::-1]
    return _paired(some, *sides, "pairs_shifted", f"shifted by {lag}, ends left out", repair=repair)


def shifted_part_way(rng: np.random.Generator, sound: Sound) -> Planted:
    """One to three items in a row missing on one side, and as many at the end of the other."""
    some, rows = sound.drawn(rng, more=3)
    missing = int(rng.integers(1, 4))
    n = len(rows) - missing
    cut = int(rng.integers(n // 8, n - n // 8))
    sides = np.delete(rows, np.arange(cut, cut + missing)), rows[:n]
    after = np.arange(cut, n - missing)
    repair = np.stack([np.r_[:cut, after], np.r_[:cut, after + missing]])
    if rng.random() < 0.5:
        sides, repair = sides[::-1], repair[::-1]
    return _paired(some, *sides, "pairs_shifted", f"{missing} missing at {cut}", repair=repair)


def _block(rng: np.random.Generator, n: int) -> Places:
    width = int(rng.integers(n // 7, n // 2))
    first = int(rng.integers(0, n - width))
    return np.arange(first, first + width)


def block_scrambled(rng: np.random.Generator, sound: Sound) -> Planted:
    some, rows = sound.drawn(rng)
    order = np.arange(len(rows))
    block = _block(rng, len(rows))
    order[block] = rng.permutation(block)
    return _paired(
        some,
        rows,
        rows[order],
        "pairs_scrambled",
        f"block {block[0]} to {block[-1]} scrambled",
        repair=np.stack([np.arange(len(rows)), np.argsort(order)]),
        wrong=np.flatnonzero(order != np.arange(len(rows))),
    )


def block_rearranged(rng: np.random.Generator, sound: Sound) -> Planted:
    """A block reversed, a block rolled on, or two blocks that have changed places."""
    some, rows = sound.drawn(rng)
    n = len(rows)
    order = np.arange(n)
    kind = int(rng.integers(3))
    block = _block(rng, n)
    if kind == 0:
        order[block] = block[::-1]
        what = f"block {block[0]} to {block[-1]} reversed"
    elif kind == 1:
        by = int(rng.integers(len(block) // 3, 2 * len(block) // 3))
        order[block] = np.roll(block, by)
        what = f"block {block[0]} to {block[-1]} rolled by {by}"
    else:
        width = int(rng.integers(n // 10, n // 4))
        first = int(rng.integers(0, n - 2 * width - 1))
        second = int(rng.integers(first + width, n - width))
        one, other = np.arange(first, first + width), np.arange(second, second + width)
        order[one], order[other] = other, one
        what = f"blocks of {width} at {first} and {second} swapped"
    # A block rolled on up to the very end is a shift from its beginning on, round the end.
    fault = "pairs_shifted" if kind == 1 and block[-1] == n - 1 else "pairs_scrambled"
    return _paired(some, rows, rows[order], fault, what, repair=np.stack([np.arange(n), np.argsort(order)]))


def share_scrambled(rng: np.random.Generator, sound: Sound) -> Planted:
    some, rows = sound.drawn(rng)
    share = rng.uniform(0.15, 0.6)
    chosen = rng.choice(len(rows), int(share * len(rows)), replace=False)
    order = np.arange(len(rows))
    order[chosen] = rng.permutation(chosen)
    return _paired(some, rows, rows[order], "pairs_scrambled", f"{share:.0%} scrambled here and there")


def reversed_order(rng: np.random.Generator, sound: Sound) -> Planted:
    some, rows = sound.drawn(rng)
    n = np.arange(len(rows))
    return _paired(some, rows, rows[::-1], "pairs_scrambled", "reversed", repair=np.stack([n, n[::-1]]))


def nothing_shared(rng: np.random.Generator, sound: Sound) -> Planted:
    """Fully scrambled, or other items."""
    some, rows = sound.drawn(rng)
    if rng.random() < 0.5:
        return _paired(some, rows, rng.permutation(rows), "nothing_shared", "fully scrambled")
    half = len(rows) // 2
    apart = rng.permutation(rows)
    # In no order: items that are sorted alike on both sides do share something, item by item.
    return _paired(some, np.sort(apart[:half]), apart[half : 2 * half], "nothing_shared", "other items")


def collapsed(rng: np.random.Generator, sound: Sound) -> Planted:
    """Bits of which a large share is set, or cleared, whatever they were."""
    some, rows = sound.drawn(rng)
    keep = rng.uniform(0.01, 0.06)
    up = rng.random() < 0.5
    spoilt = {}
    for name, one in _of(some.b, rows).items():
        bits = one.unpack()
        changed = rng.random(bits.shape) > keep
        spoilt[name] = BinarySpace.from_activations(np.where(changed, up, bits))
    return _spoilt(rng, _of(some.a, rows), spoilt, "collapsed_bits", f"{keep:.1%} of the bits left as they were")


def dead(rng: np.random.Generator, sound: Sound) -> Planted:
    """Dimensions that have one value in all items."""
    some, rows = sound.drawn(rng)
    share = rng.uniform(0.65, 0.9)
    spoilt = {}
    for name, one in _of(some.b, rows).items():
        bits = one.unpack()
        gone = rng.random(bits.shape[1:]) < share
        spoilt[name] = BinarySpace.from_activations(np.where(gone, rng.random(bits.shape[1:]) < 0.5, bits))
    return _spoilt(rng, _of(some.a, rows), spoilt, "dead_dimensions", f"{share:.0%} of the dimensions dead")


def duplicates(rng: np.random.Generator, sound: Sound) -> Planted:
    """Items with the content of one or several others, or none (blank)."""
    some, rows = sound.drawn(rng)
    number = int(rng.uniform(0.05, 0.4) * len(rows))
    chosen = rng.choice(len(rows), number, replace=False)
    blank = rng.random() < 0.3
    sources = rng.choice(np.setdiff1d(np.arange(len(rows)), chosen), int(rng.integers(1, 6)))
    spoilt = {}
    for name, one in _of(some.b, rows).items():
        data = one.data.copy()
        data[chosen] = 0 if blank else data[np.resize(sources, number)]
        spoilt[name] = BinarySpace(data, one.n_bits)
    what = f"{number} of {len(rows)} items {'blank' if blank else f'copies of {len(sources)}'}"
    return _spoilt(rng, _of(some.a, rows), spoilt, "duplicate_items", what)


def directions_swapped(rng: np.random.Generator, sound: Sound) -> Planted:
    """A result that calls a_to_b what is b_to_a."""
    some, rows = sound.drawn(rng)
    a, b = _of(some.a, rows), _of(some.b, rows)
    result = imbalance_curve(a, b, errors=False)
    swapped = result.assign(imbalance=(result["imbalance"].dims, result["imbalance"].values[::-1]))
    return Planted(a, b, "directions_swapped", f"{len(rows)} items", options={"result": swapped})


def directions_right(rng: np.random.Generator, sound: Sound) -> Planted:
    some, rows = sound.drawn(rng)
    a, b = _of(some.a, rows), _of(some.b, rows)
    return Planted(a, b, "", f"{len(rows)} items", options={"result": imbalance_curve(a, b, errors=False)})


def _numbers(rng: np.random.Generator, sound: Sound) -> list[NDArray[Any]]:
    rows = sound.drawn(rng)[1]
    return [x[rows].astype(np.float64) for x in sound.numbers or ()]


def wrong_metric(rng: np.random.Generator, sound: Sound) -> Planted:
    """Similarities for distances, signs of numbers above 0, or Euclidean distances of vectors of all lengths."""
    sides = _numbers(rng, sound)
    spoilt, kind = int(rng.integers(2)), int(rng.integers(3))
    x = sides[spoilt]
    if kind == 0:
        unit = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in sides]
        sides = [1 - one @ one.T for one in unit]
        sides[spoilt] = 1 - sides[spoilt] if rng.random() < 0.5 else x @ x.T
        return Planted(sides[0], sides[1], "wrong_metric", "similarities", options={"metric": "precomputed"})
    if kind == 1:
        beyond = float(np.quantile(x, rng.uniform(0, 0.02)))
        sides[spoilt] = (x - beyond) * (1 if rng.random() < 0.7 else -1)
        return Planted(sides[0], sides[1], "wrong_metric", "above 0")
    sides[spoilt] = x * rng.lognormal(0, rng.uniform(1, 2), (len(x), 1))
    return Planted(sides[0], sides[1], "wrong_metric", "lengths", options={"metric": "euclidean"})


def right_metric(rng: np.random.Generator, sound: Sound) -> Planted:
    sides = _numbers(rng, sound)
    metric = str(rng.choice(["hamming", "euclidean", "cosine", "precomputed"]))
    if metric == "precomputed":
        sides = [np.linalg.norm(one[:, None] - one, axis=2) for one in sides]
    return Planted(sides[0], sides[1], "", metric, options={"metric": metric})


def _spoilt(rng: np.random.Generator, sound: Any, spoilt: Any, fault: str, what: str) -> Planted:
    first, second = (sound, spoilt) if rng.random() < 0.5 else (spoilt, sound)
    return Planted(first, second, fault, what)


FAULTS: dict[str, Callable[[np.random.Generator, Sound], Planted]] = {
    function.__name__: function
    for function in (
        healthy,
        shifted,
        shifted_part_way,
        block_scrambled,
        block_rearranged,
        share_scrambled,
        reversed_order,
        nothing_shared,
        collapsed,
        dead,
        duplicates,
        directions_swapped,
        directions_right,
        wrong_metric,
        right_metric,
    )
}
