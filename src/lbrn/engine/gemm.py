"""Dense convolution as matrix products on the lane layout: the learned 1x1 convolutions, and all that is not ternary.

One register block: `ROWS` output channels times `COLUMNS` vectors of pixels stay in registers while all input
channels and taps go by. Bias, residual and ReLU are applied before the block is stored.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from lbrn.engine import isa, vectors
from lbrn.engine.vectors import aligned, broadcast, constant, load_vector, store_vector

# Pixels of one vector, and the block that fills the registers: measured, see `benchmarks/`.
PIXELS, COLUMNS, ROWS = (16, 4, 4) if isa.name() == "avx512" else (8, 2, 6) if isa.name() == "avx2" else (4, 2, 4)
STEP = 2 * vectors.LANES
"""Bytes from a channel to the next: 32 float32, half the lanes."""

_LLVM = ir.VectorType(ir.FloatType(), PIXELS)
_ZERO = ir.Constant(_LLVM, None)


_WHOLE = COLUMNS * PIXELS == vectors.LANES
"""Whether one block takes both halves of the lanes."""


@intrinsic
def _block(typing_context, weights, pixels, taps, channels, bias, residual, target, rows, relu):  # type: ignore[no-untyped-def]
    """One register block.

    Pixels, residual and target are addresses in both halves of the lanes (a residual of 0 means none); `taps` is the
    address of int64 offsets and their number.
    """
    pair = types.UniTuple(types.intp, 2)
    kinds = [types.intp, pair, pair, types.intp, types.intp, pair, pair, types.intp, types.boolean]
    return types.void(*kinds), _emit_block


def _emit_block(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
    weights, pixels, taps, channels, bias, residual, target, rows, relu = arguments
    (offsets, count), pixels, residual, target = (
        [builder.extract_value(pair, half) for half in range(2)] for pair in (taps, pixels, residual, target)
    )
    sums = [[cgutils.alloca_once_value(builder, _ZERO) for _ in range(COLUMNS)] for _ in range(ROWS)]
    for row in sums:
        for cell in row:
            builder.store(_ZERO, cell)
    step = builder.mul(channels, constant(4 * ROWS))
    with cgutils.for_range(builder, count) as tap:
        place = builder.add(offsets, builder.shl(tap.index, constant(3)))
        offset = builder.load(vectors.pointer(builder, place, vectors.INT64))
        first = [builder.add(half, offset) for half in pixels]
        block = builder.add(weights, builder.mul(tap.index, step))
        with cgutils.for_range(builder, channels) as channel:
            _emit_channel(builder, sums, first, block, channel.index)
    for number, row in enumerate(sums):
        with builder.if_then(builder.icmp_signed(">", rows, constant(number))):
            _emit_store(builder, row, number, bias, residual, target, relu)
    return context.get_dummy_value()


def _column(builder: ir.IRBuilder, halves: list[Any], column: int, offset: int = 0) -> Any:
    """Address of a column of the block, `offset` bytes behind the first row."""
    half, place = divmod(column * PIXELS, vectors.LANES // 2)
    return builder.add(halves[half], constant(4 * place + offset))


def _emit_channel(builder: ir.IRBuilder, sums: Any, pixels: list[Any], weights: Any, channel: Any) -> None:
    kind = ir.FunctionType(_LLVM, [_LLVM] * 3)
    multiply_add = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{PIXELS}f32")
    halves = [builder.add(half, builder.mul(channel, constant(STEP))) for half in pixels]
    weight = builder.add(weights, builder.mul(channel, constant(4 * ROWS)))
    values = [load_vector(builder, _column(builder, halves, column), _LLVM) for column in range(COLUMNS)]
    for number, row in enumerate(sums):
        factor = broadcast(builder, builder.add(weight, constant(4 * number)), _LLVM)
        for cell, value in zip(row, values, strict=True):
            builder.store(builder.call(multiply_add, [factor, value, builder.load(cell)]), cell)


def _emit_store(
    builder: ir.IRBuilder, row: Any, number: int, bias: Any, residual: list[Any], target: list[Any], relu: Any
) -> None:
    offset = broadcast(builder, builder.add(bias, constant(4 * number)), _LLVM)
    for column, cell in enumerate(row):
        builder.store(builder.fadd(builder.load(cell), offset), cell)
        with builder.if_then(builder.icmp_signed("!=", residual[0], constant(0))):
            other = load_vector(builder, _column(builder, residual, column, number * STEP), _LLVM)
            builder.store(builder.fadd(builder.load(cell), other), cell)
        value = builder.load(cell)
        place = _column(builder, target, column, number * STEP)
        store_vector(builder, place, builder.select(relu, vectors.relu(builder, value), value))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def product(
    weights: int, pixels: int, second: int, taps: Any, channels: int, outputs: int, bias: int, residual: int,
    target: int, beyond: int, relu: bool,
) -> None:  # fmt: skip
    """All output channels of one position.

    Args:
        weights: Address of what `pack_weights` made.
        pixels: Address of the first half (channels, 32) of the input at the first tap's position.
        second: Bytes from there to the second half.
        taps: Address of the taps' int64 byte offsets from `pixels`, and their number.
        channels: Input channels.
        outputs: Output channels.
        bias: Address of the bias, filled up to a multiple of `ROWS`.
        residual: Address of the first half (outputs, 32) of what to add, or 0.
        target: Address of the first half (outputs, 32) of the result.
        beyond: Bytes from there, and in the residual, to the second half.
        relu: Whether negative results become zero.
    """
    for first in range(0, outputs, ROWS):
        block, offset, left = weights + first * 4 * channels * taps[1], bias + 4 * first, outputs - first
        place = first * STEP
        if _WHOLE:
            beside = (residual + place, residual + beyond + place) if residual != 0 else (0, 0)
            into = (target + place, target + beyond + place)
            _block(block, (pixels, pixels + second), taps, channels, offset, beside, into, left, relu)
        else:
            for half in range(2):
                for column in range(0, vectors.LANES // 2 // PIXELS, COLUMNS):
                    shift = 4 * column * PIXELS
                    here = half * beyond + place + shift
                    beside = (residual + here, residual + here) if residual != 0 else (0, 0)
                    into = (target + here, target + here)
                    start = pixels + half * second + shift
                    _block(block, (start, start), taps, channels, offset, beside, into, left, relu)


def pack_weights(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Order (outputs, channels, taps) weights as (blocks of outputs, taps, channels, `ROWS`), filled up with zeros."""
    outputs, channels, taps = weights.shape
    blocks = -(-outputs // ROWS)
    filled = np.zeros((blocks * ROWS, channels, taps), np.float32)
    filled[:outputs] = weights
    packed = aligned((blocks, taps, channels, ROWS), np.float32)
    packed[:] = filled.reshape(blocks, ROWS, channels, taps).transpose(0, 3, 2, 1)
    return packed


def pack_bias(bias: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill a bias up to a multiple of `ROWS`."""
    packed = aligned((-(-len(bias) // ROWS) * ROWS,), np.float32)
    packed[: len(bias)] = bias
    return packed
