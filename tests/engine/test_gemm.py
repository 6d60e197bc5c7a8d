"""Dense convolutions against products in float64: bias, residual, ReLU, prologue, all numbers of channels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.networks import pictures
from lbrn.engine import gemm, layout, machine, prologue
from lbrn.engine.layout import Map
from lbrn.engine.pack import Window
from lbrn.engine.prologue import Prologue
from lbrn.engine.steps import Steps
from lbrn.engine.weights import Dense
from oracles.convolution import convolution


def _run(images, dense, window, chosen, residual, relu, threads):
    steps = Steps(len(images), threads)
    source = steps.value(Map(*images.shape[2:]), images.shape[1])
    layout.fill_lanes(images, source.data)
    other = None
    if residual is not None:
        other = steps.value(Map(*residual.shape[2:]), residual.shape[1])
        layout.fill_lanes(residual, other.data)
    target = steps.dense(source, dense, window, chosen, residual=other, relu=relu)
    machine.run(steps.program(), threads)
    return layout.from_lanes(target.data, target.size)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 3), st.tuples(st.integers(1, 20), st.integers(1, 20)), st.integers(1, 40), st.integers(1, 40),
    st.sampled_from([1, 3]), st.booleans(), st.booleans(), st.booleans(), st.integers(1, 3),
)  # fmt: skip
def test_a_dense_convolution(batch, size, channels, outputs, side, with_residual, relu, with_prologue, threads):
    generator = np.random.default_rng(channels)
    images = pictures(batch, channels, *size)
    weights = generator.standard_normal((outputs, channels, side, side)).astype(np.float32)
    bias = generator.standard_normal(outputs).astype(np.float32)
    residual = pictures(batch, outputs, *size, seed=3) if with_residual else None
    scale, shift = (generator.standard_normal(channels).astype(np.float32) for _ in range(2))
    chosen = Prologue(scale, shift, prologue.RELU) if with_prologue else Prologue()
    given = np.maximum(images * scale[:, None, None] + shift[:, None, None], 0) if with_prologue else images
    expected = convolution(given, weights, padding=side // 2) + bias[:, None, None]
    expected = expected if residual is None else expected + residual
    window = Window((side, side), 1, (side // 2, side // 2))
    found = _run(images, Dense(weights, bias), window, chosen, residual, relu, threads)
    bound = 4 * 2.0**-23 * (channels * side**2 + 3) * (np.abs(given).max() + 1) * (np.abs(weights).max() + 1) * 4
    assert np.abs(found - (np.maximum(expected, 0) if relu else expected)).max() <= bound


@pytest.mark.parametrize(("size", "channels", "outputs"), [((64, 64), 256, 128), ((8, 8), 128, 256), ((4, 4), 7, 1)])
def test_shapes_of_networks(size, channels, outputs):
    images = pictures(1, channels, *size)
    weights = pictures(outputs, channels, 1, 1, seed=4)
    found = _run(images, Dense(weights, np.zeros(outputs, np.float32)), Window((1, 1)), Prologue(), None, False, 1)
    np.testing.assert_allclose(found, convolution(images, weights), atol=1e-3)


def test_whole_numbers_are_exact():
    images = np.arange(2 * 5 * 9 * 11, dtype=np.float32).reshape(2, 5, 9, 11) % 17 - 8
    weights = np.arange(7 * 5, dtype=np.float32).reshape(7, 5, 1, 1) % 5 - 2
    dense = Dense(weights, np.arange(7, dtype=np.float32))
    found = _run(images, dense, Window((1, 1)), Prologue(), None, False, 1)
    assert np.array_equal(found, convolution(images, weights) + np.arange(7)[:, None, None])


@pytest.mark.parametrize("outputs", [1, gemm.ROWS - 1, gemm.ROWS, gemm.ROWS + 1, 3 * gemm.ROWS])
def test_packed_weights(outputs):
    weights = pictures(outputs, 3, 2, seed=5)
    packed = gemm.pack_weights(weights)
    blocks = -(-outputs // gemm.ROWS)
    assert packed.shape == (blocks, 2, 3, gemm.ROWS) and packed.ctypes.data % 64 == 0
    for output in range(blocks * gemm.ROWS):
        there = packed[output // gemm.ROWS, :, :, output % gemm.ROWS]
        assert np.array_equal(there, weights[output].T if output < outputs else np.zeros((2, 3)))
    bias = gemm.pack_bias(pictures(outputs, seed=6))
    assert np.array_equal(bias, np.pad(pictures(outputs, seed=6), (0, blocks * gemm.ROWS - outputs)))
