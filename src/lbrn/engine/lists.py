"""From a ternary filter to lists of table rows: which rows an output adds up, for every input position and tap.

For each input position the kernels build a table of signed sums of a few channels ("four Russians"): of groups of three
channels all 27 sums, of two all 9, of one just +x and -x (direct signed sums). Each output channel then adds one row a
group and tap. What it adds is laid down here once: for every chunk of groups and every tap the outputs in the order of
the length of their lists, so that the kernel runs through whole runs of equal length without a misprediction, and for
each output the places of its rows in the table. Groups in which an output has no weight are left out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROW = 128
"""Bytes of a table row: 32 float32 or 64 int16."""

UNIT = 8
"""Places are stored as 16-bit numbers of 8 bytes, so a table may have 512 KiB."""

LONGEST = 48
"""The longest list that the kernel has unrolled."""


@dataclass(frozen=True)
class Lists:
    """The lists of one filter; slices of the flat arrays belong to (chunk, tap) in this order.

    Attributes:
        group: Channels in a group: 1, 2 or 3.
        chunks: (n + 1,) first group of each chunk of groups whose tables are held at once.
        lengths: Rows in each list of a run.
        counts: Outputs in each run.
        runs: (chunks * taps + 1,) first run of each (chunk, tap).
        outputs: uint16, output channels in the order of the runs.
        rows: uint16, places of the rows in the table of the chunk, in units of `UNIT` bytes.
        first_output: (chunks * taps + 1,) into `outputs`.
        first_row: (chunks * taps + 1,) into `rows`.
    """

    group: int
    chunks: NDArray[np.int64]
    lengths: NDArray[np.int64]
    counts: NDArray[np.int64]
    runs: NDArray[np.int64]
    outputs: NDArray[np.uint16]
    rows: NDArray[np.uint16]
    first_output: NDArray[np.int64]
    first_row: NDArray[np.int64]

    @property
    def channels(self) -> int:
        """Input channels, filled up to whole groups."""
        return int(self.chunks[-1]) * self.group

    @property
    def bytes(self) -> int:
        """Bytes of all lists."""
        arrays = (self.chunks, self.lengths, self.counts, self.runs, self.outputs, self.rows)
        return sum(array.nbytes for array in (*arrays, self.first_output, self.first_row))

    @property
    def table_rows(self) -> int:
        """Rows of the largest table."""
        return int(np.diff(self.chunks).max(initial=0)) * rows_of_group(self.group)


def rows_of_group(group: int) -> int:
    """Rows of the table of one group; a direct group has +x and -x."""
    return 2 if group == 1 else int(3**group)


def make(filters: NDArray[np.int8], group: int, groups_per_chunk: int) -> Lists:
    """Lay down the lists of a filter.

    Args:
        filters: (outputs, channels, taps) of -1, 0 and +1.
        group: Channels in a group: 1, 2 or 3.
        groups_per_chunk: Groups whose tables are held at once, such that no list is longer than `LONGEST`.
    """
    codes, weighted = _codes(filters, group), used(filters, group)
    _, groups, taps = codes.shape
    starts = np.arange(0, groups, groups_per_chunk)
    lengths, counts, order, rows = [], [], [], []
    for start in starts:
        stop = min(groups, start + groups_per_chunk)
        places = codes[:, start:stop] + (np.arange(stop - start, dtype=np.int16) * rows_of_group(group))[None, :, None]
        here = weighted[:, start:stop].transpose(2, 0, 1)  # (taps, outputs, groups)
        length = np.count_nonzero(here, axis=2)
        by_length = np.argsort(length, axis=1, kind="stable")
        pick = (np.arange(taps)[:, None], by_length)
        rows.append(places.transpose(2, 0, 1)[pick][here[pick]])
        for tap in range(taps):
            kept = by_length[tap][length[tap][by_length[tap]] > 0]
            run_lengths, run_counts = np.unique(length[tap][kept], return_counts=True)
            order.append(kept)
            lengths.append(run_lengths)
            counts.append(run_counts)
    if max((int(length.max(initial=0)) for length in lengths), default=0) > LONGEST:
        raise ValueError(f"a list is longer than {LONGEST} rows: choose fewer groups in a chunk")
    added = [int(run @ count) for run, count in zip(lengths, counts, strict=True)]
    return Lists(
        group=group,
        chunks=np.append(starts, groups).astype(np.int64),
        lengths=np.concatenate(lengths).astype(np.int64),
        counts=np.concatenate(counts).astype(np.int64),
        runs=_offsets([len(run) for run in lengths]),
        outputs=np.concatenate(order).astype(np.uint16),
        rows=np.concatenate(rows).astype(np.uint16) * np.uint16(ROW // UNIT),
        first_output=_offsets([len(part) for part in order]),
        first_row=_offsets(added),
    )


def _offsets(sizes: list[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)


def used(filters: NDArray[np.int8], group: int) -> NDArray[np.bool_]:
    """Whether an output has any weight in a group at a tap: (outputs, groups, taps)."""
    parts = _parts(filters, group)
    found: NDArray[np.bool_] = parts[0] != 0
    for part in parts[1:]:
        found |= part != 0
    return found


def _codes(filters: NDArray[np.int8], group: int) -> NDArray[np.int16]:
    """Row of each (output, group, tap) in its group's table."""
    parts = _parts(filters, group)
    if group == 1:
        return (parts[0] < 0).astype(np.int16)
    codes = np.zeros(parts[0].shape, np.int16)
    for place, part in enumerate(parts):
        codes += (part + np.int16(1)) * np.int16(3**place)
    return codes


def _parts(filters: NDArray[np.int8], group: int) -> list[NDArray[np.int8]]:
    """First, second and third channels of all groups, each (outputs, groups, taps)."""
    outputs, channels, taps = filters.shape
    filled = np.zeros((outputs, -(-channels // group) * group, taps), np.int8)
    filled[:, :channels] = filters
    return [filled[:, place::group] for place in range(group)]
