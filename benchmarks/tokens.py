"""Row 4: the imbalance after each number of tokens, against one pass over them all and against a pass for each."""

from __future__ import annotations

import data
import numpy as np
from turns import Row, compared, in_turn, timed

import foretell

N_ITEMS, N_TOKENS = 2000, 20
WIDE, NARROW = 7168, 576
ONE_PASS, EVERY_PREFIX = 1.4, 0.6


def _work(n_bits: int) -> str:
    return f"token curve, N={N_ITEMS:,}, T={N_TOKENS}, {n_bits:,} bits a token"


def _sides(n_bits: int) -> list[foretell.BinarySpace]:
    return [
        foretell.BinarySpace(
            np.stack([data.packed(N_ITEMS, n_bits, side=side, number=token) for token in range(N_TOKENS)], axis=1),
            n_bits,
        )
        for side in (0, 1)
    ]


def rows(repeats: int) -> list[Row]:
    """Time the curve against one pass at `WIDE` bits a token, and against all prefixes at `NARROW`."""
    one_pass, every_prefix = "one call over all tokens", f"{N_TOKENS} calls, one a prefix"
    foretell.set_options(threads=1)
    wide, narrow = _sides(WIDE), _sides(NARROW)
    for sides in (wide, narrow):
        tiny = [_last(side, 2, n_items=64) for side in sides]
        foretell.token_curve(*tiny)
        foretell.information_imbalance(*tiny)

    def prefixes() -> list[foretell.Imbalance]:
        numbers = range(1, N_TOKENS + 1)
        return [foretell.information_imbalance(*(_last(x, number) for x in narrow)) for number in numbers]

    runs = in_turn(
        {
            "wide": timed(lambda: foretell.token_curve(*wide)),
            "one pass": timed(lambda: foretell.information_imbalance(*wide)),
            "narrow": timed(lambda: foretell.token_curve(*narrow)),
            "every prefix": timed(prefixes),
        },
        repeats,
    )
    last = runs["wide"][-1].result["imbalance"].sel(direction="a_to_b").values[-1]
    whole = runs["one pass"][-1].result.a_to_b
    curve = runs["narrow"][-1].result["imbalance"].sel(direction="a_to_b").values
    each = [imbalance.a_to_b for imbalance in runs["every prefix"][-1].result]
    return [
        compared(
            "4a",
            _work(WIDE),
            one_pass,
            ours=runs["wide"],
            theirs=runs["one pass"],
            at_most=ONE_PASS,
            note="the same last value" if last == whole else f"ANOTHER LAST VALUE: {last} and {whole}",
        ),
        compared(
            "4b",
            _work(NARROW),
            every_prefix,
            ours=runs["narrow"],
            theirs=runs["every prefix"],
            at_most=EVERY_PREFIX,
            note="the same values" if np.array_equal(curve, each) else "OTHER VALUES",
        ),
    ]


def _last(x: foretell.BinarySpace, n_tokens: int, *, n_items: int | None = None) -> foretell.BinarySpace:
    return foretell.BinarySpace(x.data[:n_items, -n_tokens:], x.n_bits)
