"""Lists of table rows against a plain reading of the filter that they stand for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbrn.engine import lists


def _meaning(row, group):
    """Weights of the channels of a group that a row of its table stands for, as `lbrn.engine.tables` builds it."""
    if group == 1:
        return [1, -1][row : row + 1]
    return [row // 3**place % 3 - 1 for place in range(group)]


def _read(made, outputs, taps):
    """The filter that lists stand for, and how long each list of a run is."""
    group, per_unit = made.group, lists.ROW // lists.UNIT
    filters = np.zeros((outputs, made.channels, taps), int)
    run = entry = place = 0
    for chunk, start in enumerate(made.chunks[:-1]):
        for tap in range(taps):
            part = chunk * taps + tap
            assert (run, entry, place) == (made.runs[part], made.first_output[part], made.first_row[part])
            while run < made.runs[part + 1]:
                for _ in range(made.counts[run]):
                    for row in made.rows[place : place + made.lengths[run]]:
                        assert row % per_unit == 0
                        number, inside = divmod(int(row) // per_unit, lists.rows_of_group(group))
                        assert start + number < made.chunks[chunk + 1]
                        first = (start + number) * group
                        filters[made.outputs[entry], first : first + group, tap] += _meaning(inside, group)
                    entry, place = entry + 1, place + made.lengths[run]
                run += 1
    assert (run, entry, place) == (len(made.lengths), len(made.outputs), len(made.rows))
    return filters


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 9), st.integers(1, 30), st.integers(1, 9), st.sampled_from([0.0, 0.1, 0.6, 1.0]),
    st.sampled_from([1, 2, 3]), st.integers(1, 12), st.integers(0, 1000),
)  # fmt: skip
def test_lists_stand_for_their_filter(outputs, channels, taps, sparsity, group, groups_per_chunk, seed):
    generator = np.random.default_rng(seed)
    shape = (outputs, channels, taps)
    filters = (generator.choice([-1, 1], shape) * (generator.random(shape) < sparsity)).astype(np.int8)
    made = lists.make(filters, group, groups_per_chunk)
    read = _read(made, outputs, taps)
    assert np.array_equal(read[:, :channels], filters) and not read[:, channels:].any()
    groups = -(-channels // group)
    assert made.chunks.tolist() == [*range(0, groups, groups_per_chunk), groups]
    assert made.channels == groups * group
    assert made.table_rows == min(groups, groups_per_chunk) * lists.rows_of_group(group)
    for first, last in zip(made.runs, made.runs[1:], strict=False):
        assert np.all(np.diff(made.lengths[first:last]) > 0), "runs go from short to long lists, each length once"
    assert made.lengths.min(initial=1) >= 1 and made.lengths.max(initial=1) <= groups_per_chunk


def test_no_list_is_longer_than_the_kernel_knows():
    filters = np.ones((1, lists.LONGEST + 1, 1), np.int8)
    with pytest.raises(ValueError, match="longer than 48 rows"):
        lists.make(filters, 1, lists.LONGEST + 1)
    assert lists.make(filters[:, 1:], 1, lists.LONGEST).lengths.tolist() == [lists.LONGEST]
