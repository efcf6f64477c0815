"""Row 8: the share of the processor's popcount peak that the distance pass reaches.

A Hamming distance is XOR, count, add. How fast one core can do these three on vectors of 512 bits is measured, not
looked up: rows of A and of B that lie in the first-level cache are compared each with each, a tile at a time, with one
accumulator for each pair, so that neither loads nor latencies are what is waited for. Of several tiles the
fastest stands for the peak. The vectors are LLVM's, which a processor without such wide ones, or without a vector
popcount, does in as many steps as it needs: the peak is always that of the machine at hand. The assembly is read to
see which instruction counts, and a chain of dependent multiplications (3 cycles, and 1 for the XOR between, on
every recent x86) tells the clock. So the peak can be held against what the core's pipes allow: on AMD's Zen 4 (four
pipes of 256 bits) and on Intel's since Ice Lake (two of 512) three operations on 512 bits take 1.5 cycles, and 2/3 of
a vector a cycle is the most there can be. Pass and peak are timed in turn, on the same clock.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import partial
from typing import Any

import data
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from turns import Row, in_turn, median, timed

from foretell.measure.distances.cpu import hamming
from foretell.measure.kernels.order_keys import empty_rows, order_dtype

N_ITEMS, N_BITS = 2000, 11_520
LANES = 8  # of 64 bits
WIDTH = 64 * LANES
# 16 vectors a row are 1 KiB; the tallest tile's rows fill a third of a first-level cache. A power of two.
ROW_VECTORS = 16
TILES = ((2, 4), (4, 4), (3, 6), (4, 5), (5, 4), (4, 6))
ITERATIONS = 1_000_000
CHAIN = 20_000_000
CYCLES_A_LINK = 4


def distance_pass(packed: data.Bytes) -> None:
    """All Hamming distances of one space on one thread: the one place to say what is measured."""
    items = np.arange(len(packed))
    out = empty_rows(len(packed), len(packed), order_dtype(8 * packed.shape[1]))[:, : len(packed)]
    hamming(packed, items, packed, items, out, triangle=True, threads=1)


def pairs_of_pass(n_items: int) -> int:
    """Pairs of items that `distance_pass` compares: each unordered pair once."""
    return n_items * (n_items - 1) // 2


@dataclass(frozen=True)
class Tile:
    """A loop over `rows_a` x `rows_b` pairs of vectors."""

    rows_a: int
    rows_b: int
    run: Any

    @property
    def bit_pairs(self) -> int:
        """Bit pairs that `ITERATIONS` turns compare."""
        return ITERATIONS * self.rows_a * self.rows_b * WIDTH


def tile(rows_a: int, rows_b: int) -> Tile:
    """Compile the loop for one shape."""
    i64, vector = ir.IntType(64), ir.VectorType(ir.IntType(64), LANES)
    get: Any = cgutils.get_or_insert_function
    suffix = f"v{LANES}i64"

    def compared(typingctx: Any, a: Any, b: Any, turns: Any) -> Any:
        """Sum of the set bits of all XORs; `a` and `b` are addresses of rows of `ROW_VECTORS` vectors."""

        def emit(context: Any, build: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
            address_a, address_b, n_turns = arguments
            count = get(build.module, ir.FunctionType(vector, [vector]), f"llvm.ctpop.{suffix}")
            total = get(build.module, ir.FunctionType(i64, [vector]), f"llvm.vector.reduce.add.{suffix}")
            before, loop, after = (
                build.block,
                build.function.append_basic_block("turn"),
                build.function.append_basic_block("done"),
            )
            build.branch(loop)
            build.position_at_end(loop)
            turn = build.phi(i64)
            turn.add_incoming(ir.Constant(i64, 0), before)
            sums = [build.phi(vector) for _ in range(rows_a * rows_b)]
            # Round and round the same vectors: another place each turn, so no load can be moved out of the loop.
            place = build.mul(build.and_(turn, ir.Constant(i64, ROW_VECTORS - 1)), ir.Constant(i64, WIDTH // 8))

            def loaded(address: ir.Value, row: int) -> ir.Value:
                start = ir.Constant(i64, row * ROW_VECTORS * WIDTH // 8)
                where = build.add(build.add(address, start), place)
                return build.load(build.inttoptr(where, vector.as_pointer()), align=WIDTH // 8)

            mine = [loaded(address_a, row) for row in range(rows_a)]
            theirs = [loaded(address_b, row) for row in range(rows_b)]
            pairs = [(x, y) for x in mine for y in theirs]
            for sum_, (x, y) in zip(sums, pairs, strict=True):
                sum_.add_incoming(ir.Constant(vector, [0] * LANES), before)
                sum_.add_incoming(build.add(sum_, build.call(count, [build.xor(x, y)])), loop)
            following = build.add(turn, ir.Constant(i64, 1))
            turn.add_incoming(following, loop)
            build.cbranch(build.icmp_signed("<", following, n_turns), loop, after)
            build.position_at_end(after)
            found = ir.Constant(i64, 0)
            for sum_ in sums:
                last = next(value for value, block in sum_.incomings if block is loop)
                found = build.add(found, build.call(total, [last]))
            return found

        return types.int64(types.intp, types.intp, types.intp), emit

    compare: Any = intrinsic(compared)

    def run(a: Any, b: Any, turns: int) -> Any:
        return compare(a.ctypes.data, b.ctypes.data, turns)

    return Tile(rows_a, rows_b, njit(run))


def _chain(start: int, factor: int, links: int) -> int:
    """Multiplications each of which waits for the one before."""
    x = start
    for _ in range(links):
        x = (x * factor) ^ 1
    return x


chain: Any = njit(_chain)


def rows(repeats: int) -> list[Row]:
    """Time the pass, every tile and the chain in turn."""
    packed = data.packed(N_ITEMS, N_BITS, side=0)
    tiles = [tile(*shape) for shape in TILES]
    side_a, side_b = (_aligned(max(shape[side] for shape in TILES), seed=side) for side in (0, 1))
    for each in tiles:
        counted = each.run(side_a, side_b, ROW_VECTORS)
        expected = np.bitwise_count(side_a[: each.rows_a, None] ^ side_b[None, : each.rows_b]).sum()
        if counted != expected:
            raise RuntimeError(f"the tile of {each.rows_a} x {each.rows_b} counts {counted} bits, not {expected}")
    chain(1, 5, 1)
    distance_pass(packed[:64])

    jobs = {"pass": timed(partial(distance_pass, packed)), "chain": timed(partial(chain, 1, 5, CHAIN))}
    for place, each in enumerate(tiles):
        jobs[str(place)] = timed(partial(each.run, side_a, side_b, ITERATIONS))
    runs = in_turn(jobs, repeats)

    rates = [each.bit_pairs / median(runs[str(place)]) for place, each in enumerate(tiles)]
    peak = max(rates)
    best = tiles[rates.index(peak)]
    reached = pairs_of_pass(N_ITEMS) * N_BITS / median(runs["pass"])
    clock = CYCLES_A_LINK * CHAIN / median(runs["chain"])
    note = (
        f"peak: tile of {best.rows_a} x {best.rows_b} vectors in the first-level cache, {_instruction(best)}, "
        f"{peak / WIDTH / clock:.2f} vectors of {WIDTH} bits a cycle at {clock / 1e9:.2f} GHz"
    )
    return [
        Row(
            "8",
            f"bit pairs a second of distances, N={N_ITEMS:,}, D={N_BITS:,}",
            "popcount peak of a core",
            f"{reached / 1e12:.2f} T/s",
            f"{peak / 1e12:.2f} T/s",
            f"{reached / peak:.0%}",
            note=note,
            figures={
                "pass_s": [run.seconds for run in runs["pass"]],
                "bit_pairs_a_second": reached,
                "peak_bit_pairs_a_second": peak,
                "tiles": dict(zip(map(str, TILES), rates, strict=True)),
                "clock_hz": clock,
            },
        )
    ]


def _aligned(n_rows: int, *, seed: int) -> Any:
    """Random rows that start on a cache line."""
    size = n_rows * ROW_VECTORS * WIDTH // 8
    room = np.empty(size + WIDTH // 8, np.uint8)
    start = -room.ctypes.data % (WIDTH // 8)
    found = room[start : start + size]
    found[:] = np.random.default_rng(seed).integers(0, 256, size, np.uint8)
    return found.reshape(n_rows, -1)


def _instruction(each: Tile) -> str:
    """Name the instruction that counts, as the assembly has it."""
    assembly = "\n".join(each.run.inspect_asm().values())
    for name, register, words in (
        ("vpopcntq", "zmm", "vpopcntq on 512 bits"),
        ("vpopcntq", "ymm", "vpopcntq on 256 bits"),
        ("vpshufb", "", "table look-ups (vpshufb)"),
    ):
        if any(name in line and register in line for line in assembly.splitlines()):
            return words
    return f"what LLVM counts with on {platform.machine()}"
