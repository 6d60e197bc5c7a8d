"""Pyramid blocks, where they stand, and fractional pooling against its definition."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from lbrn.models import build
from lbrn.models.blocks import Bottleneck, Operations
from lbrn.models.pooling import FractionalPooling, set_eval_draw
from lbrn.models.pyramid import RATIOS, PyramidBlock
from oracles.fractional import fractional_max_pool, starts

TINY = {"stacks": 1, "width": 16, "depth": 3, "joints": 2}


def _features(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _pool(seed=0, name="pool"):
    return FractionalPooling(RATIOS, name=name, seed=seed)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(8, 8), (16, 12), (4, 5)])
def test_pooling_by_its_definition(training, size):
    pool = _pool().train(training)
    state = pool.get_extra_state()
    features = _features(2, 3, *size).requires_grad_()
    outputs = pool(features)
    pool.set_extra_state(state)
    samples = pool._samples(features).numpy()
    weights = [_features(*output.shape, seed=i) for i, output in enumerate(outputs)]
    sum((output * weight).sum() for output, weight in zip(outputs, weights, strict=True)).backward()
    gradient = np.zeros(features.shape, np.float32)
    for scale, output in enumerate(outputs):
        for n, c in np.ndindex(2, 3):
            x, y = samples[scale, n, c]
            plane = features[n, c].detach().numpy()
            maxima, sources = fractional_max_pool(plane, *output.shape[2:], x, y)
            np.testing.assert_array_equal(output[n, c].detach().numpy(), maxima)
            for place, pixel in sources.items():
                gradient[(n, c, *pixel)] += weights[scale][(n, c, *place)]
    np.testing.assert_allclose(features.grad.numpy(), gradient, rtol=1e-5, atol=1e-6)


def test_output_sizes_of_the_paper():
    pool = _pool().eval()
    for size, expected in {128: [107, 90, 76, 64], 64: [53, 45, 38, 32], 16: [13, 11, 9, 8]}.items():
        assert [output.shape[-1] for output in pool(torch.zeros(1, 1, size, size))] == expected


@given(st.integers(2, 20), st.sampled_from(RATIOS), st.integers(0, 999))
@settings(deadline=None)
def test_regions_cover_the_map_in_order(half, ratio, thousandths):
    # A property of the oracle: what the layer is compared with is a fair reading of the method.
    size = 2 * half  # the sides that hourglasses have
    first = starts(size, int(size * ratio), thousandths / 1000)
    assert first[0] == 0 and first[-1] == size - 2
    assert all(1 <= later - earlier <= 2 for earlier, later in itertools.pairwise(first))


def test_training_draws_anew_for_every_call_picture_and_channel():
    pool = _pool()
    samples = [pool._samples(torch.zeros(2, 3, 8, 8)) for _ in range(2)]
    together = torch.stack(samples).reshape(-1)
    assert together.unique().numel() == together.numel() == 2 * 4 * 2 * 3 * 2


def test_training_draws_from_its_own_generator_only():
    torch.manual_seed(1)
    outputs = _pool()(_features(1, 2, 8, 8))
    drawn = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), drawn)
    assert all(torch.equal(a, b) for a, b in zip(outputs, _pool()(_features(1, 2, 8, 8)), strict=True))


def test_seeds_and_names_draw_differently():
    shape = torch.zeros(1, 8, 8, 8)
    draws = [pool._samples(shape) for pool in (_pool(), _pool(seed=1), _pool(name="other"))]
    assert not torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])


@pytest.mark.parametrize("variant", ["prm", "lbrn-p"])
def test_a_checkpoint_continues_the_random_regions(variant, tmp_path):
    network = build(variant, seed=0, **TINY)
    pictures = _features(2, 3, 32, 32)
    network(pictures)
    torch.save(network.state_dict(), tmp_path / "checkpoint")
    expected = [network(pictures)[-1] for _ in range(2)]
    resumed = build(variant, seed=9, **TINY)
    resumed.load_state_dict(torch.load(tmp_path / "checkpoint", weights_only=True))
    for result in expected:
        assert torch.equal(resumed(pictures)[-1], result)
    assert not torch.equal(expected[0], expected[1])


def test_evaluation_is_the_same_every_time_and_draws_can_be_chosen():
    network = build("prm", seed=0, **TINY).eval()
    pictures = _features(2, 3, 32, 32)
    with torch.no_grad():
        first, second = network(pictures)[-1], network(pictures)[-1]
        set_eval_draw(network, 1)
        other = network(pictures)[-1]
        set_eval_draw(network, 0)
        again = network(pictures)[-1]
    assert torch.equal(first, second) and torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_evaluation_takes_nothing_from_the_training_generator():
    network = build("prm", seed=0, **TINY).eval()
    before = {name: value.clone() for name, value in network.state_dict().items() if "extra" in name}
    network(_features(1, 3, 32, 32))
    assert before and all(torch.equal(network.state_dict()[name], value) for name, value in before.items())


def test_evaluation_does_not_depend_on_the_training_seed():
    samples = [_pool(seed=seed).eval()._samples(torch.zeros(1, 2, 4, 4)) for seed in (0, 1)]
    assert torch.equal(samples[0], samples[1])
    assert 0 <= samples[0].min() and samples[0].max() < 1


def test_pyramid_block_by_its_definition():
    block = PyramidBlock(8, 8, Operations(), name="b", inside=2).eval()
    features = _features(2, 8, 8, 8)

    def step(sequence, values):
        return sequence[2](torch.relu(sequence[0](values)))

    main = step(block.conv3x3, step(block.reduce, features))
    pyramid = block.pyramid
    full = torch.relu(pyramid.normalise[0](step(pyramid.reduce, features)))
    total = 0
    for scale, reduced in zip(pyramid.scales, pyramid.pool(full), strict=True):
        convolved = F.conv2d(reduced, scale.convolution.weight, scale.convolution.bias, padding=1)
        total = total + F.interpolate(convolved, (8, 8), mode="bilinear", align_corners=True)
    merged = main + step(pyramid.expand, total)
    torch.testing.assert_close(block(features), features + step(block.expand, merged))


def test_the_stems_first_block_begins_without_normalisation():
    stem = build("prm", seed=0, **TINY).stem
    assert len(stem.before.reduce) == 1 and len(stem.before.pyramid.reduce) == 1
    assert len(stem.after[0].reduce) == 3
    # A skip where the channels change: normalisation, ReLU, 1x1.
    assert [type(part).__name__ for part in stem.after[1].skip] == ["BatchNorm2d", "ReLU", "Conv2d"]


def test_pyramid_blocks_at_larger_maps_plain_ones_at_smaller():
    level = build("prm", seed=0, **TINY).stacks[0].hourglass
    found = {}
    for number in (3, 2, 1):
        found[number] = (type(level.up), type(level.down), type(level.back))
        assert [type(part).__name__ for part in level.back.skip] == ["BatchNorm2d", "ReLU", "Conv2d"]
        assert isinstance(level.up.skip, torch.nn.Identity) and isinstance(level.down.skip, torch.nn.Identity)
        level = level.inner
    assert found[3] == (PyramidBlock,) * 3
    assert found[2] == (PyramidBlock, Bottleneck, Bottleneck)
    assert found[1] == (Bottleneck,) * 3 and isinstance(level, Bottleneck)


def test_no_residual_block_after_the_hourglass():
    neck = build("prm", seed=0, **TINY).stacks[0].neck
    assert [type(part).__name__ for part in neck] == ["BatchNorm2d", "ReLU"]
