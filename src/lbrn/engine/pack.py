"""The input of a convolution with its rim: for each position of a lane's block also what lies around the block."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lbrn.engine import layout, vectors
from lbrn.engine.layout import Map
from lbrn.engine.prologue import STEP, activated
from lbrn.engine.vectors import GRID, LANES, read

BOTH = -1
"""Instead of the number of a half of the lanes."""


@dataclass(frozen=True)
class Window:
    """The geometry of a convolution, the same in both directions but for the kernel.

    Attributes:
        kernel: Height and width of the taps.
        stride: 1 or more.
        padding: Zeros above and left, below and right.
        dilation: 1 or more.
    """

    kernel: tuple[int, int]
    stride: int = 1
    padding: tuple[int, int] = (0, 0)
    dilation: int = 1

    def output(self, size: Map) -> Map:
        """Size of the output map; not positive where the kernel does not fit."""
        sides = (size.height, size.width)
        spans = ((taps - 1) * self.dilation + 1 for taps in self.kernel)
        height, width = (
            (side + 2 * pad - span) // self.stride + 1
            for side, span, pad in zip(sides, spans, self.padding, strict=True)
        )
        return Map(height, width)


@dataclass(frozen=True)
class Region:
    """Where the rows of a packed input come from.

    Attributes:
        height: Rows of positions.
        width: Columns of positions.
        source: (positions,) position of the input that a position copies; empty in the general case.
        shift: (positions,) lane shift: 3 (rows + 1) + columns + 1, each -1, 0 or 1.
        places: (positions * 64,) in the general case, see `layout.pixel_places`; -1 for a zero.
    """

    height: int
    width: int
    source: NDArray[np.int64]
    shift: NDArray[np.int64]
    places: NDArray[np.int64]

    @property
    def positions(self) -> int:
        """Positions of the packed input."""
        return self.height * self.width


@lru_cache(maxsize=1024)
def region(size: Map, window: Window) -> Region:
    """Work out the packed input of a convolution on a map."""
    output = window.output(size)
    height = (output.block_height - 1) * window.stride + (window.kernel[0] - 1) * window.dilation + 1
    width = (output.block_width - 1) * window.stride + (window.kernel[1] - 1) * window.dilation + 1
    empty = np.zeros(0, np.int64)
    blocks = (size.block_height, size.block_width)
    whole = (output.block_height * window.stride, output.block_width * window.stride) == blocks
    rows, columns = np.arange(height) - window.padding[0], np.arange(width) - window.padding[1]
    near = all(
        places[0] >= -block and places[-1] < 2 * block for places, block in zip((rows, columns), blocks, strict=True)
    )
    if size.full and whole and near:
        row_block, row = np.divmod(rows, blocks[0])
        column_block, column = np.divmod(columns, blocks[1])
        source = row[:, None] * blocks[1] + column[None]
        shift = 3 * (row_block[:, None] + 1) + column_block[None] + 1
        return Region(height, width, source.reshape(-1), shift.reshape(-1), empty)
    lane_y, lane_x = np.divmod(np.arange(LANES), GRID)
    y = rows[:, None, None] + (lane_y * output.block_height * window.stride)[None, None]
    x = columns[None, :, None] + (lane_x * output.block_width * window.stride)[None, None]
    inside = (y >= 0) & (y < size.height) & (x >= 0) & (x < size.width)
    pixel = np.where(inside, y * size.width + x, 0)
    places = np.where(inside, layout.pixel_places(size)[pixel], -1)
    return Region(height, width, empty, empty, np.ascontiguousarray(places.reshape(-1), np.int64))


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _shifted(value: Any, shift: int) -> Any:
    if shift < 3:
        value = vectors.shift_up(value)
    elif shift >= 6:
        value = vectors.shift_down(value)
    if shift % 3 == 0:
        value = vectors.shift_left(value)
    elif shift % 3 == 2:
        value = vectors.shift_right(value)
    return value


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def pack(
    lanes: int, second: int, channels: int, target: int, target_second: int, target_channels: int, source: int,
    shift: int, scale: int, offset: int, activation: int, first: int, last: int,
) -> None:  # fmt: skip
    """Pack the positions `first` to `last` - 1 of one image whose lanes are all inside the map.

    Args:
        lanes: Address of the first half (positions, channels, 32).
        second: Bytes to its second half.
        channels: Channels.
        target: Address of the first half (packed positions, target channels, 32).
        target_second: Bytes to its second half.
        target_channels: Channels of the packed input; those beyond `channels` are left as they are.
        source: Address of `Region.source`.
        shift: Address of `Region.shift`.
        scale: See `Prologue.arguments`.
        offset: See `Prologue.arguments`.
        activation: See `Prologue.arguments`.
        first: First packed position.
        last: End of the packed positions.
    """
    for position in range(first, last):
        here = lanes + read(source, position) * channels * STEP
        there = target + position * target_channels * STEP
        code = read(shift, position)
        for channel in range(channels):
            value = vectors.load_floats(here, here + second)
            value = activated(value, scale, offset, activation, channel)
            if code != 4:
                value = _shifted(value, code)
            vectors.store_floats(there, there + target_second, value)
            here += STEP
            there += STEP


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def pack_half(
    half: int, lanes: int, second: int, channels: int, target: int, target_second: int, target_channels: int,
    source: int, shift: int, scale: int, offset: int, activation: int, first: int, last: int,
) -> None:  # fmt: skip
    """Pack one half of the lanes (0 or 1), so that a thread packs just what it will convolve; otherwise as `pack`."""
    for position in range(first, last):
        here = lanes + read(source, position) * channels * STEP
        there = target + half * target_second + position * target_channels * STEP
        code = read(shift, position)
        # Only a shift up or down needs the other half, which another thread may have written: the rest leaves it alone.
        upper, lower = (here + half * second, here + half * second) if code // 3 == 1 else (here, here + second)
        for channel in range(channels):
            value = vectors.load_floats(upper + channel * STEP, lower + channel * STEP)
            value = activated(value, scale, offset, activation, channel)
            if code != 4:
                value = _shifted(value, code)
            vectors.store_half(there + channel * STEP, value, half)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def pack_shorts(
    lanes: int, second: int, channels: int, target: int, target_channels: int, source: int, shift: int, scale: int,
    offset: int, activation: int, factor: float, first: int, last: int,
) -> None:  # fmt: skip
    """Pack as `pack` does, times a factor and rounded to int16; the target is (packed positions, channels, 64)."""
    factors = vectors.all_lanes(np.float32(factor))
    for position in range(first, last):
        here = lanes + read(source, position) * channels * STEP
        there = target + position * target_channels * STEP
        code = read(shift, position)
        for channel in range(channels):
            value = activated(vectors.load_floats(here, here + second), scale, offset, activation, channel)
            if code != 4:
                value = _shifted(value, code)
            vectors.store_shorts(there, vectors.round_to_shorts(vectors.multiply_floats(value, factors)))
            here += STEP
            there += STEP


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def gather(
    lanes: int, channels: int, target: int, target_second: int, target_channels: int, places: int, scale: int,
    offset: int, activation: int, first: int, last: int,
) -> None:  # fmt: skip
    """Pack positions in the general case, pixel by pixel; arguments as in `pack`."""
    for position in range(first, last):
        there = target + position * target_channels * STEP
        for half in range(2):
            for lane in range(LANES // 2):
                slot = read(places, position * LANES + half * 32 + lane)
                number = (slot // 32) * channels * 32 + slot % 32
                for channel in range(channels):
                    value = vectors.read_float(lanes, number + channel * 32) if slot >= 0 else np.float32(0)
                    vectors.write_float(there + half * target_second, channel * 32 + lane, value)
        for channel in range(channels):
            here = there + channel * STEP
            value = activated(vectors.load_floats(here, here + target_second), scale, offset, activation, channel)
            vectors.store_floats(here, here + target_second, value)
        if scale != 0 or activation >= 2:
            _clear(there, target_second, channels, places, position)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _clear(there: int, second: int, channels: int, places: int, position: int) -> None:
    """Zero again what the activation has made of the padding."""
    for lane in range(LANES):
        if read(places, position * LANES + lane) < 0:
            for channel in range(channels):
                vectors.write_float(there + (lane // 32) * second, channel * 32 + lane % 32, np.float32(0))
