"""Operations on attention: products and maxima of two maps, and maps stretched to 0..1."""

import numpy as np
from numba import njit

from lbrn.engine import vectors
from lbrn.engine.operations import share
from lbrn.engine.prologue import STEP
from lbrn.engine.resampling import LANE
from lbrn.engine.vectors import read, read_float, write_float


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def combine(a: int, thread: int, threads: int) -> None:
    """Product (kind 0) or maximum (1) of two maps, of which one may have a single channel; item: a position.

    Arguments: images, positions, channels of the target; then of the left, the right and the target: address, bytes of
    an image, second half; channels of the left and of the right; kind.
    """
    positions, channels = read(a, 1), read(a, 2)
    begin, end = share(read(a, 0) * positions, thread, threads)
    for item in range(begin, end):
        image, position = item // positions, item % positions
        left = read(a, 3) + image * read(a, 4) + position * read(a, 12) * STEP
        right = read(a, 6) + image * read(a, 7) + position * read(a, 13) * STEP
        target = read(a, 9) + image * read(a, 10) + position * channels * STEP
        for _ in range(channels):
            first = vectors.load_floats(left, left + read(a, 5))
            second = vectors.load_floats(right, right + read(a, 8))
            if read(a, 14) == 0:
                value = vectors.multiply_floats(first, second)
            else:
                value = vectors.maximum_floats(first, second)
            vectors.store_floats(target, target + read(a, 11), value)
            left += STEP if read(a, 12) > 1 else 0
            right += STEP if read(a, 13) > 1 else 0
            target += STEP


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def stretch(a: int, thread: int, threads: int) -> None:
    """(x - min) / (max - min + eps) over a map; item: a channel of an image.

    Arguments: images, channels, pixels, source, bytes of an image, target, bytes of its image, places of the pixels in
    both, address of eps.
    """
    begin, end = share(read(a, 0) * read(a, 1), thread, threads)
    for item in range(begin, end):
        image, move = item // read(a, 1), LANE * (item % read(a, 1))
        source, target = read(a, 3) + image * read(a, 4), read(a, 5) + image * read(a, 6)
        low, high = np.float32(np.inf), np.float32(-np.inf)
        for pixel in range(read(a, 2)):
            value = read_float(source, read(read(a, 7), pixel) + move)
            if value < low or value != value:
                low = value
            if value > high or value != value:
                high = value
        span = high - low + read_float(read(a, 8), 0)
        for pixel in range(read(a, 2)):
            place = read(read(a, 7), pixel) + move
            write_float(target, place, (read_float(source, place) - low) / span)
