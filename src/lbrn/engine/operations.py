"""What a program can do: each operation does one thread's share of one step.

An operation gets the address of its arguments, a row of int64 that `lbrn.engine.steps` wrote, and which of how many
threads it is. Shares are fixed by these numbers alone, so that a result does not depend on how threads are scheduled.
"""

import numpy as np
from numba import njit

from lbrn.engine import gemm, pack, prologue, ternary_kernel, vectors
from lbrn.engine.prologue import STEP
from lbrn.engine.vectors import read

SMALLEST = np.float32(2.0**-100)
"""The smallest step in fixed point: the factor that brings values into steps must not overflow."""


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def share(items: int, thread: int, threads: int) -> tuple[int, int]:
    """First and end of a thread's share of numbered items; what is left over goes to the first threads.

    So steps that follow each other give the few positions of a small map to the same threads, whose caches hold them.
    """
    return -(-items * thread // threads), -(-items * (thread + 1) // threads)


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def packed_rows(first: int, last: int, rows: int, stride: int, packed: int) -> tuple[int, int]:
    """Rows of a packed input to be packed by the thread that will convolve some of `rows` output rows."""
    return first * stride, packed if last == rows else last * stride


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def pack_input(a: int, thread: int, threads: int) -> None:
    """Pack a convolution's input; item: an output row of an image, or of half its lanes.

    Arguments: images, lanes, bytes of an image, second half, channels, target, bytes of a packed image, its second
    half, its channels, sources, shifts, scale, shift, activation, places (0: not the general case), packed rows and
    columns, output rows, stride, whether threads share halves of the lanes.
    """
    columns, rows = read(a, 16), read(a, 17)
    parts = 2 if read(a, 19) != 0 else 1
    first, last = share(read(a, 0) * parts * rows, thread, threads)
    while first < last:
        number, row = first // rows, first % rows
        row_end = min(rows, row + last - first)
        first += row_end - row
        begin, end = packed_rows(row, row_end, rows, read(a, 18), read(a, 15))
        image, part = number // parts, number % parts if parts == 2 else pack.BOTH
        lanes, target = read(a, 1) + image * read(a, 2), read(a, 5) + image * read(a, 6)
        if read(a, 14) != 0:
            pack.gather(
                lanes, read(a, 4), target, read(a, 7), read(a, 8), read(a, 14), read(a, 11), read(a, 12), read(a, 13),
                begin * columns, end * columns,
            )  # fmt: skip
        elif part == pack.BOTH:
            pack.pack(
                lanes, read(a, 3), read(a, 4), target, read(a, 7), read(a, 8), read(a, 9), read(a, 10), read(a, 11),
                read(a, 12), read(a, 13), begin * columns, end * columns,
            )  # fmt: skip
        else:
            pack.pack_half(
                part, lanes, read(a, 3), read(a, 4), target, read(a, 7), read(a, 8), read(a, 9), read(a, 10),
                read(a, 11), read(a, 12), read(a, 13), begin * columns, end * columns,
            )  # fmt: skip


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def measure(a: int, thread: int, threads: int) -> None:
    """Largest magnitude of what goes into a convolution, one number a thread; item: a position of an image.

    Arguments: images, source, bytes of an image, second half, positions, channels, scale, shift, activation, address
    of the numbers.
    """
    first, last = share(read(a, 4), thread, threads)
    first, last = first * read(a, 5), last * read(a, 5)
    largest = np.float32(0)
    for image in range(read(a, 0)):
        here = read(a, 1) + image * read(a, 2)
        found = prologue.largest_magnitude(
            here, read(a, 3), first, last, read(a, 5), read(a, 6), read(a, 7), read(a, 8)
        )
        if largest == largest and not found <= largest:  # what is no number wins and stays
            largest = found
    vectors.write_float(read(a, 9), thread, largest)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _factor(numbers: int, step: int, thread: int, threads: int) -> np.float32:
    """Steps in 1, from the threads' numbers of `measure`; the first thread notes the size of a step."""
    largest = np.float32(0)
    for other in range(threads):
        found = vectors.read_float(numbers, other)
        if largest == largest and not found <= largest:
            largest = found
    size = largest / np.float32(127)
    if size < SMALLEST:
        size = SMALLEST
    if thread == 0:
        vectors.write_float(step, 0, size)
    return np.float32(1) / size


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def pack_shorts(a: int, thread: int, threads: int) -> None:
    """Pack a convolution's input in 8-bit steps of its largest magnitude; item: an output row of an image.

    Arguments: images, lanes, bytes of an image, second half, channels, target, bytes of a packed image, its channels,
    sources, shifts, scale, shift, activation, packed rows and columns, output rows, stride, numbers of `measure`,
    address of the size of a step, bytes of a thread's room. Every thread packs all that it will convolve into a room of
    its own: rows at the rim of its share twice, rather than fetched from another core.
    """
    factor = _factor(read(a, 17), read(a, 18), thread, threads)
    columns, rows, room = read(a, 14), read(a, 15), read(a, 5) + thread * read(a, 19)
    first, last = share(read(a, 0) * rows, thread, threads)
    while first < last:
        image, row = first // rows, first % rows
        row_end = min(rows, row + last - first)
        first += row_end - row
        begin, end = row * read(a, 16), read(a, 13) - (rows - row_end) * read(a, 16)
        pack.pack_shorts(
            read(a, 1) + image * read(a, 2), read(a, 3), read(a, 4), room + image * read(a, 6), read(a, 7),
            read(a, 8), read(a, 9), read(a, 10), read(a, 11), read(a, 12), factor, begin * columns, end * columns,
        )  # fmt: skip


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def quantise(a: int, thread: int, threads: int) -> None:
    """A packed input into 8-bit steps of its largest magnitude; item: a row of 64 lanes of an image.

    Arguments: images, packed, bytes of an image, second half, rows, numbers of `measure`, target, bytes of its image,
    address of the resulting size of a step (not finite where the input is not).
    """
    factor = _factor(read(a, 5), read(a, 8), thread, threads)
    first, last = share(read(a, 4), thread, threads)
    for image in range(read(a, 0)):
        here = read(a, 1) + image * read(a, 2) + first * STEP
        target = read(a, 6) + image * read(a, 7) + first * STEP
        prologue.quantise(here, read(a, 3), target, factor, last - first)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def ternary(a: int, thread: int, threads: int) -> None:
    """A ternary convolution of a packed input; item: a row of positions of an image, or of half its lanes.

    Arguments: images, packed, bytes of an image, second half, sums, bytes of an image, second half, bytes of a plane,
    tables, bytes of a table, numbers (0: float32, 1: int16, 2: float32 in the first half of the lanes only), geometry
    (8 numbers), lists (10 numbers), bytes of a thread's room of packed input (0: all threads share one).
    """
    shorts = read(a, 10) == 1
    shape = ternary_kernel.Geometry(
        read(a, 11), read(a, 12), read(a, 13), read(a, 14), read(a, 15), read(a, 16), read(a, 17), read(a, 18)
    )
    lists = ternary_kernel.FlatLists(
        read(a, 19), read(a, 20), read(a, 21), read(a, 22), read(a, 23), read(a, 24), read(a, 25), read(a, 26),
        read(a, 27), read(a, 28),
    )  # fmt: skip
    parts = 2 if read(a, 10) == 0 else 1
    planes = lists.chunk_count if shorts else 1
    table = read(a, 8) + thread * read(a, 9)
    first, last = share(read(a, 0) * parts * shape.height, thread, threads)
    while first < last:
        number, begin = first // shape.height, first % shape.height
        end = min(shape.height, begin + last - first)
        image, part = number // parts, number % parts
        packed = read(a, 1) + thread * read(a, 29) + image * read(a, 2) + part * read(a, 3)
        sums = read(a, 4) + image * read(a, 5) + part * read(a, 6)
        rows = shape.width * shape.outputs
        for plane in range(planes):
            _clear(sums + plane * read(a, 7) + begin * rows * STEP, (end - begin) * rows)
        ternary_kernel.convolve(packed, sums, read(a, 7), table, shape, lists, begin, end, shorts)
        first += end - begin


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _clear(address: int, rows: int) -> None:
    for row in range(rows):
        vectors.store_shorts(address + row * STEP, vectors.zero_shorts())


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def dequantise(a: int, thread: int, threads: int) -> None:
    """Sums of 8-bit activations back to float32; item: a position of an image.

    Arguments: images, planes, bytes of an image, bytes of a plane, planes in number, target, bytes of its image, its
    second half, positions, channels, address of the size of a step.
    """
    first, last = share(read(a, 8), thread, threads)
    first, last = first * read(a, 9), last * read(a, 9)
    step = vectors.read_float(read(a, 10), 0)
    for image in range(read(a, 0)):
        planes = read(a, 1) + image * read(a, 2) + first * STEP
        target = read(a, 5) + image * read(a, 6) + first * STEP
        prologue.dequantise(planes, read(a, 3), read(a, 4), target, read(a, 7), step, last - first)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def dense(a: int, thread: int, threads: int) -> None:
    """A dense convolution; item: an output position of an image.

    Arguments: images, weights, pixels, bytes of an image, second half, taps, number of taps, channels, outputs, bias,
    residual (0: none), target, bytes of its image, its second half, ReLU, height, width, input positions from row to
    row and from column to column, scale, shift, activation, scratch (0: no prologue), bytes of a thread's scratch.
    """
    height, width, channels, outputs = read(a, 15), read(a, 16), read(a, 7), read(a, 8)
    scratch = read(a, 22) + thread * read(a, 23) if read(a, 22) != 0 else 0
    first, last = share(read(a, 0) * height * width, thread, threads)
    taps = (read(a, 5), read(a, 6))
    for item in range(first, last):
        image, position = item // (height * width), item % (height * width)
        place = position // width * read(a, 17) + position % width * read(a, 18)
        pixels, second = read(a, 2) + image * read(a, 3) + place * channels * STEP, read(a, 4)
        if scratch != 0:
            prologue.apply(pixels, second, scratch, channels * STEP, channels, read(a, 19), read(a, 20), read(a, 21))
            pixels, second = scratch, channels * STEP
        moved = image * read(a, 12) + position * outputs * STEP
        residual = read(a, 10) + moved if read(a, 10) != 0 else 0
        gemm.product(
            read(a, 1), pixels, second, taps, channels, outputs, read(a, 9), residual, read(a, 11) + moved,
            read(a, 13), read(a, 14) != 0,
        )  # fmt: skip


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def transform(a: int, thread: int, threads: int) -> None:
    """Normalisation and activation, or a copy, of all channels; item: a position of an image.

    Arguments: images, positions, source, bytes of an image, second half, channels from position to position, target,
    bytes of its image, its second half, its channels from position to position, channels, scale, shift, activation.
    """
    positions = read(a, 1)
    first, last = share(read(a, 0) * positions, thread, threads)
    for item in range(first, last):
        image, position = item // positions, item % positions
        source = read(a, 2) + image * read(a, 3) + position * read(a, 5) * STEP
        target = read(a, 6) + image * read(a, 7) + position * read(a, 9) * STEP
        prologue.apply(source, read(a, 4), target, read(a, 8), read(a, 10), read(a, 11), read(a, 12), read(a, 13))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def add(a: int, thread: int, threads: int) -> None:
    """Sum of two maps, the second one enlarged by nearest neighbour within the lanes; item: a position of an image.

    Arguments: images, height, width, channels, first, second, target, bytes of an image and second half of each of the
    three, factor of the enlargement, ReLU. A first of 0 only enlarges.
    """
    height, width, channels, factor = read(a, 1), read(a, 2), read(a, 3), read(a, 13)
    begin, end = share(read(a, 0) * height * width, thread, threads)
    for item in range(begin, end):
        image, position = item // (height * width), item % (height * width)
        small = position // width // factor * (width // factor) + position % width // factor
        left = read(a, 4) + image * read(a, 7) + position * channels * STEP
        right = read(a, 5) + image * read(a, 9) + small * channels * STEP
        target = read(a, 6) + image * read(a, 11) + position * channels * STEP
        for _ in range(channels):
            value = vectors.load_floats(right, right + read(a, 10))
            if read(a, 4) != 0:
                value = vectors.add_floats(vectors.load_floats(left, left + read(a, 8)), value)
            if read(a, 14) != 0:
                value = vectors.relu_floats(value)
            vectors.store_floats(target, target + read(a, 12), value)
            left += STEP
            right += STEP
            target += STEP


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def halve(a: int, thread: int, threads: int) -> None:
    """Max-pooling 2 x 2 within the lanes; item: an output position of an image.

    Arguments: images, height, width, channels, source, bytes of an image, second half, and the same of the target.
    """
    height, width, channels = read(a, 1), read(a, 2), read(a, 3)
    begin, end = share(read(a, 0) * height * width, thread, threads)
    row = 2 * width * channels * STEP
    for item in range(begin, end):
        image, position = item // (height * width), item % (height * width)
        corner = position // width * 4 * width + position % width * 2
        source = read(a, 4) + image * read(a, 5) + corner * channels * STEP
        target = read(a, 7) + image * read(a, 8) + position * channels * STEP
        for _ in range(channels):
            upper = vectors.maximum_floats(_row(source, read(a, 6)), _row(source + channels * STEP, read(a, 6)))
            below = source + row
            lower = vectors.maximum_floats(_row(below, read(a, 6)), _row(below + channels * STEP, read(a, 6)))
            vectors.store_floats(target, target + read(a, 9), vectors.maximum_floats(upper, lower))
            source += STEP
            target += STEP


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _row(address: int, second: int):  # type: ignore[no-untyped-def]
    return vectors.load_floats(address, address + second)
