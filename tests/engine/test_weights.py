"""How filters are laid down: which path they take, and the bound that keeps 16-bit sums whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbrn.engine import lists, weights
from lbrn.engine.weights import Dense, Ternary


def _filters(shape, sparsity, seed=0):
    generator = np.random.default_rng(seed)
    signs = generator.choice(np.array([-1, 1], np.int8), shape)
    return np.where(generator.random(shape) < sparsity, signs, np.int8(0))


@pytest.mark.parametrize("shorts", [False, True])
@pytest.mark.parametrize(
    ("shape", "sparsity", "path"),
    [
        ((128, 128, 3, 3), 0.05, "direct"),
        ((128, 128, 3, 3), 0.5, "shared"),
        ((128, 128, 3, 3), 0.9, "shared"),
        ((64, 64, 3, 3), 0.5, "shared"),
        ((4, 4, 3, 3), 0.5, "dense"),
        ((1, 256, 1, 1), 1.0, "dense"),
        ((1, 1, 1, 1), 1.0, "dense"),
    ],
)
def test_the_path_follows_shape_and_sparsity(shape, sparsity, path, shorts):
    chosen = weights.choose(_filters(shape, sparsity), shorts=shorts)
    assert (chosen.path if isinstance(chosen, Ternary) else "dense") == path
    assert chosen.channels == shape[1]


def test_a_wanted_path_is_taken():
    filters = _filters((4, 4, 3, 3), 0.5)
    for path, groups in (("direct", {1}), ("shared", {2, 3})):
        chosen = weights.choose(filters, shorts=False, path=path)
        assert isinstance(chosen, Ternary) and chosen.path == path and chosen.lists.group in groups
    assert isinstance(weights.choose(filters, shorts=False, path="dense"), Dense)


def test_a_filter_without_weights():
    for path in ("direct", "shared"):
        chosen = weights.choose(np.zeros((5, 7, 3, 3), np.int8), shorts=True, path=path)
        assert len(chosen.lists.rows) == 0


def _largest_sum(chosen, filters, positive):
    """The largest |sum| that any chunk of lists can reach on its way, with inputs of up to 127 steps."""
    largest = 0
    for first, last in zip(chosen.lists.chunks, chosen.lists.chunks[1:], strict=False):
        part = filters[:, first * chosen.lists.group : last * chosen.lists.group].reshape(len(filters), -1).astype(int)
        up, down = (part > 0).sum(1), (part < 0).sum(1)
        largest = max(largest, int(np.maximum(up, down).max() if positive else (up + down).max()))
    return 127 * largest


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 200), st.sampled_from([1, 3, 5, 7]), st.sampled_from([0.1, 0.6, 1.0]), st.booleans(),
    st.sampled_from(["direct", "shared", "auto"]),
)  # fmt: skip
def test_sums_stay_within_16_bits(channels, side, sparsity, positive, path):
    filters = _filters((3, channels, side, side), sparsity)
    chosen = weights.choose(filters, shorts=True, path=path, positive=positive)
    if isinstance(chosen, Ternary):
        assert _largest_sum(chosen, filters, positive) <= 32767
        assert chosen.lists.lengths.max(initial=0) <= lists.LONGEST


@pytest.mark.parametrize(("channels", "chunks"), [(43, 1), (44, 2)])
def test_the_bound_is_used_up(channels, chunks):
    # 43 channels of 6 taps: 258 * 127 is the largest multiple of 127 within 16 bits.
    chosen = weights.choose(np.ones((1, channels, 2, 3), np.int8), shorts=True, path="direct")
    assert len(chosen.lists.chunks) - 1 == chunks


def test_inputs_without_negative_values_need_fewer_chunks():
    filters = _filters((8, 128, 3, 3), 1.0)
    signed, positive = (
        weights.choose(filters, shorts=True, path="shared", positive=positive) for positive in (False, True)
    )
    assert len(positive.lists.chunks) < len(signed.lists.chunks)


def test_dense_weights_are_packed_once():
    dense = weights.choose(_filters((5, 3, 3, 3), 0.5), shorts=False, path="dense")
    assert dense.bytes == dense.packed.nbytes + dense.packed_bias.nbytes > 4 * 5 * 3 * 9
    ternary = weights.choose(_filters((128, 128, 3, 3), 0.5), shorts=False, path="shared")
    rows = ternary.lists.rows.nbytes
    assert rows < ternary.bytes < 1.5 * rows
