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
    fill_lanes(np.ascontiguousarray(images), lanes)
    return lanes


def from_lanes(lanes: NDArray[np.float32], size: Map) -> NDArray[np.float32]:
    """Bring an array of the lane layout back to (N, C, H, W)."""
    images = np.empty((lanes.shape[0], lanes.shape[3], size.height, size.width), np.float32)
    read_lanes(lanes, images)
    return images


# Both walk through the rows of a map that lie at one row of positions, channel by channel: pixels are read in their
# order, and each of the few vectors that they go to is complete before the next ones begin.


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def fill_lanes(images: Any, lanes: Any) -> None:
    """Write (N, C, H, W) into an array of the lane layout."""
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
def read_lanes(lanes: Any, images: Any) -> None:
    """Read (N, C, H, W) out of an array of the lane layout."""
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
