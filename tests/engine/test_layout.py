"""The lane layout against its definition, pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.networks import pictures
from lbrn.engine import layout
from lbrn.engine.layout import Map

# Widths of 8, 16, 32 and 64 go through registers, all others pixel by pixel.
SIZES = [
    (8, 8),
    (16, 8),
    (8, 16),
    (24, 32),
    (8, 64),
    (64, 64),
    (16, 24),
    (40, 40),
    (7, 9),
    (1, 1),
    (1, 70),
    (13, 64),
    (9, 8),
]


def _place(size, y, x):
    """Half, position and lane of a pixel: the map is cut into 8 x 8 blocks, a lane is a block."""
    rows, columns = -(-size.height // 8), -(-size.width // 8)
    lane = y // rows * 8 + x // columns
    return lane // 32, y % rows * columns + x % columns, lane % 32


@pytest.mark.parametrize("size", SIZES)
def test_every_pixel_lies_where_it_should(size):
    shape = Map(*size)
    images = pictures(2, 3, *size)
    lanes = layout.to_lanes(images)
    assert lanes.shape == (2, 2, shape.positions, 3, 32) and lanes.ctypes.data % 64 == 0
    places, offsets = layout.pixel_places(shape), layout.offsets(shape, 3)
    for y in range(size[0]):
        for x in range(size[1]):
            half, position, lane = _place(shape, y, x)
            assert np.array_equal(lanes[:, half, position, :, lane], images[:, :, y, x])
            assert places[y * size[1] + x] == (half * shape.positions + position) * 32 + lane
            assert lanes[1].reshape(-1)[offsets[y * size[1] + x] + 32 * 2] == images[1, 2, y, x]
    assert np.count_nonzero(lanes) == np.count_nonzero(images), "lanes without a pixel are zero"


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 70), st.integers(1, 70))
def test_there_and_back(images, channels, height, width):
    values = pictures(images, channels, height, width)
    lanes = layout.to_lanes(values)
    assert np.array_equal(layout.from_lanes(lanes, Map(height, width)), values)
    assert lanes.nbytes == Map(height, width).empty(images, channels).nbytes


@pytest.mark.parametrize("size", SIZES)
def test_nothing_beside_is_written(size):
    shape = Map(*size)
    values = pictures(1, 2, *size)
    room = np.full(values.size + 128, 7, np.float32)
    inside = room[64 : 64 + values.size].reshape(values.shape)
    layout.read_lanes(layout.to_lanes(values), inside)
    assert np.array_equal(inside, values) and np.all(room[:64] == 7) and np.all(room[-64:] == 7)
    lanes = shape.empty(3, 2)
    lanes[...] = 7
    layout.fill_lanes(values, lanes[1:2])
    assert np.all(lanes[0] == 7) and np.all(lanes[2] == 7)


def test_sizes():
    size = Map(17, 24)
    assert (size.block_height, size.block_width, size.positions, size.full) == (3, 3, 9, False)
    assert Map(16, 24).full and size.sides == (17, 24)
    assert size.enlarged(2) == Map(34, 48) and size.enlarged(0.5) == Map(8, 12)
