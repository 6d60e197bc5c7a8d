"""Local-binary and binary convolutions: equal to oracles, never trained, gradients where they belong."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lbrn import layers, ternary
from lbrn.errors import InputError
from lbrn.layers import BinaryConv2d, LocalBinaryConv2d, Sign
from oracles.convolution import ternary_convolution


def _layer(in_channels=4, out_channels=6, kernel_size=3, *args, **keywords):
    drawn = {"sparsity": 0.5, "seed": 0, "name": "layer", **keywords}
    return LocalBinaryConv2d(in_channels, out_channels, kernel_size, *args, **drawn)


@given(
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
    kernel_size=st.sampled_from([1, 3]),
    sparsity=st.sampled_from([0.0, 0.3, 1.0]),
)
@settings(max_examples=25, deadline=None)
def test_equals_adding_and_subtracting_pixels(stride, padding, dilation, groups, kernel_size, sparsity):
    layer = _layer(4, 6, kernel_size, stride, padding, dilation, groups, sparsity=sparsity)
    images = torch.randn(2, 4, 7, 6, generator=torch.Generator().manual_seed(1))
    expected = ternary_convolution(
        images.double().numpy(), layer.weight.numpy(), stride=stride, padding=padding, dilation=dilation, groups=groups
    )
    np.testing.assert_allclose(layer(images).numpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("padding_mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [(2, 1), "same", "valid"])
def test_equals_torchs_convolution_with_the_same_weight(padding_mode, padding):
    layer = _layer(4, 6, (3, 5), 1, padding, padding_mode=padding_mode)
    twin = nn.Conv2d(4, 6, (3, 5), 1, padding, padding_mode=padding_mode, bias=False)
    twin.weight.data.copy_(layer.weight)
    images = torch.randn(2, 4, 9, 8)
    assert torch.equal(layer(images), twin(images))


def test_filters_are_those_of_the_draw():
    layer = _layer(sparsity=0.3, seed=5, name="there", scheme="lbcnn-1")
    drawn = ternary.draw((6, 4, 3, 3), 0.3, seed=5, name="there", scheme="lbcnn-1")
    assert np.array_equal(layer.weight.numpy(), drawn)
    assert layer.nonzeros == np.count_nonzero(drawn)
    assert layer.weight.dtype == torch.float32


def test_nothing_to_train_or_store_but_the_gradient_reaches_the_input():
    layer = _layer(padding=1)
    images = torch.randn(1, 4, 5, 5, requires_grad=True)
    layer(images).square().sum().backward()
    assert not list(layer.parameters()) and not layer.state_dict()
    assert not layer.weight.requires_grad and layer.weight.grad is None
    expected = F.conv_transpose2d(2 * layer(images).detach(), layer.weight, padding=1)
    torch.testing.assert_close(images.grad, expected)


def test_initialisers_and_copies_leave_the_filters_alone():
    network = nn.Sequential(_layer(), nn.Conv2d(6, 2, 1))
    before = layers.filter_digest(network)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    assert layers.filter_digest(network) == before
    assert layers.filter_digest(copy.deepcopy(network)) == before


def test_making_a_layer_takes_nothing_from_the_global_generator():
    torch.manual_seed(3)
    _layer()
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(1))


def test_refuses_bias_and_impossible_draws():
    with pytest.raises(InputError, match="no bias"):
        _layer(bias=True)
    with pytest.raises(InputError, match=r"sparsity 1\.5"):
        _layer(sparsity=1.5)
    with pytest.raises(ValueError, match="divisible by groups"):
        _layer(groups=3)


def test_description_names_what_the_filters_are_drawn_from():
    text = repr(_layer(padding=1, sparsity=0.25, seed=9, name="up"))
    for part in ("4, 6", "kernel_size=(3, 3)", "padding=(1, 1)", "sparsity=0.25", "seed=9", "name='up'", "philox-1"):
        assert part in text


def test_fixed_filters_by_name_and_their_digest():
    network = nn.Sequential(_layer(name="first"), nn.ReLU(), nn.Sequential(_layer(6, 2, name="second")))
    filters = layers.fixed_filters(network)
    assert list(filters) == ["first", "second"]
    assert filters["second"].shape == (2, 6, 3, 3) and filters["second"].dtype == np.int8
    assert layers.filter_digest(network) == ternary.digest(filters)


def test_refuses_the_same_name_twice():
    with pytest.raises(InputError, match="two fixed convolutions are named 'layer'"):
        layers.fixed_filters(nn.Sequential(_layer(), _layer()))


def test_refuses_filters_that_were_changed():
    layer = _layer()
    layer.weight[0, 0, 0, 0] = 0.5
    with pytest.raises(InputError, match="'layer' has been changed"):
        layers.filter_digest(layer)


def test_sign_of_zero_is_plus_one_and_the_gradient_stops_at_one():
    values = torch.tensor([-2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0], requires_grad=True)
    signs = Sign()(values)
    assert signs.tolist() == [-1, -1, -1, 1, 1, 1, 1, 1]
    signs.backward(torch.full((8,), 3.0))
    assert values.grad.tolist() == [0, 0, 3, 3, 3, 3, 0, 0]


def test_binary_convolution_is_the_scaled_sign():
    layer = BinaryConv2d(3, 2, 3, padding=1)
    layer.weight.data[0, 0, 0, 0] = 0.0
    latent = layer.weight.detach()
    scale = latent.abs().flatten(1).sum(1) / 27
    signs = np.where(latent.numpy() >= 0, 1, -1)
    images = torch.randn(2, 3, 5, 5)
    expected = ternary_convolution(images.double().numpy(), signs, padding=1) * scale.numpy()[None, :, None, None]
    np.testing.assert_allclose(layer(images).detach().numpy(), expected, rtol=1e-5, atol=1e-5)
    assert layer.bias is None


def test_latent_weights_receive_the_straight_through_gradient():
    layer = BinaryConv2d(1, 1, 1)
    layer.weight.data.fill_(0.5)
    layer(torch.full((1, 1, 1, 1), 2.0)).backward()
    # y = x |w| sign(w): by |w| the gradient is x sign(w) sign(w) = 2, straight through sign it is x |w| = 1.
    assert layer.weight.grad.item() == pytest.approx(3.0)
