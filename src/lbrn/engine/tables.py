"""The inside of a ternary convolution: tables of signed sums, and outputs that add up table rows. Additions only.

Every function here is one that `tests/engine/test_additions.py` reads as LLVM code: no vector multiplication and no
fused multiply-add may be in it. There is one set for float32 sums (32 lanes at a time) and one for sums of 8-bit
activations in 16-bit integers (64 lanes at a time); both are made by the same code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from lbrn.engine.lists import LONGEST, ROW, UNIT, rows_of_group
from lbrn.engine.vectors import HALF, INT64, SHORTS, Vector, constant, load_vector, pointer, store_vector


@dataclass(frozen=True)
class _Arithmetic:
    """How one kind of sums is emitted."""

    vector: Vector
    add: str
    subtract: str
    negate: str


_FLOAT = _Arithmetic(HALF, "fadd", "fsub", "fneg")
_SHORT = _Arithmetic(SHORTS, "add", "sub", "neg")


def _accumulator(arithmetic: _Arithmetic) -> Callable[..., None]:
    """Make `run(table, sums, outputs, rows, count, length, step)`: one run of lists of equal length.

    For each of `count` outputs o, taken from `outputs`: the vector at `sums + o * step` gains `length` rows of the
    table. The length is a switch around unrolled code, so the processor meets no inner loop whose end it must guess.
    """

    @intrinsic
    def run(typing_context, table, sums, outputs, rows, count, length, step):  # type: ignore[no-untyped-def]
        def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            length = arguments[5]
            done = builder.append_basic_block("done")
            switch = builder.switch(length, done)
            for number in range(1, LONGEST + 1):
                block = builder.append_basic_block(f"length{number}")
                switch.add_case(constant(number), block)
                with builder.goto_block(block):
                    _emit_run(builder, arithmetic, number, arguments)
                    builder.branch(done)
            builder.position_at_end(done)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 7), emit

    return run  # type: ignore[no-any-return]


def _emit_run(builder: ir.IRBuilder, arithmetic: _Arithmetic, length: int, arguments: Any) -> None:
    table, sums, outputs, rows, count, _, step = arguments
    vector, add = arithmetic.vector, getattr(builder, arithmetic.add)
    place = _reader(builder)
    with cgutils.for_range(builder, count) as loop:
        output = place(builder.add(outputs, builder.shl(loop.index, constant(1))))
        where = builder.add(sums, builder.mul(output, step))
        first = builder.add(rows, builder.mul(loop.index, constant(2 * length)))
        total = load_vector(builder, where, vector.llvm)
        for number in range(length):
            row = builder.mul(place(builder.add(first, constant(2 * number))), constant(UNIT))
            total = add(total, load_vector(builder, builder.add(table, row), vector.llvm))
        store_vector(builder, where, total)


def _reader(builder: ir.IRBuilder) -> Callable[[Any], Any]:
    short = ir.IntType(16)
    return lambda address: builder.zext(builder.load(pointer(builder, address, short)), INT64)


def _table_builder(arithmetic: _Arithmetic, group: int) -> Callable[[int, int, int, int], None]:
    """Make `build(channel, step, table, groups)`: the tables of consecutive groups of channels.

    Args of what is made: address of the first channel, step to the next, address of the table, number of groups. Row
    of weights (a, b, c): (a + 1) + 3 (b + 1) + 9 (c + 1); of a single channel: +x, -x. The row of no weight stays
    empty.
    """

    @intrinsic
    def build(typing_context, channel, step, table, groups):  # type: ignore[no-untyped-def]
        def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            channel, step, table, groups = arguments
            size = rows_of_group(group) * ROW
            with cgutils.for_range(builder, groups) as loop:
                first = builder.add(channel, builder.mul(builder.mul(loop.index, constant(group)), step))
                target = builder.add(table, builder.mul(loop.index, constant(size)))
                values = []
                for _ in range(group):
                    values.append(load_vector(builder, first, arithmetic.vector.llvm))
                    first = builder.add(first, step)
                for number, value in enumerate(_signed_sums(builder, arithmetic, values)):
                    if value is not None:
                        store_vector(builder, builder.add(target, constant(number * ROW)), value)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 4), emit

    return build  # type: ignore[no-any-return]


def _signed_sums(builder: ir.IRBuilder, arithmetic: _Arithmetic, values: list[Any]) -> list[Any]:
    negate = getattr(builder, arithmetic.negate)
    if len(values) == 1:
        return [values[0], negate(values[0])]
    add, subtract = getattr(builder, arithmetic.add), getattr(builder, arithmetic.subtract)
    sums: list[Any] = [None]
    for value in reversed(values):
        larger: list[Any] = []
        for total in sums:
            if total is None:
                larger += [negate(value), None, value]
            else:
                larger += [subtract(total, value), total, add(total, value)]
        sums = larger
    return sums


float_singles, float_pairs, float_triples = (_table_builder(_FLOAT, group) for group in (1, 2, 3))
short_singles, short_pairs, short_triples = (_table_builder(_SHORT, group) for group in (1, 2, 3))
run_floats, run_shorts = _accumulator(_FLOAT), _accumulator(_SHORT)
