"""Residual blocks against the equations, written out with plain functions."""

import pytest
import torch
import torch.nn.functional as F

from lbrn.layers import binarise
from lbrn.models.blocks import BINARY_OPERATIONS, Bottleneck, Operations
from lbrn.models.bulat import HierarchicalBlock
from lbrn.models.convolutions import fixed_convolution

FEATURES = torch.randn(3, 8, 6, 6, generator=torch.Generator().manual_seed(0))


def _step(step, values, activation):
    normalised = F.batch_norm(values, None, None, step[0].weight, step[0].bias, training=True)
    return step[2](activation(normalised))


@pytest.mark.parametrize(
    ("operations", "activation"),
    [
        (Operations(), torch.relu),
        (Operations(activation=torch.nn.Sigmoid), torch.sigmoid),
        (Operations(conv3x3=fixed_convolution(0.5, 0)), torch.relu),
        (BINARY_OPERATIONS, binarise),
    ],
)
@pytest.mark.parametrize("out_channels", [8, 12])
def test_bottleneck(operations, activation, out_channels):
    block = Bottleneck(8, out_channels, operations, name="b")
    values = FEATURES
    for step in (block.reduce, block.conv3x3, block.expand):
        values = _step(step, values, activation)
    skip = FEATURES if out_channels == 8 else F.conv2d(FEATURES, block.skip.weight, block.skip.bias)
    torch.testing.assert_close(block(FEATURES), skip + values)
    assert block.conv3x3[2].weight.shape == (out_channels // 2, out_channels // 2, 3, 3)


def test_the_input_is_not_overwritten():
    features = FEATURES.clone()
    Bottleneck(8, 8, Operations(), name="b")(features)
    assert torch.equal(features, FEATURES)


@pytest.mark.parametrize("in_channels", [8, 4])
def test_hierarchical_block(in_channels):
    block = HierarchicalBlock(in_channels, 8, name="b")
    features = FEATURES[:, :in_channels]
    first = _step(block.first, features, binarise)
    second = _step(block.second, first, binarise)
    third = _step(block.third, second, binarise)
    skip = features if in_channels == 8 else _step(block.skip, features, torch.relu)
    torch.testing.assert_close(block(features), skip + torch.cat([first, second, third], 1))
    assert [part.shape[1] for part in (first, second, third)] == [4, 2, 2]
    assert type(block.first[2]).__name__ == "BinaryConv2d"
