"""The packed input of a convolution: each position of it, for each lane, against a padded picture."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.networks import pictures
from lbrn.engine import layout, machine, pack, prologue
from lbrn.engine.layout import Map
from lbrn.engine.pack import Window
from lbrn.engine.prologue import Prologue
from lbrn.engine.steps import Steps

CHANNELS = 3
SCALE, SHIFT = np.array([1, -2, 0.5], np.float32), np.array([0.5, 1, -3], np.float32)
PROLOGUES = {
    "none": (Prologue(), lambda x: x),
    "relu": (Prologue(activation=prologue.RELU), lambda x: np.maximum(x, 0)),
    "normalised": (Prologue(SCALE, SHIFT), lambda x: x * SCALE[:, None, None] + SHIFT[:, None, None]),
    "sigmoid": (
        Prologue(SCALE, SHIFT, prologue.SIGMOID),
        lambda x: 1 / (1 + np.exp(-(x * SCALE[:, None, None] + SHIFT[:, None, None]))),
    ),
    "sign": (Prologue(activation=prologue.SIGN), lambda x: np.where(x < 0, -1.0, 1.0)),
}


def _packed(images, window, chosen, channels=4):
    steps = Steps(len(images), 2)
    source = steps.value(Map(*images.shape[2:]), CHANNELS)
    source.data[...] = 1e9  # what lies in lanes outside the map must not matter
    layout.fill_lanes(images, source.data)
    room, where = steps._pack(source, window, chosen, channels)
    machine.run(steps.program(), 2)
    return room, where


def _check(size, window, name):
    images = pictures(2, CHANNELS, *size)
    chosen, meaning = PROLOGUES[name]
    room, where = _packed(images, window, chosen)
    output = window.output(Map(*size))
    reach = 200
    padded = np.pad(
        meaning(images), ((0, 0), (0, 0), (reach, reach), (reach, reach))
    )  # zeros lie around the activations
    for position in range(where.positions):
        y, x = divmod(position, where.width)
        for lane in range(64):
            top = lane // 8 * output.block_height * window.stride + y - window.padding[0] + reach
            left = lane % 8 * output.block_width * window.stride + x - window.padding[1] + reach
            if top < padded.shape[2] and left < padded.shape[3]:
                found = room[:, lane // 32, position, :CHANNELS, lane % 32]
                np.testing.assert_allclose(found, padded[:, :, top, left], rtol=1e-6, atol=1e-6)
    assert not room[:, :, :, CHANNELS:].any(), "channels beyond the source's stay zero"
    return where


@pytest.mark.parametrize("name", PROLOGUES)
@pytest.mark.parametrize(
    ("size", "window", "whole"),
    [
        ((16, 24), Window((3, 3), 1, (1, 1)), True),
        ((16, 16), Window((3, 3), 2, (1, 1)), True),
        ((8, 8), Window((3, 3), 1, (1, 1)), True),
        ((64, 64), Window((3, 3), 1, (3, 3), 3), True),
        ((16, 16), Window((5, 5), 1, (2, 2)), True),
        ((8, 8), Window((5, 5), 1, (2, 2)), False),
        ((16, 16), Window((3, 3)), True),
        ((13, 9), Window((3, 3), 1, (1, 1)), False),
    ],
)
def test_both_ways_of_packing(size, window, whole, name):
    where = _check(size, window, name)
    assert (len(where.places) == 0) == whole


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 24), st.integers(1, 24)), st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.integers(1, 3), st.tuples(st.integers(0, 4), st.integers(0, 4)), st.integers(1, 4),
    st.sampled_from([*PROLOGUES]),
)  # fmt: skip
def test_any_window(size, kernel, stride, padding, dilation, name):
    window = Window(kernel, stride, padding, dilation)
    output = window.output(Map(*size))
    assume(min(output.height, output.width) >= 1)
    _check(size, window, name)


def test_output_sizes():
    assert Window((3, 3), 2, (1, 1)).output(Map(9, 8)) == Map(5, 4)
    assert Window((3, 1), 1, (0, 0), 4).output(Map(9, 8)) == Map(1, 8)
    assert min(Window((5, 5)).output(Map(4, 8)).sides) < 1
    assert pack.region(Map(16, 16), Window((3, 3), 1, (1, 1))) is pack.region(Map(16, 16), Window((3, 3), 1, (1, 1)))
