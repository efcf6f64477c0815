"""Files made wrong: bytes changed as damage and malice change them, and values of a tree put in others' places."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

__all__ = ["HARMFUL", "mutated", "twisted"]

_NUMBERS = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\xff" * 8, b"\x00" * 8)
_MOST_BYTES = 2**18

HARMFUL: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    10**30,
    -(10**30),
    0.5,
    1e308,
    float("nan"),
    float("inf"),
    "",
    " ",
    "\x00",
    "..",
    "../../outside",
    "/etc/hostname",
    "/dev/zero",
    "file:///etc/hostname",
    "http://127.0.0.1:9/x",
    "C:\\con",
    "a/b",
    "x" * 5000,
    "\ud800",
    "\u202e\x1b[31m",
    "<script>window.harmed = 1</script>",
    "$\\frac{$",
    "%s{0}",
    "9" * 5000,
    "!!python/object/apply:os.system [id]",
    [],
    {},
    [[]],
    [None],
    [[[[[[[[]]]]]]]],
    {"": None},
    {"..": {"..": ".."}},
)
"""Values that programs trip over."""


def mutated(data: bytes, rng: Random, words: tuple[bytes, ...] = ()) -> bytes:
    """Bytes with one to some changes: flipped, cut, doubled, moved, overwritten, or with a word put in."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        kind = rng.randrange(9)
        place = rng.randrange(len(found) + 1)
        length = min(rng.choice((1, 2, 4, 8, 64, 1024)), max(1, len(found)))
        if kind == 0 and found:
            place = rng.randrange(len(found))
            found[place] ^= 1 << rng.randrange(8)
        elif kind == 1 and found:
            found[rng.randrange(len(found))] = rng.randrange(256)
        elif kind == 2:
            del found[place:]
        elif kind == 3:
            del found[place : place + length]
        elif kind == 4:
            found[place:place] = found[place : place + length] * rng.choice((1, 2, 50))
        elif kind == 5:
            number = rng.choice(_NUMBERS)
            found[place : place + len(number)] = number
        elif kind == 6:
            found[place:place] = rng.choice(words or _NUMBERS)
        elif kind == 7:
            other = rng.randrange(len(found) + 1)
            piece = bytes(found[other : other + length])
            found[place : place + length] = piece
        else:
            found[place:place] = rng.randbytes(length)
        del found[_MOST_BYTES:]
    return bytes(found)


def twisted(tree: Any, rng: Random) -> Any:
    """A tree of mappings, lists and values with one to some of its values replaced, left out, doubled or renamed."""
    found = copy.deepcopy(tree)
    for _ in range(rng.choice((1, 1, 2, 4))):
        places = list(_places(found))
        if not places:
            return rng.choice(HARMFUL)
        holder, key = rng.choice(places)
        kind = rng.randrange(8)
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[str(rng.choice(HARMFUL))] = holder.pop(key)
        elif kind == 2:
            other, name = rng.choice(places)
            if name in other if isinstance(other, dict) else name < len(other):
                holder[key] = copy.deepcopy(other[name])
        elif kind == 3 and isinstance(holder, list):
            holder[key:key] = holder * rng.choice((1, 3))
        else:
            holder[key] = copy.deepcopy(rng.choice(HARMFUL))
    return found


def _places(tree: Any) -> Any:
    """Every holder in a tree with each of its keys."""
    if isinstance(tree, dict | list):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield tree, key
            yield from _places(value)
