"""Rows of pixels to vectors of lanes and back, in registers, for the widths that networks have."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lbrn.engine.vectors import GRID, HALF, LANES, constant, load_vector, pointer, store_vector

ROWS = LANES // 2 // GRID
"""Blocks of rows in one half of the lanes."""


def _mask(places: list[int]) -> ir.Constant:
    return ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places)


def _joined(builder: ir.IRBuilder, parts: list[Any]) -> Any:
    """One vector of all parts, whose number is a power of two."""
    while len(parts) > 1:
        size = parts[0].type.count
        mask = _mask(list(range(2 * size)))
        parts = [builder.shuffle_vector(*parts[at : at + 2], mask) for at in range(0, len(parts), 2)]
    return parts[0]


def _to_lanes(columns: int) -> Callable[[int, int, int, int], None]:
    """Make `fill(pixels, row, lanes, place)`: rows of pixels to vectors of lanes.

    From `ROWS` rows of 8 * `columns` pixels, `row` bytes apart, to `columns` vectors, `place` bytes apart.
    """
    width = GRID * columns

    @intrinsic
    def fill(typing_context, pixels, row, lanes, place):  # type: ignore[no-untyped-def]
        def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            pixels, row, lanes, place = arguments
            kind = ir.VectorType(ir.FloatType(), width)
            parts = []
            for number in range(ROWS):
                here = builder.add(pixels, builder.mul(row, constant(number)))
                value = builder.load(pointer(builder, here, kind))
                value.align = 4
                parts.append(value)
            whole = _joined(builder, parts)
            for column in range(columns):
                picked = [block * width + lane * columns + column for block in range(ROWS) for lane in range(GRID)]
                there = builder.add(lanes, builder.mul(place, constant(column)))
                store_vector(builder, there, builder.shuffle_vector(whole, whole, _mask(picked)))
            return context.get_dummy_value()

        return types.void(*[types.intp] * 4), emit

    return fill  # type: ignore[no-any-return]


def _from_lanes(columns: int) -> Callable[[int, int, int, int], None]:
    """Make `read(lanes, place, pixels, row)`, the reverse of `_to_lanes`."""
    width = GRID * columns

    @intrinsic
    def read(typing_context, lanes, place, pixels, row):  # type: ignore[no-untyped-def]
        def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            lanes, place, pixels, row = arguments
            parts = [
                load_vector(builder, builder.add(lanes, builder.mul(place, constant(column))), HALF.llvm)
                for column in range(columns)
            ]
            whole = _joined(builder, parts)
            for block in range(ROWS):
                picked = [(x % columns) * LANES // 2 + block * GRID + x // columns for x in range(width)]
                value = builder.shuffle_vector(whole, whole, _mask(picked))
                there = builder.add(pixels, builder.mul(row, constant(block)))
                builder.store(value, pointer(builder, there, value.type)).align = 4
            return context.get_dummy_value()

        return types.void(*[types.intp] * 4), emit

    return read  # type: ignore[no-any-return]


fill1, fill2, fill4, fill8 = (_to_lanes(columns) for columns in (1, 2, 4, 8))
read1, read2, read4, read8 = (_from_lanes(columns) for columns in (1, 2, 4, 8))
