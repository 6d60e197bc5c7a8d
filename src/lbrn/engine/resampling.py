"""Operations that move pixels between lanes: general pooling and resizing, one pixel at a time."""

from typing import Any

import numpy as np
from numba import njit

from lbrn.engine.operations import share
from lbrn.engine.vectors import read, read_float, write_float

LANE = 32  # floats from a channel to the next


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def pool(a: int, thread: int, threads: int) -> None:
    """Max or mean over a window; item: an output row of an image.

    Arguments: images, channels, input height and width, source, bytes of an image, places of its pixels, output height
    and width, target, bytes of its image, places of its pixels, kernel height and width, stride, padding above and
    left, kind (0 maximum, 1 mean with the padding counted, 2 mean without).
    """
    height, width, rows, columns = read(a, 2), read(a, 3), read(a, 7), read(a, 8)
    begin, end = share(read(a, 0) * rows, thread, threads)
    for item in range(begin, end):
        image, row = item // rows, item % rows
        source, target = read(a, 4) + image * read(a, 5), read(a, 9) + image * read(a, 10)
        top = row * read(a, 14) - read(a, 15)
        for column in range(columns):
            left = column * read(a, 14) - read(a, 16)
            there = read(read(a, 11), row * columns + column)
            for channel in range(read(a, 1)):
                largest, total, count = np.float32(-np.inf), 0.0, 0
                for y in range(max(0, top), min(height, top + read(a, 12))):
                    for x in range(max(0, left), min(width, left + read(a, 13))):
                        value = read_float(source, read(read(a, 6), y * width + x) + LANE * channel)
                        if value > largest or value != value:
                            largest = value
                        total += value
                        count += 1
                if read(a, 17) == 1:
                    count = read(a, 12) * read(a, 13)
                result = largest if read(a, 17) == 0 else np.float32(total / count)
                write_float(target, there + LANE * channel, result)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def resize(a: int, thread: int, threads: int) -> None:
    """Blend of four pixels each, which also serves nearest neighbour; item: an output row of an image.

    Arguments: images, channels, input width, source, bytes of an image, places of its pixels, output height and width,
    target, bytes of its image, places of its pixels; then for rows and for columns: first pixel, second pixel (int64
    each), weight of the second (float32).
    """
    width, rows, columns = read(a, 2), read(a, 6), read(a, 7)
    begin, end = share(read(a, 0) * rows, thread, threads)
    for item in range(begin, end):
        image, row = item // rows, item % rows
        source, target = read(a, 3) + image * read(a, 4), read(a, 8) + image * read(a, 9)
        upper, lower = read(read(a, 11), row) * width, read(read(a, 12), row) * width
        down = read_float(read(a, 13), row)
        for column in range(columns):
            left, right = read(read(a, 14), column), read(read(a, 15), column)
            across = read_float(read(a, 16), column)
            there = read(read(a, 10), row * columns + column)
            corners = (
                read(read(a, 5), upper + left), read(read(a, 5), upper + right),
                read(read(a, 5), lower + left), read(read(a, 5), lower + right),
            )  # fmt: skip
            for channel in range(read(a, 1)):
                move = LANE * channel
                one = _mix(read_float(source, corners[0] + move), read_float(source, corners[1] + move), across)
                two = _mix(read_float(source, corners[2] + move), read_float(source, corners[3] + move), across)
                write_float(target, there + move, _mix(one, two, down))


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _mix(first: Any, second: Any, weight: Any) -> Any:
    return first * (np.float32(1) - weight) + second * weight if weight > 0 else first


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def pool_regions(a: int, thread: int, threads: int) -> None:
    """Max-pooling 2 x 2 at each channel's own places (fractional pooling); item: an output row of an image.

    Arguments: images, channels, input width, source, bytes of an image, places of its pixels, output height and width,
    target, bytes of its image, places of its pixels, first rows (channels, output height), first columns (channels,
    output width).
    """
    width, rows, columns = read(a, 2), read(a, 6), read(a, 7)
    begin, end = share(read(a, 0) * rows, thread, threads)
    for item in range(begin, end):
        image, row = item // rows, item % rows
        source, target = read(a, 3) + image * read(a, 4), read(a, 8) + image * read(a, 9)
        for channel in range(read(a, 1)):
            top = read(read(a, 11), channel * rows + row)
            for column in range(columns):
                corner = top * width + read(read(a, 12), channel * columns + column)
                largest = np.float32(-np.inf)
                for place in (corner, corner + 1, corner + width, corner + width + 1):
                    value = read_float(source, read(read(a, 5), place) + LANE * channel)
                    if value > largest or value != value:
                        largest = value
                there = read(read(a, 10), row * columns + column)
                write_float(target, there + LANE * channel, largest)
