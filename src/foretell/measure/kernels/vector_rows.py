"""Kernels on vector registers that take a row: signs of numbers, and how many distances are nearer than others."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from foretell.measure.kernels.llvm import (
    I64,
    VECTOR_BYTES,
    ZERO,
    Values,
    call,
    constant,
    everywhere,
    kernel,
    load,
    looped,
    store,
    vector_of,
)

COUNTED_BYTES = 256
"""Of a row of distances, what `count_ahead` takes at a time."""


@kernel
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
        kind, width = vector_of(element, lanes), f"v{lanes}i{element.width}"
        parts = range(COUNTED_BYTES // VECTOR_BYTES)
        # min(max(t + ties - d, 0), 1 + ties): 2 or 1 where d < t, 1 or 0 where d = t, else 0.
        tie = builder.zext(tied, element)
        most = everywhere(builder, builder.add(tie, ir.Constant(element, 1)), lanes)
        first = [load(builder, builder.add(out, constant(VECTOR_BYTES * part)), kind) for part in parts]

        def count(step: Any, counts: Values) -> Values:
            row = builder.sext(load(builder, builder.add(of_row, builder.mul(step, constant(4))), ir.IntType(32)), I64)
            place = builder.add(base, builder.mul(row, line))
            threshold = load(builder, builder.add(of_threshold, builder.mul(step, constant(size))), element)
            above = everywhere(builder, builder.add(threshold, tie), lanes)
            new = []
            for part, before in zip(parts, counts, strict=True):
                d = load(builder, builder.add(place, constant(VECTOR_BYTES * part)), kind)
                by = call(builder, f"llvm.usub.sat.{width}", kind, above, d)
                new.append(builder.add(before, call(builder, f"llvm.umin.{width}", kind, by, most)))
            return new

        for part, counted in zip(parts, looped(builder, number, first, count), strict=True):
            store(builder, counted, builder.add(out, constant(VECTOR_BYTES * part)))
        return context.get_dummy_value()

    return types.void(like, *[types.intp] * 5, types.boolean, types.intp), code


@kernel
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
        kind = vector_of(element, 64)
        x = load(builder, where, kind)
        positive = builder.bitcast(builder.icmp_signed(">", x, ir.Constant(kind, [0] * 64)), I64)
        reversed_bits = call(builder, "llvm.bitreverse.i64", I64, positive)
        packed = call(builder, "llvm.bswap.i64", I64, reversed_bits)
        top = builder.trunc(exponent, element) if element.width < 64 else exponent
        mask = everywhere(builder, top, 64)
        at_top = builder.icmp_signed("==", builder.and_(x, mask), mask)
        some = builder.icmp_unsigned("!=", builder.bitcast(at_top, I64), ZERO)
        has_top = builder.icmp_unsigned("!=", exponent, ZERO)
        finite = builder.not_(builder.and_(some, has_top))
        return context.make_tuple(builder, signature.return_type, [packed, finite])

    return types.Tuple((types.uint64, types.boolean))(like, types.intp, types.int64), code


@kernel
def prefetch(typing: Any, address: Any) -> Any:
    """Begin to fetch the cache line at an address, to be written to."""

    def code(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        flag = ir.IntType(32)
        pointer = builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        function = ir.FunctionType(ir.VoidType(), [pointer.type, flag, flag, flag])
        fetch = cgutils.get_or_insert_function(builder.module, function, "llvm.prefetch.p0")
        builder.call(fetch, [pointer, flag(1), flag(3), flag(1)])
        return context.get_dummy_value()

    return types.void(types.intp), code
