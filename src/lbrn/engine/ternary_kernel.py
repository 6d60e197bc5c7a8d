"""The ternary convolution of one map: for every input position build the tables, for every tap add up the lists.

Input-stationary: the tables of one position and chunk of channels serve all taps and output channels and are then
forgotten, so that they stay in the nearest cache. What a tap adds goes to the sums of the position that it belongs to.
"""

from typing import Any, NamedTuple

from numba import njit

from lbrn.engine import tables
from lbrn.engine.lists import Lists
from lbrn.engine.vectors import read

STEP = 128
"""Bytes from a channel to the next: 32 float32 (half the lanes) or 64 int16 (all of them)."""


class Geometry(NamedTuple):
    """How output positions of a lane's block look at its padded input positions.

    Attributes:
        height: Rows of output positions.
        width: Columns of output positions.
        stride: Input rows or columns from one output to the next.
        kernel_height: Taps.
        kernel_width: Taps.
        dilation: Input rows or columns from one tap to the next.
        channels: Channels of the packed input, filled up to whole groups.
        outputs: Output channels.
    """

    height: int
    width: int
    stride: int
    kernel_height: int
    kernel_width: int
    dilation: int
    channels: int
    outputs: int

    @property
    def padded_height(self) -> int:
        """Rows of input positions."""
        return (self.height - 1) * self.stride + (self.kernel_height - 1) * self.dilation + 1

    @property
    def padded_width(self) -> int:
        """Columns of input positions."""
        return (self.width - 1) * self.stride + (self.kernel_width - 1) * self.dilation + 1


class FlatLists(NamedTuple):
    """`Lists` by the addresses of their arrays: unpacking these costs a call much less than unpacking arrays."""

    group: int
    chunk_count: int
    chunks: int
    lengths: int
    counts: int
    runs: int
    outputs: int
    rows: int
    first_output: int
    first_row: int


def flatten(lists: Lists) -> FlatLists:
    """Give the kernel's view of lists, which the caller must keep alive."""
    arrays = (lists.chunks, lists.lengths, lists.counts, lists.runs, lists.outputs, lists.rows)
    addresses = (array.ctypes.data for array in (*arrays, lists.first_output, lists.first_row))
    return FlatLists(lists.group, len(lists.chunks) - 1, *addresses)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def build_tables(channel: int, table: int, groups: int, group: int, shorts: bool) -> None:
    """Build the tables of consecutive groups of channels of one position."""
    if shorts:
        if group == 1:
            tables.short_singles(channel, STEP, table, groups)
        elif group == 2:
            tables.short_pairs(channel, STEP, table, groups)
        else:
            tables.short_triples(channel, STEP, table, groups)
    elif group == 1:
        tables.float_singles(channel, STEP, table, groups)
    elif group == 2:
        tables.float_pairs(channel, STEP, table, groups)
    else:
        tables.float_triples(channel, STEP, table, groups)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def add_lists(table: int, sums: int, slice_: int, lists: Any, shorts: bool) -> None:
    """Add up all lists of one (chunk, tap) into the sums of one output position."""
    output = lists.outputs + 2 * read(lists.first_output, slice_)
    row = lists.rows + 2 * read(lists.first_row, slice_)
    for run in range(read(lists.runs, slice_), read(lists.runs, slice_ + 1)):
        count, length = read(lists.counts, run), read(lists.lengths, run)
        if shorts:
            tables.run_shorts(table, sums, output, row, count, length, STEP)
        else:
            tables.run_floats(table, sums, output, row, count, length, STEP)
        output += 2 * count
        row += 2 * count * length


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def convolve(
    packed: int, sums: int, plane: int, table: int, shape: Any, lists: Any, first: int, last: int, shorts: bool
) -> None:
    """Add the convolution of one packed map, or of one half of its lanes, to the sums of some output rows.

    Args:
        packed: Address of the packed input: (positions, channels, 32) float32 or (positions, channels, 64) int16.
        sums: Address of the sums: (positions, outputs, 32) float32 or (positions, outputs, 64) int16.
        plane: Bytes from the sums of one chunk to those of the next; 0 where all chunks add to the same.
        table: Address of room for the tables of one chunk.
        shape: `Geometry`.
        lists: `FlatLists`.
        first: First output row.
        last: End of the output rows.
        shorts: Whether numbers are int16.
    """
    stride, dilation = shape.stride, shape.dilation
    columns = (shape.width - 1) * stride + (shape.kernel_width - 1) * dilation + 1
    bottom = (last - 1) * stride + (shape.kernel_height - 1) * dilation + 1
    for chunk in range(lists.chunk_count):
        begin = read(lists.chunks, chunk)
        groups = read(lists.chunks, chunk + 1) - begin
        for y in range(first * stride, bottom):
            for x in range(columns):
                channel = packed + ((y * columns + x) * shape.channels + begin * lists.group) * STEP
                built = False
                for tap_y in range(shape.kernel_height):
                    row = y - tap_y * dilation
                    if row < first * stride or row >= last * stride or row % stride != 0:
                        continue
                    for tap_x in range(shape.kernel_width):
                        column = x - tap_x * dilation
                        if column < 0 or column >= shape.width * stride or column % stride != 0:
                            continue
                        if not built:
                            build_tables(channel, table, groups, lists.group, shorts)
                            built = True
                        target = row // stride * shape.width + column // stride
                        where = sums + chunk * plane + target * shape.outputs * STEP
                        tap = (chunk * shape.kernel_height + tap_y) * shape.kernel_width + tap_x
                        add_lists(table, where, tap, lists, shorts)
