"""What kernels on vector registers are built of: instructions of LLVM, by the names of what they do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 8
VECTOR_BYTES = 64


def kernel(function: Callable[..., Any]) -> Any:
    """Make a function that writes instructions one that compiled code can call."""
    # Called from compiled code without the typing context that it is defined with.
    return intrinsic(function)


I64 = ir.IntType(64)
ZERO = ir.Constant(I64, 0)
Values = Sequence[Any]


def vector_of(element: ir.Type, lanes: int = LANES) -> ir.VectorType:
    """The type of so many of an element."""
    return ir.VectorType(element, lanes)


def constant(value: int) -> ir.Constant:
    """A whole number of 64 bits."""
    return ir.Constant(I64, value)


def call(builder: ir.IRBuilder, name: str, result: ir.Type, *operands: Any) -> Any:
    """Call an intrinsic of LLVM."""
    function = ir.FunctionType(result, [operand.type for operand in operands])
    return builder.call(cgutils.get_or_insert_function(builder.module, function, name), operands)


def load(builder: ir.IRBuilder, address: Any, kind: ir.Type) -> Any:
    """Read from an address that need not be aligned."""
    loaded = builder.load(builder.inttoptr(address, kind.as_pointer()))
    loaded.align = 1
    return loaded


def store(builder: ir.IRBuilder, value: Any, address: Any) -> None:
    """Write to an address that need not be aligned."""
    builder.store(value, builder.inttoptr(address, value.type.as_pointer())).align = 1


def picked(builder: ir.IRBuilder, a: Any, b: Any, lanes: Sequence[int]) -> Any:
    """Lanes of two vectors, numbered one after the other."""
    return builder.shuffle_vector(a, b, ir.Constant(vector_of(ir.IntType(32), len(lanes)), list(lanes)))


def from_lane(builder: ir.IRBuilder, first: Any, lanes: int) -> Any:
    """Which of so many lanes are at or after the first wanted (an i64)."""
    numbers = ir.Constant(vector_of(I64, lanes), list(range(lanes)))
    return builder.icmp_signed(">=", numbers, everywhere(builder, first, lanes))


def everywhere(builder: ir.IRBuilder, value: Any, lanes: int) -> Any:
    """A vector with one value in every lane."""
    empty = ir.Constant(vector_of(value.type, lanes), ir.Undefined)
    one = builder.insert_element(empty, value, ir.Constant(ir.IntType(32), 0))
    return picked(builder, one, one, [0] * lanes)


def looped(builder: ir.IRBuilder, count: Any, first: Values, advance: Callable[[Any, Values], Values]) -> Values:
    """Values of one type after so many steps: `advance` gives the next ones, of a step's number and those before."""
    entry = builder.block
    loop, after = builder.append_basic_block("loop"), builder.append_basic_block("after")
    builder.cbranch(builder.icmp_signed(">", count, ZERO), loop, after)

    builder.position_at_end(loop)
    step = builder.phi(I64)
    values = [builder.phi(value.type) for value in first]
    advanced = advance(step, values)
    following = builder.add(step, constant(1))
    for phi, start, then in zip([step, *values], [ZERO, *first], [following, *advanced], strict=True):
        phi.add_incoming(start, entry)
        phi.add_incoming(then, loop)
    builder.cbranch(builder.icmp_signed("<", following, count), loop, after)

    builder.position_at_end(after)
    return merged(builder, [(entry, first), (loop, advanced)])


def merged(builder: ir.IRBuilder, ways: Sequence[tuple[Any, Values]]) -> Values:
    """Values that come from different blocks."""
    merged = [builder.phi(value.type) for value in ways[0][1]]
    for block, values in ways:
        for phi, value in zip(merged, values, strict=True):
            phi.add_incoming(value, block)
    return merged
