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
from numba.extending import intrinsic

__all__ = ["LANES", "SIDE", "VECTOR_BYTES", "add_distances", "count_ahead", "signs"]

LANES = 8
VECTOR_BYTES = 64
SIDE = 4
"""Rows of either side that are held at a time: their 16 sums and 8 vectors fit into 32 registers."""


def _intrinsic(function: Callable[..., Any]) -> Any:
    # Called from compiled code without the typing context that it is defined with.
    return intrinsic(function)


_I64 = ir.IntType(64)
_ZERO = ir.Constant(_I64, 0)
_Values = Sequence[Any]


def _vector(element: ir.Type, lanes: int = LANES) -> ir.VectorType:
    return ir.VectorType(element, lanes)


def _number(value: int) -> ir.Constant:
    return ir.Constant(_I64, value)


def _call(builder: ir.IRBuilder, name: str, result: ir.Type, *operands: Any) -> Any:
    function = ir.FunctionType(result, [operand.type for operand in operands])
    return builder.call(cgutils.get_or_insert_function(builder.module, function, name), operands)


def _load(builder: ir.IRBuilder, address: Any, kind: ir.Type) -> Any:
    loaded = builder.load(builder.inttoptr(address, kind.as_pointer()))
    loaded.align = 1
    return loaded


def _store(builder: ir.IRBuilder, value: Any, address: Any) -> None:
    builder.store(value, builder.inttoptr(address, value.type.as_pointer())).align = 1


def _picked(builder: ir.IRBuilder, a: Any, b: Any, lanes: Sequence[int]) -> Any:
    return builder.shuffle_vector(a, b, ir.Constant(_vector(ir.IntType(32), len(lanes)), list(lanes)))


def _from_lane(builder: ir.IRBuilder, first: Any, lanes: int) -> Any:
    """Which of so many lanes are at or after the first wanted (an i64)."""
    numbers = ir.Constant(_vector(_I64, lanes), list(range(lanes)))
    return builder.icmp_signed(">=", numbers, _everywhere(builder, first, lanes))


def _everywhere(builder: ir.IRBuilder, value: Any, lanes: int) -> Any:
    """A vector with one value in every lane."""
    empty = ir.Constant(_vector(value.type, lanes), ir.Undefined)
    one = builder.insert_element(empty, value, ir.Constant(ir.IntType(32), 0))
    return _picked(builder, one, one, [0] * lanes)


def _sums_of_lanes(builder: ir.IRBuilder, vectors: _Values, add: Callable[[Any, Any], Any]) -> Any:
    """One vector with the sums over the lanes of 8 vectors, each ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7))."""
    steps = (
        ([0, 8, 2, 10, 4, 12, 6, 14], [1, 9, 3, 11, 5, 13, 7, 15]),
        ([0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]),
        ([0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]),
    )
    for some, others in steps:
        vectors = [
            add(_picked(builder, a, b, some), _picked(builder, a, b, others))
            for a, b in zip(vectors[::2], vectors[1::2], strict=True)
        ]
    return vectors[0]


def _sixteen_sums(
    builder: ir.IRBuilder,
    of: ir.VectorType,
    n_whole: Any,
    n_rest: Any,
    read: Callable[[Any], tuple[_Values, _Values]],
    last: Callable[[], tuple[_Values, _Values, Any]],
    take: Callable[[Any, Any, Any, Any], Any],
) -> _Values:
    """16 vectors, whose lanes sum to what 4 rows have against 4 columns, row by row.

    `read(step)` gives the vectors of both sides at one of `n_whole` steps, `last()` those that end the rows with their
    new lanes, used if `n_rest` is not 0. `take(sum, x, y, lanes)` adds what x and y differ by, in all lanes for None.
    """
    zero = ir.Constant(of, [0.0 if isinstance(of.element, ir.DoubleType) else 0] * LANES)
    places = [(r, c) for r in range(SIDE) for c in range(SIDE)]
    entry = builder.block
    loop, after, ragged, end = (builder.append_basic_block(name) for name in ("loop", "after", "ragged", "end"))
    builder.cbranch(builder.icmp_signed(">", n_whole, _ZERO), loop, after)

    builder.position_at_end(loop)
    step = builder.phi(_I64)
    sums = [builder.phi(of) for _ in places]
    x, y = read(step)
    taken = [take(total, x[r], y[c], None) for total, (r, c) in zip(sums, places, strict=True)]
    following = builder.add(step, _number(1))
    for phi, first, then in zip([step, *sums], [_ZERO, *[zero] * 16], [following, *taken], strict=True):
        phi.add_incoming(first, entry)
        phi.add_incoming(then, loop)
    builder.cbranch(builder.icmp_signed("<", following, n_whole), loop, after)

    builder.position_at_end(after)
    whole = _merged(builder, of, [(entry, [zero] * 16), (loop, taken)])
    builder.cbranch(builder.icmp_signed(">", n_rest, _ZERO), ragged, end)

    builder.position_at_end(ragged)
    x, y, lanes = last()
    finished = [take(total, x[r], y[c], lanes) for total, (r, c) in zip(whole, places, strict=True)]
    builder.branch(end)

    builder.position_at_end(end)
    return _merged(builder, of, [(after, whole), (ragged, finished)])


def _merged(builder: ir.IRBuilder, of: ir.Type, ways: Sequence[tuple[Any, _Values]]) -> _Values:
    """Values that come from different blocks."""
    merged = [builder.phi(of) for _ in ways[0][1]]
    for block, values in ways:
        for phi, value in zip(merged, values, strict=True):
            phi.add_incoming(value, block)
    return merged


def _add_to_tile(builder: ir.IRBuilder, sixteen: Any, of: ir.Type, stride: Any, out: Any, mirrored: Any) -> None:
    """Add 16 sums, a vector of them, to the 4 x 4 numbers at `out`, and transposed to `mirrored` unless that is 0."""
    add = builder.add if isinstance(of, ir.IntType) else builder.fadd
    if isinstance(of, ir.IntType) and of.width < sixteen.type.element.width:
        sixteen = builder.trunc(sixteen, _vector(of, SIDE * SIDE))

    def lines(base: Any, tile: Any) -> None:
        for number in range(SIDE):
            address = builder.add(base, builder.mul(stride, _number(number)))
            line = _picked(builder, tile, tile, range(SIDE * number, SIDE * (number + 1)))
            _store(builder, add(line, _load(builder, address, _vector(of, SIDE))), address)

    lines(out, sixteen)
    with builder.if_then(builder.icmp_unsigned("!=", mirrored, _ZERO)):
        lines(mirrored, _picked(builder, sixteen, sixteen, [SIDE * r + c for c in range(SIDE) for r in range(SIDE)]))


_FOUR = types.UniTuple(types.intp, SIDE)


@_intrinsic
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


def _differing_bits(builder: ir.IRBuilder, dtype: Any, sides: Sequence[_Values], factors: _Values, n: Any) -> Any:
    kind, width = _vector(_I64), _number(VECTOR_BYTES)
    rest = builder.srem(n, width)

    def at(offset: Any) -> Any:
        return [[_load(builder, builder.add(row, offset), kind) for row in side] for side in sides]

    def last() -> Any:
        new = _from_lane(builder, builder.sub(width, rest), VECTOR_BYTES)
        mask = builder.bitcast(builder.sext(new, _vector(ir.IntType(8), VECTOR_BYTES)), kind)
        return (*at(builder.sub(n, width)), mask)

    def take(total: Any, x: Any, y: Any, lanes: Any) -> Any:
        differ = builder.xor(x, y)
        if lanes is not None:
            differ = builder.and_(differ, lanes)
        return builder.add(total, _call(builder, "llvm.ctpop.v8i64", kind, differ))

    whole = builder.sdiv(n, width)
    lanes = _sixteen_sums(builder, kind, whole, rest, lambda step: at(builder.mul(step, width)), last, take)
    # Counts fit into half of a lane: two are put into one, and summed together.
    narrow, half = _vector(ir.IntType(32), 2 * LANES), ir.Constant(kind, [32] * LANES)
    paired = [
        builder.bitcast(builder.or_(low, builder.shl(high, half)), narrow)
        for low, high in zip(lanes[:LANES], lanes[LANES:], strict=True)
    ]

    def add(a: Any, b: Any) -> Any:
        return builder.bitcast(builder.add(builder.bitcast(a, narrow), builder.bitcast(b, narrow)), kind)

    sums = builder.bitcast(_sums_of_lanes(builder, [builder.bitcast(x, kind) for x in paired], add), narrow)
    return _picked(builder, sums, sums, [*range(0, 2 * LANES, 2), *range(1, 2 * LANES, 2)])


def _squared_differences(builder: ir.IRBuilder, dtype: Any, sides: Sequence[_Values], factors: _Values, n: Any) -> Any:
    kind, width = _vector(ir.DoubleType()), _number(LANES)
    size = dtype.bitwidth // 8
    stored = _vector(ir.FloatType()) if size == 4 else kind
    rest = builder.srem(n, width)
    spread = [_everywhere(builder, factor, LANES) for factor in factors]

    def at(place: Any) -> Any:
        offset = builder.mul(place, _number(size))
        found = []
        for row, factor in zip([*sides[0], *sides[1]], spread, strict=True):
            x = _load(builder, builder.add(row, offset), stored)
            found.append(builder.fmul(builder.fpext(x, kind) if size == 4 else x, factor))
        return found[:SIDE], found[SIDE:]

    def last() -> Any:
        return (*at(builder.sub(n, width)), _from_lane(builder, builder.sub(width, rest), LANES))

    def take(total: Any, x: Any, y: Any, lanes: Any) -> Any:
        difference = builder.fsub(x, y)
        if lanes is not None:
            difference = builder.select(lanes, difference, ir.Constant(kind, [0.0] * LANES))
        return _call(builder, "llvm.fmuladd.v8f64", kind, difference, difference, total)

    whole = builder.sdiv(n, width)
    lanes = _sixteen_sums(builder, kind, whole, rest, lambda step: at(builder.mul(step, width)), last, take)
    halves = [_sums_of_lanes(builder, lanes[half : half + LANES], builder.fadd) for half in (0, LANES)]
    return _picked(builder, halves[0], halves[1], range(2 * LANES))


@_intrinsic
def signs(typing: Any, like: Any, address: Any, infinite: Any) -> Any:
    """Whether 64 numbers are positive, as 8 bytes in the order of `numpy.packbits`, and whether one is not finite.

    The bits of a float, read as a signed integer, are above 0 just where it is: so one kernel serves all floats, and
    bools.

    Parameters
    ----------
    like : array of int8, int16, int32 or int64
        Tells how wide the numbers are, which are read as such.
    address : int
        Of the first.
    infinite : int
        The exponent of infinity and NaN, in its place; 0 where there is none.

    Returns
    -------
    packed : uint64
        Whose bytes in memory are the signs.
    finite : bool
    """

    def code(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        _, where, exponent = arguments
        element = ir.IntType(signature.args[0].dtype.bitwidth)
        kind = _vector(element, 64)
        x = _load(builder, where, kind)
        positive = builder.bitcast(builder.icmp_signed(">", x, ir.Constant(kind, [0] * 64)), _I64)
        reversed_bits = _call(builder, "llvm.bitreverse.i64", _I64, positive)
        packed = _call(builder, "llvm.bswap.i64", _I64, reversed_bits)
        top = builder.trunc(exponent, element) if element.width < 64 else exponent
        mask = _everywhere(builder, top, 64)
        at_top = builder.icmp_signed("==", builder.and_(x, mask), mask)
        some = builder.icmp_unsigned("!=", builder.bitcast(at_top, _I64), _ZERO)
        has_top = builder.icmp_unsigned("!=", exponent, _ZERO)
        finite = builder.not_(builder.and_(some, has_top))
        return context.make_tuple(builder, signature.return_type, [packed, finite])

    return types.Tuple((types.uint64, types.boolean))(like, types.intp, types.int64), code


COUNTED_BYTES = 256
"""Of a row of distances, what `count_ahead` takes at a time."""


@_intrinsic
def count_ahead(
    typing: Any, like: Any, distances: Any, stride: Any, n: Any, rows: Any, thresholds: Any, ties: Any, counts: Any
) -> Any:
    """Add how often each candidate is nearer than thresholds: 2 where nearer and 1 where tied, or 1 and 0 without ties.

    Parameters
    ----------
    like : array of uint16 or uint32
        Tells of what kind distances, thresholds and counts are.
    distances : int
        Address of the first of `COUNTED_BYTES` of candidates in row 0.
    stride : int
        Bytes from one row to the next.
    n : int
        Number of thresholds.
    rows : int
        Address of the row (int32) that each threshold is for.
    thresholds : int
        Their address. None is the greatest number of its kind.
    ties : bool
        Whether ties count.
    counts : int
        Address of the counts.
    """

    def code(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        _, base, line, number, of_row, of_threshold, tied, out = arguments
        element = ir.IntType(signature.args[0].dtype.bitwidth)
        size = element.width // 8
        lanes = VECTOR_BYTES // size
        kind, width = _vector(element, lanes), f"v{lanes}i{element.width}"
        parts = range(COUNTED_BYTES // VECTOR_BYTES)
        # min(max(t + ties - d, 0), 1 + ties): 2 or 1 where d < t, 1 or 0 where d = t, else 0.
        tie = builder.zext(tied, element)
        most = _everywhere(builder, builder.add(tie, ir.Constant(element, 1)), lanes)
        first = [_load(builder, builder.add(out, _number(VECTOR_BYTES * part)), kind) for part in parts]
        entry = builder.block
        loop, after = builder.append_basic_block("count"), builder.append_basic_block("counted")
        builder.cbranch(builder.icmp_signed(">", number, _ZERO), loop, after)

        builder.position_at_end(loop)
        step = builder.phi(_I64)
        counts = [builder.phi(kind) for _ in parts]
        row = builder.sext(_load(builder, builder.add(of_row, builder.mul(step, _number(4))), ir.IntType(32)), _I64)
        place = builder.add(base, builder.mul(row, line))
        threshold = _load(builder, builder.add(of_threshold, builder.mul(step, _number(size))), element)
        above = _everywhere(builder, builder.add(threshold, tie), lanes)
        new = []
        for part, count in zip(parts, counts, strict=True):
            d = _load(builder, builder.add(place, _number(VECTOR_BYTES * part)), kind)
            by = _call(builder, f"llvm.usub.sat.{width}", kind, above, d)
            new.append(builder.add(count, _call(builder, f"llvm.umin.{width}", kind, by, most)))
        following = builder.add(step, _number(1))
        for phi, start, then in zip([step, *counts], [_ZERO, *first], [following, *new], strict=True):
            phi.add_incoming(start, entry)
            phi.add_incoming(then, loop)
        builder.cbranch(builder.icmp_signed("<", following, number), loop, after)

        builder.position_at_end(after)
        for part, count in zip(parts, _merged(builder, kind, [(entry, first), (loop, new)]), strict=True):
            _store(builder, count, builder.add(out, _number(VECTOR_BYTES * part)))
        return context.get_dummy_value()

    return types.void(like, *[types.intp] * 5, types.boolean, types.intp), code
