"""The lane layout: how a map of pixels lies in memory, so that shifting it by a pixel moves whole vectors.

An array (images, 2, positions, channels, 32) of float32. The map is cut into a grid of 8 x 8 equal blocks; a lane is a
block, a position is a place within all blocks. Lane l = 8 ly + lx holds pixel (ly * block_height + qy,
lx * block_width + qx) at position qy * block_width + qx; lanes 0 - 31 lie in the first half, 32 - 63 in the second. The
neighbour of a pixel is the same lane of the neighbouring position, except at the rim of a block. Lanes outside a map
whose sides are no multiples of 8 hold anything.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lbrn.engine import transpose
from lbrn.engine.vectors import GRID, LANES, aligned


@dataclass(frozen=True)
class Map:
    """A map's size in the lane layout.

    Attributes:
        height: Pixels.
        width: Pixels.
    """

    height: int
    width: int

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width

    def enlarged(self, factor: float) -> "Map":
        """The size after enlarging by a factor, parts of pixels left out."""
        return Map(int(self.height * factor), int(self.width * factor))

    @property
    def block_height(self) -> int:
        """Rows of positions."""
        return -(-self.height // GRID)

    @property
    def block_width(self) -> int:
        """Columns of positions."""
        return -(-self.width // GRID)

    @property
    def positions(self) -> int:
        """Positions of a block."""
        return self.block_height * self.block_width

    @property
    def full(self) -> bool:
        """Whether every lane holds a pixel at every position."""
        return self.height % GRID == 0 and self.width % GRID == 0

    def empty(self, images: int, channels: int) -> NDArray[np.float32]:
        """A fresh array for this map."""
        return aligned((images, 2, self.positions, channels, LANES // 2), np.float32)


@lru_cache(maxsize=256)
def pixel_places(size: Map) -> NDArray[np.int64]:
    """For each pixel (height * width) one number: (half * positions + position) * 32 + lane in the half."""
    y, x = np.divmod(np.arange(size.height * size.width), size.width)
    lane_y, row = np.divmod(y, size.block_height)
    lane_x, column = np.divmod(x, size.block_width)
    half, lane = np.divmod(lane_y * GRID + lane_x, LANES // 2)
    return np.asarray((half * size.positions + row * size.block_width + column) * 32 + lane)


def offsets(size: Map, channels: int) -> NDArray[np.int64]:
    """For each pixel where its channel 0 lies in an image's array, counted in floats; channel c lies 32 c further."""
    slot, lane = np.divmod(pixel_places(size), 32)
    return np.asarray(slot * channels * 32 + lane)


def to_lanes(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring (N, C, H, W) into the lane layout; lanes without a pixel are zero."""
    lanes = Map(*images.shape[2:]).empty(*images.shape[:2])
    fill_lanes(images, lanes)
    return lanes


def from_lanes(lanes: NDArray[np.float32], size: Map) -> NDArray[np.float32]:
    """Bring an array of the lane layout back to (N, C, H, W)."""
    images = np.empty((lanes.shape[0], lanes.shape[3], size.height, size.width), np.float32)
    read_lanes(lanes, images)
    return images


def fill_lanes(images: NDArray[np.float32], lanes: NDArray[np.float32]) -> None:
    """Write (N, C, H, W) into an array of the lane layout."""
    images = np.ascontiguousarray(images)
    if _in_registers(images.shape[2], images.shape[3]):
        _fill(images.ctypes.data, lanes.ctypes.data, *images.shape)
    else:
        _fill_any(images, lanes)


def read_lanes(lanes: NDArray[np.float32], images: NDArray[np.float32]) -> None:
    """Read (N, C, H, W), which is contiguous, out of an array of the lane layout."""
    if _in_registers(images.shape[2], images.shape[3]):
        _read(lanes.ctypes.data, images.ctypes.data, *images.shape)
    else:
        _read_any(lanes, images)


def _in_registers(height: int, width: int) -> bool:
    return height % GRID == 0 and width in (GRID, 2 * GRID, 4 * GRID, 8 * GRID)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _fill(images: int, lanes: int, count: int, channels: int, height: int, width: int) -> None:
    rows, columns = height // GRID, width // GRID
    place, row = channels * 128, rows * width * 4
    for part in range(count * 2):
        for number in range(rows):
            for channel in range(channels):
                first = part % 2 * transpose.ROWS * rows + number
                pixels = images + (((part // 2) * channels + channel) * height + first) * width * 4
                target = lanes + ((part * rows + number) * columns * channels + channel) * 128
                if columns == 1:
                    transpose.fill1(pixels, row, target, place)
                elif columns == 2:
                    transpose.fill2(pixels, row, target, place)
                elif columns == 4:
                    transpose.fill4(pixels, row, target, place)
                else:
                    transpose.fill8(pixels, row, target, place)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _read(lanes: int, images: int, count: int, channels: int, height: int, width: int) -> None:
    rows, columns = height // GRID, width // GRID
    place, row = channels * 128, rows * width * 4
    for part in range(count * 2):
        for number in range(rows):
            for channel in range(channels):
                first = part % 2 * transpose.ROWS * rows + number
                pixels = images + (((part // 2) * channels + channel) * height + first) * width * 4
                source = lanes + ((part * rows + number) * columns * channels + channel) * 128
                if columns == 1:
                    transpose.read1(source, place, pixels, row)
                elif columns == 2:
                    transpose.read2(source, place, pixels, row)
                elif columns == 4:
                    transpose.read4(source, place, pixels, row)
                else:
                    transpose.read8(source, place, pixels, row)


# Both walk through the rows of a map that lie at one row of positions, channel by channel: pixels are read in their
# order, and each of the few vectors that they go to is complete before the next ones begin.


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _fill_any(images: Any, lanes: Any) -> None:
    """Write (N, C, H, W) of any size into an array of the lane layout."""
    count, channels, height, width = images.shape
    rows, columns = -(-height // GRID), -(-width // GRID)
    for image in range(count):
        for row in range(rows):
            for channel in range(channels):
                for block in range(GRID):
                    y = block * rows + row
                    if y >= height:
                        break
                    half, lane = block // 4, block % 4 * GRID
                    for beside in range(-(-width // columns)):
                        x = beside * columns
                        for column in range(min(columns, width - x)):
                            lanes[image, half, row * columns + column, channel, lane + beside] = images[
                                image, channel, y, x + column
                            ]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _read_any(lanes: Any, images: Any) -> None:
    """Read (N, C, H, W) of any size out of an array of the lane layout."""
    count, channels, height, width = images.shape
    rows, columns = -(-height // GRID), -(-width // GRID)
    for image in range(count):
        for row in range(rows):
            for channel in range(channels):
                for block in range(GRID):
                    y = block * rows + row
                    if y >= height:
                        break
                    half, lane = block // 4, block % 4 * GRID
                    for beside in range(-(-width // columns)):
                        x = beside * columns
                        for column in range(min(columns, width - x)):
                            images[image, channel, y, x + column] = lanes[
                                image, half, row * columns + column, channel, lane + beside
                            ]
