"""Kernels on vector registers, written as LLVM so that they serve any processor.

What a compiler makes of a plain loop over a pair of rows reads both rows once a pair. `add_distances` takes 4 rows
against 4 others: 8 reads for 16 pairs, and the 16 sums stay in registers until the rows end. That comes near the limit
of the processor itself (``benchmarks/README.md`` says how near). LLVM lowers vectors of 512 bits to whatever the
processor has, so there is one kernel and nothing to choose.

A row need not be whole vectors: the last one is read so that it ends where the row does, and what was read before is
masked. So rows are read in place and nothing is padded; a row must be at least one vector long (`VECTOR_BYTES` of
bits, `LANES` numbers). The order of a sum depends on the length of the rows alone. So a distance has the same bits
wherever in a block it is made, and the distance from i to j is that from j to i.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from foretell.measure.kernels.llvm import (
    I64,
    LANES,
    VECTOR_BYTES,
    ZERO,
    Values,
    call,
    constant,
    everywhere,
    from_lane,
    kernel,
    load,
    looped,
    merged,
    picked,
    store,
    vector_of,
)

SIDE = 4
"""Rows of either side that are held at a time: their 16 sums and 8 vectors fit into 32 registers."""


def _sums_of_lanes(builder: ir.IRBuilder, vectors: Values, add: Callable[[Any, Any], Any]) -> Any:
    """One vector with the sums over the lanes of 8 vectors, each ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7))."""
    steps = (
        ([0, 8, 2, 10, 4, 12, 6, 14], [1, 9, 3, 11, 5, 13, 7, 15]),
        ([0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]),
        ([0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]),
    )
    for some, others in steps:
        vectors = [
            add(picked(builder, a, b, some), picked(builder, a, b, others))
            for a, b in zip(vectors[::2], vectors[1::2], strict=True)
        ]
    return vectors[0]


def _sixteen_sums(
    builder: ir.IRBuilder,
    of: ir.VectorType,
    n_whole: Any,
    n_rest: Any,
    read: Callable[[Any], tuple[Values, Values]],
    last: Callable[[], tuple[Values, Values, Any]],
    take: Callable[[Any, Any, Any, Any], Any],
) -> Values:
    """16 vectors, whose lanes sum to what 4 rows have against 4 columns, row by row.

    `read(step)` gives the vectors of both sides at one of `n_whole` steps, `last()` those that end the rows with their
    new lanes, used if `n_rest` is not 0. `take(sum, x, y, lanes)` adds what x and y differ by, in all lanes for None.
    """
    zero = ir.Constant(of, [0.0 if isinstance(of.element, ir.DoubleType) else 0] * LANES)
    places = [(r, c) for r in range(SIDE) for c in range(SIDE)]

    def step(number: Any, sums: Values) -> Values:
        x, y = read(number)
        return [take(total, x[r], y[c], None) for total, (r, c) in zip(sums, places, strict=True)]

    whole = looped(builder, n_whole, [zero] * 16, step)
    after = builder.block
    ragged, end = (builder.append_basic_block(name) for name in ("ragged", "end"))
    builder.cbranch(builder.icmp_signed(">", n_rest, ZERO), ragged, end)

    builder.position_at_end(ragged)
    x, y, lanes = last()
    finished = [take(total, x[r], y[c], lanes) for total, (r, c) in zip(whole, places, strict=True)]
    builder.branch(end)

    builder.position_at_end(end)
    return merged(builder, [(after, whole), (ragged, finished)])


def _add_to_tile(builder: ir.IRBuilder, sixteen: Any, of: ir.Type, stride: Any, out: Any, mirrored: Any) -> None:
    """Add 16 sums, a vector of them, to the 4 x 4 numbers at `out`, and transposed to `mirrored` unless that is 0."""
    add = builder.add if isinstance(of, ir.IntType) else builder.fadd
    if isinstance(of, ir.IntType) and of.width < sixteen.type.element.width:
        sixteen = builder.trunc(sixteen, vector_of(of, SIDE * SIDE))

    def lines(base: Any, tile: Any) -> None:
        for number in range(SIDE):
            address = builder.add(base, builder.mul(stride, constant(number)))
            line = picked(builder, tile, tile, range(SIDE * number, SIDE * (number + 1)))
            store(builder, add(line, load(builder, address, vector_of(of, SIDE))), address)

    lines(out, sixteen)
    with builder.if_then(builder.icmp_unsigned("!=", mirrored, ZERO)):
        lines(mirrored, picked(builder, sixteen, sixteen, [SIDE * r + c for c in range(SIDE) for r in range(SIDE)]))


_FOUR = types.UniTuple(types.intp, SIDE)


@kernel
def add_distances(
    typing: Any,
    numbers: Any,
    like: Any,
    rows: Any,
    columns: Any,
    scales: Any,
    n: Any,
    stride: Any,
    out: Any,
    mirrored: Any,
) -> Any:
    """Add the distances of 4 rows from 4 columns: of bits how many differ, of floats the squared Euclidean distance.

    Differences of floats are scaled, squared and summed in 64 bits one by one: nothing cancels, however near two
    rows are.

    Parameters
    ----------
    numbers : array of uint8, float32 or float64
        Tells what the rows are: packed bits, or floats.
    like : array of uint16 or uint32 for bits, of float64 for floats
        Tells what the numbers at `out` are.
    rows, columns : 4 addresses each
    scales : 8 floats
        What rows and columns are multiplied by; nothing to bits.
    n : int
        Bytes or floats in a row: `VECTOR_BYTES` or `LANES` at least.
    stride : int
        Bytes from one line of distances to the next.
    out, mirrored : int
        Addresses of 4 x 4 numbers; `mirrored` gets them transposed, and may be 0 for nowhere.
    """
    sixteen = _differing_bits if isinstance(numbers.dtype, types.Integer) else _squared_differences

    def code(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        _, _, of_rows, of_columns, by, length, line, here, there = arguments
        sides = [cgutils.unpack_tuple(builder, side, SIDE) for side in (of_rows, of_columns)]
        factors = cgutils.unpack_tuple(builder, by, 2 * SIDE)
        sums = sixteen(builder, signature.args[0].dtype, sides, factors, length)
        _add_to_tile(builder, sums, context.get_data_type(signature.args[1].dtype), line, here, there)
        return context.get_dummy_value()

    eight = types.UniTuple(types.float64, 2 * SIDE)
    return types.void(numbers, like, _FOUR, _FOUR, eight, *[types.intp] * 4), code


def _differing_bits(builder: ir.IRBuilder, dtype: Any, sides: Sequence[Values], factors: Values, n: Any) -> Any:
    kind, width = vector_of(I64), constant(VECTOR_BYTES)
    rest = builder.srem(n, width)

    def at(offset: Any) -> Any:
        return [[load(builder, builder.add(row, offset), kind) for row in side] for side in sides]

    def last() -> Any:
        new = from_lane(builder, builder.sub(width, rest), VECTOR_BYTES)
        mask = builder.bitcast(builder.sext(new, vector_of(ir.IntType(8), VECTOR_BYTES)), kind)
        return (*at(builder.sub(n, width)), mask)

    def take(total: Any, x: Any, y: Any, lanes: Any) -> Any:
        differ = builder.xor(x, y)
        if lanes is not None:
            differ = builder.and_(differ, lanes)
        return builder.add(total, call(builder, "llvm.ctpop.v8i64", kind, differ))

    whole = builder.sdiv(n, width)
    lanes = _sixteen_sums(builder, kind, whole, rest, lambda step: at(builder.mul(step, width)), last, take)
    # Counts fit into half of a lane: two are put into one, and summed together.
    narrow, half = vector_of(ir.IntType(32), 2 * LANES), ir.Constant(kind, [32] * LANES)
    paired = [
        builder.bitcast(builder.or_(low, builder.shl(high, half)), narrow)
        for low, high in zip(lanes[:LANES], lanes[LANES:], strict=True)
    ]

    def add(a: Any, b: Any) -> Any:
        return builder.bitcast(builder.add(builder.bitcast(a, narrow), builder.bitcast(b, narrow)), kind)

    sums = builder.bitcast(_sums_of_lanes(builder, [builder.bitcast(x, kind) for x in paired], add), narrow)
    return picked(builder, sums, sums, [*range(0, 2 * LANES, 2), *range(1, 2 * LANES, 2)])


def _squared_differences(builder: ir.IRBuilder, dtype: Any, sides: Sequence[Values], factors: Values, n: Any) -> Any:
    kind, width = vector_of(ir.DoubleType()), constant(LANES)
    size = dtype.bitwidth // 8
    stored = vector_of(ir.FloatType()) if size == 4 else kind
    rest = builder.srem(n, width)
    spread = [everywhere(builder, factor, LANES) for factor in factors]

    def at(place: Any) -> Any:
        offset = builder.mul(place, constant(size))
        found = []
        for row, factor in zip([*sides[0], *sides[1]], spread, strict=True):
            x = load(builder, builder.add(row, offset), stored)
            found.append(builder.fmul(builder.fpext(x, kind) if size == 4 else x, factor))
        return found[:SIDE], found[SIDE:]

    def last() -> Any:
        return (*at(builder.sub(n, width)), from_lane(builder, builder.sub(width, rest), LANES))

    def take(total: Any, x: Any, y: Any, lanes: Any) -> Any:
        difference = builder.fsub(x, y)
        if lanes is not None:
            difference = builder.select(lanes, difference, ir.Constant(kind, [0.0] * LANES))
        return call(builder, "llvm.fmuladd.v8f64", kind, difference, difference, total)

    whole = builder.sdiv(n, width)
    lanes = _sixteen_sums(builder, kind, whole, rest, lambda step: at(builder.mul(step, width)), last, take)
    halves = [_sums_of_lanes(builder, lanes[half : half + LANES], builder.fadd) for half in (0, LANES)]
    return picked(builder, halves[0], halves[1], range(2 * LANES))
