"""Fixed filters: exact counts, golden digests, round trips, independence."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lbrn import ternary
from lbrn.errors import InputError

TERNARY = hnp.arrays(np.int8, hnp.array_shapes(max_dims=4, max_side=7), elements=st.integers(-1, 1))

# Part of the file format: a change here means that every stored seed stands for other filters.
GOLDEN = {
    (
        "philox-1",
        0,
        "stem.0.conv3x3",
        (16, 16, 3, 3),
        0.5,
    ): "eaedc549b8c06ad0d4cfdb130544702fe71e1df60f7a09ba3c9493d1d748da85",
    (
        "philox-1",
        7,
        "stack0.level4.up.conv3x3",
        (5, 3, 3, 3),
        0.1,
    ): "4a5bab5ffbee78ecaa77df240333dfb7b85b28b8e7a911d17c25d0a34de523b7",
    (
        "lbcnn-1",
        0,
        "stem.0.conv3x3",
        (16, 16, 3, 3),
        0.5,
    ): "a6de4925568f5911a1cf43843084b8c38593083fe597fec4b027a97f7be78ada",
}


def _draw(shape=(8, 8, 3, 3), sparsity=0.5, seed=0, name="a", scheme="philox-1"):
    return ternary.draw(shape, sparsity, seed=seed, name=name, scheme=scheme)


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_golden_digests(case):
    scheme, seed, name, shape, sparsity = case
    filters = _draw(shape, sparsity, seed, name, scheme)
    assert ternary.digest({name: filters}) == GOLDEN[case]


def test_golden_words_of_the_stream():
    # numpy's raw stream itself: were it to change, this fails with a clearer reason than the digests.
    assert ternary.philox_words(2, "philox-1", 0, "a", [2, 2]).tolist() == [13274832781087580736, 869267254489930125]


@given(st.integers(1, 2000), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_exact_number_of_nonzeros(size, thousandths):
    filters = _draw((size,), thousandths / 1000)
    exact = Fraction(thousandths * size, 1000)
    count = np.count_nonzero(filters)
    assert abs(count - exact) <= Fraction(1, 2)
    if abs(count - exact) == Fraction(1, 2):
        assert count % 2 == 0  # halves go to the even number
    assert set(np.unique(filters)) <= {-1, 0, 1} and filters.dtype == np.int8


@pytest.mark.parametrize("scheme", ["philox-1", "lbcnn-1"])
def test_ends_of_the_range(scheme):
    assert not _draw(sparsity=0, scheme=scheme).any()
    if scheme == "philox-1":
        assert np.abs(_draw(sparsity=1.0)).min() == 1


def test_ties_are_broken_by_position():
    words = np.array([5, 1, 5, 5, 0], dtype=np.uint64)
    chosen = ternary._smallest_words(words, 0.6)
    assert chosen.tolist() == [True, True, False, False, True]


def test_signs_are_fair_and_positions_uniform():
    filters = _draw((64, 64, 3, 3), 0.5, name="statistics")
    nonzero = filters[filters != 0]
    assert abs(int(nonzero.sum())) < 5 * math.sqrt(nonzero.size)
    by_tap = np.count_nonzero(filters, axis=(0, 1)) / 64**2
    assert np.all(np.abs(by_tap - 0.5) < 5 * 0.5 / 64)
    by_filter = np.count_nonzero(filters, axis=(1, 2, 3)) / (64 * 9)
    assert np.all(np.abs(by_filter - 0.5) < 5 * 0.5 / math.sqrt(64 * 9))


def test_density_of_the_draw_with_replacement():
    density = np.count_nonzero(_draw((128, 128, 3, 3), 0.5, scheme="lbcnn-1")) / (128 * 128 * 9)
    assert density == pytest.approx(1 - math.exp(-0.5), abs=0.005)


def test_names_seeds_schemes_and_shapes_are_independent():
    variants = [
        _draw((4096,)),
        _draw((4096,), name="b"),
        _draw((4096,), seed=1),
        _draw((64, 64)).reshape(-1),
        _draw((4096,), scheme="lbcnn-1"),
    ]
    for first, second in itertools.combinations(variants, 2):
        correlation = float(np.corrcoef(first, second)[0, 1])
        assert abs(correlation) < 5 / math.sqrt(4096)


def test_lower_sparsity_is_nested_in_higher():
    low, high = _draw(sparsity=0.2), _draw(sparsity=0.7)
    assert np.array_equal(low[low != 0], high[low != 0])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sparsity": 1.5}, "sparsity 1.5"),
        ({"sparsity": -0.1}, "sparsity -0.1"),
        ({"sparsity": float("nan")}, "sparsity nan"),
        ({"seed": -1}, "filter seed -1"),
        ({"seed": 0.5}, "filter seed 0.5"),
        ({"name": ""}, "needs a name"),
        ({"scheme": "philox-2"}, "philox-2"),
        ({"shape": (3, 0)}, "shape"),
        ({"shape": ()}, "shape"),
    ],
)
def test_refuses_impossible_draws(changed, message):
    with pytest.raises(InputError, match=message):
        _draw(**changed)


@given(TERNARY)
@settings(deadline=None)
def test_packing_round_trips(weights):
    two, three = ternary.pack_2bit(weights), ternary.pack_base3(weights)
    assert len(two) == -(-weights.size // 4) and len(three) == -(-weights.size // 5)
    assert np.array_equal(ternary.unpack_2bit(two, weights.shape), weights)
    assert np.array_equal(ternary.unpack_base3(three, weights.shape), weights)


def test_packed_bytes_are_as_documented():
    weights = np.array([1, -1, 0, 1, -1], dtype=np.int8)
    assert ternary.pack_2bit(weights) == bytes([0b01_00_11_01, 0b11])
    assert ternary.pack_base3(weights) == bytes([2 + 0 * 3 + 1 * 9 + 2 * 27 + 0 * 81])


@pytest.mark.parametrize(
    ("unpack", "data", "message"),
    [
        (ternary.unpack_2bit, b"\x02", "code 10"),
        (ternary.unpack_2bit, b"\x40", "filling"),
        (ternary.unpack_2bit, b"", "0 bytes"),
        (ternary.unpack_base3, b"\xf3", "byte 243"),
        (ternary.unpack_base3, b"\x00", "filling"),
        (ternary.unpack_base3, b"\x79\x79", "2 bytes"),
    ],
)
def test_refuses_damaged_packed_weights(unpack, data, message):
    with pytest.raises(InputError, match=message):
        unpack(data, (3,))


@pytest.mark.parametrize("pack", [ternary.pack_2bit, ternary.pack_base3])
def test_refuses_to_pack_what_is_not_ternary(pack):
    with pytest.raises(InputError, match="not ternary"):
        pack(np.array([0.5]))


def test_digest_depends_on_names_shapes_and_values_but_not_on_order():
    first, second = _draw((4, 4)), _draw((4, 4), name="b")
    base = ternary.digest({"a": first, "b": second})
    assert base == ternary.digest({"b": second, "a": first})
    assert base != ternary.digest({"a": second, "b": first})
    assert base != ternary.digest({"a": first.reshape(2, 8), "b": second})
    flipped = first.copy()
    flipped[np.nonzero(first)[0][0], np.nonzero(first)[1][0]] *= -1
    assert base != ternary.digest({"a": flipped, "b": second})
