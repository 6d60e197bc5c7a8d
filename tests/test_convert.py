"""localize: what is replaced and refused, that gradients and training pass through it, and the costs it tells."""

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations

import architectures
from lbrn import LocalBinaryConv2d, localize, ternary
from lbrn.errors import InputError
from lbrn.replacement import Localized, Recipe, recipes, replace

FIXED = "fixed filters alone: a normalisation follows"
SCALED = "fixed filters with a learned factor each, and the bias if there was one"
PICTURE = "takes 3 channels only, a picture's; name it in `where` to replace it too"
DEPTHWISE = "is depthwise: each filter sees one channel, and fixed ones would have nothing to choose from"

EXPECTED = {
    "resnet": {
        "conv1": ("3x3 3->16", PICTURE),
        **{f"layer1.{n}.conv{k}": ("3x3 16->16", FIXED) for n in (0, 1) for k in (1, 2)},
        "layer2.0.conv1": ("3x3 16->32 stride 2", FIXED),
        "layer2.0.conv2": ("3x3 32->32", FIXED),
        "layer2.0.downsample.0": ("1x1 16->32 stride 2", "is 1x1, not 3x3"),
        "layer2.1.conv1": ("3x3 32->32", FIXED),
        "layer2.1.conv2": ("3x3 32->32", FIXED),
    },
    "vgg": {
        "features.0": ("3x3 3->8", PICTURE),
        "features.3": ("3x3 8->16", SCALED),
        "features.6": ("3x3 16->24", SCALED),
        "features.8": ("3x3 24->24", SCALED),
    },
    "vgg-bn": {
        "features.0": ("3x3 3->8", PICTURE),
        "features.4": ("3x3 8->16", FIXED),
        "features.8": ("3x3 16->24", FIXED),
        "features.11": ("3x3 24->24", FIXED),
    },
    "mobilenet": {
        "features.0.0": ("3x3 3->8 stride 2", PICTURE),
        "features.1.conv.0": ("1x1 8->16", "is 1x1, not 3x3"),
        "features.1.conv.3": ("3x3 16->16 groups 16", DEPTHWISE),
        "features.1.conv.6": ("1x1 16->8", "is 1x1, not 3x3"),
        "features.2.conv.0": ("1x1 8->16", "is 1x1, not 3x3"),
        "features.2.conv.3": ("3x3 16->16 stride 2 groups 16", DEPTHWISE),
        "features.2.conv.6": ("1x1 16->16", "is 1x1, not 3x3"),
    },
    "resnext": {
        "stem.0": ("7x7 3->32 stride 2", "is 7x7, not 3x3"),
        "reduce": ("1x1 32->16", "is 1x1, not 3x3"),
        "grouped": ("3x3 16->16 stride 2 groups 2", FIXED),
        "dilated": ("3x3 16->32 dilation 4", SCALED),
        "head": ("1x5 32->5", "is 1x5, not 3x3"),
    },
    # Not traceable, for it decides by sides: a missing bias tells that a normalisation follows.
    "unet": {
        "entry.0": ("3x3 3->8", PICTURE),
        "down": ("3x3 8->16 stride 2", SCALED),
        "shared": ("3x3 16->16", FIXED),
        "up": ("3x3 16->8 stride 2", "is a transposed convolution"),
        "out": ("3x3 16->2", SCALED),
    },
}


def _made(name):
    torch.manual_seed(3)
    return architectures.ALL[name]()


@pytest.mark.parametrize("name", EXPECTED)
def test_every_convolution_is_told_with_its_reason(name):
    report = localize(_made(name))
    assert {one.path: (one.kind, one.reason) for one in report.decisions} == EXPECTED[name]
    fixed = {path for path, (_, reason) in EXPECTED[name].items() if reason in (FIXED, SCALED)}
    assert set(report.replaced) == fixed and report.refused.keys() == EXPECTED[name].keys() - fixed


@pytest.mark.parametrize("name", EXPECTED)
def test_fixed_filters_stand_where_the_report_says(name):
    network = _made(name)
    before = dict(copy.deepcopy(network).named_modules())
    report = localize(network, sparsity=0.25, seed=7)
    after = dict(network.named_modules())
    for path in report.replaced:
        layer = after.get(f"{path}.fixed", after[path])
        assert isinstance(layer, LocalBinaryConv2d)
        old = before[path]
        assert isinstance(old, nn.Conv2d)
        expected = ternary.draw(old.weight.shape, 0.25, seed=7, name=path)
        assert np.array_equal(layer.weight.numpy(), expected)
        features = torch.randn(2, old.in_channels, 12, 12)
        with torch.no_grad():
            old.weight.copy_(torch.from_numpy(expected))
            if old.bias is not None:
                old.bias.zero_()
            assert torch.equal(layer(features), old(features))
    for path in report.refused:
        assert type(after[path]) is type(before[path])
        assert torch.equal(after[path].weight, before[path].weight)


def test_a_shared_layer_stays_shared():
    network = _made("unet")
    seen = []
    localize(network)
    network.shared.register_forward_hook(lambda *_: seen.append(1))
    network(torch.randn(1, 3, 8, 8))
    assert len(seen) == 2 and isinstance(network.shared, LocalBinaryConv2d)


class Twice(nn.Module):
    """The same layer at two paths, and a weight that belongs to two layers."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(4, 4, 3, padding=1)
        self.b = nn.Sequential(self.a, nn.ReLU())
        self.c, self.d = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.d.weight = self.c.weight

    def forward(self, x):
        return self.d(self.c(self.b(self.a(x))))


def test_one_layer_at_two_paths_is_replaced_at_both_but_tied_weights_are_left():
    network = Twice()
    report = localize(network)
    assert isinstance(network.a, Localized) and network.b[0] is network.a
    assert report.replaced == ["a"]
    assert set(report.refused.items()) == {(name, "shares its weight with another module") for name in "cd"}


class Own(nn.Conv2d):
    """A convolution with a forward of its own."""


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (lambda: Own(4, 4, 3), "is a Own: what it does besides Conv2d is not known"),
        (lambda: parametrizations.weight_norm(nn.Conv2d(4, 4, 3)), "is a ParametrizedConv2d: what it does"),
        (lambda: nn.Conv2d(4, 4, (3, 1)), "is 3x1, not 3x3"),
        (lambda: nn.Conv2d(4, 8, 3, groups=4), "is depthwise"),
        (lambda: nn.Conv2d(1, 8, 3), "takes 1 channels only"),
        (lambda: LocalBinaryConv2d(4, 4, 3, sparsity=0.5, seed=0, name="x"), "is fixed already"),
    ],
)
def test_what_is_left_and_why(layer, reason):
    (told,) = localize(nn.Sequential(layer())).refused.values()
    assert told.startswith(reason)


def test_hooks_are_not_lost():
    network = nn.Sequential(nn.Conv2d(4, 4, 3))
    network[0].register_forward_hook(lambda *_: None)
    assert localize(network).refused == {"0": "has hooks, which would be lost"}


def test_three_dimensional_convolutions_are_none_of_its_business():
    assert localize(nn.Sequential(nn.Conv3d(4, 4, 3), nn.Conv1d(4, 4, 3))).decisions == ()


@pytest.mark.parametrize(
    ("where", "replaced"),
    [
        ("layer2.*", ["layer2.0.conv1", "layer2.0.conv2", "layer2.1.conv1", "layer2.1.conv2"]),
        (["conv1", "layer1.?.conv2"], ["conv1", "layer1.0.conv2", "layer1.1.conv2"]),
        (lambda path, layer: layer.stride == (2, 2), ["layer2.0.conv1"]),
    ],
)
def test_where_chooses_and_may_name_the_picture_s_convolution(where, replaced):
    report = localize(_made("resnet"), where=where)
    assert report.replaced == replaced
    assert report.refused["layer1.0.conv1"] == "where does not choose it"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sparsity": 1.5}, "sparsity 1.5 is not possible"),
        ({"seed": -1}, "filter seed -1 is not possible"),
        ({"form": "scaled"}, "form 'scaled' is unknown; use 'drop-in' or 'lbb'"),
        ({"where": "layer9.*"}, r"where='layer9.\*' chooses no convolution"),
        ({"where": ["layer2.0.downsample.0"]}, "chooses no convolution that can be replaced"),
    ],
)
def test_bad_settings_leave_the_network_alone(settings, message):
    network = _made("resnet")
    with pytest.raises(InputError, match=message):
        localize(network, **settings)
    assert not any(isinstance(module, LocalBinaryConv2d) for module in network.modules())


def test_networks_that_cannot_be_converted():
    with pytest.raises(InputError, match="itself a convolution"):
        localize(nn.Conv2d(4, 4, 3))
    with pytest.raises(InputError, match="lazy layers"):
        localize(nn.Sequential(nn.LazyConv2d(4, 3)))


def test_a_second_conversion_takes_what_the_first_left():
    network = _made("resnet")
    localize(network, where="layer1.*", sparsity=0.1)
    report = localize(network, sparsity=0.9, form="lbb")
    assert report.refused["layer1.0.conv1"] == "is fixed already"
    assert set(report.replaced) == {f"layer2.{n}.conv{k}" for n in (0, 1) for k in (1, 2)}
    found = recipes(network)
    assert found["layer1.0.conv1"] == Recipe("drop-in", "layer1.0.conv1", 0.1, 0)
    assert found["layer2.0.conv1"] == Recipe("lbb", "layer2.0.conv1", 0.9, 0)
    assert localize(network).replaced == []


@pytest.mark.parametrize("form", ["scaled", "lbb"])
@pytest.mark.parametrize("groups", [1, 2])
def test_learned_parts_begin_where_the_convolution_was(form, groups):
    torch.manual_seed(0)
    old = nn.Conv2d(64, 96, 3, padding=1, groups=groups)
    with torch.no_grad():
        old.weight.mul_(torch.linspace(0.5, 2, 96)[:, None, None, None])
    made = replace(old, Recipe(form, "a", 0.3, 0))
    features = torch.randn(8, 64, 16, 16)
    with torch.no_grad():
        ours, theirs = made(features), old(features)
    ratio = (ours.var((0, 2, 3)) / theirs.var((0, 2, 3))).sqrt()
    assert 0.9 < float(ratio.mean()) < 1.1 and float(ratio.min()) > 0.6 and float(ratio.max()) < 1.6
    # The offsets are the old bias, plus what the ReLU's mean gives after a block.
    if form == "scaled":
        torch.testing.assert_close(made.scale.bias, old.bias)
        assert made.scale.weight.shape == (96, 1, 1, 1)
    else:
        torch.testing.assert_close(made.mix.bias, old.bias)
        assert made.mix.weight.shape == (96, 96 // groups, 1, 1)


def test_learned_parts_are_drawn_from_the_seed_and_path():
    torch.manual_seed(0)
    old = nn.Conv2d(8, 8, 3)
    same, again = (replace(old, Recipe("lbb", "a", 0.5, 0)) for _ in range(2))
    other = replace(old, Recipe("lbb", "b", 0.5, 0))
    assert torch.equal(same.mix.weight, again.mix.weight) and not torch.equal(same.mix.weight, other.mix.weight)


def test_type_mode_and_padding_are_kept():
    old = nn.Conv2d(4, 8, 3, stride=2, padding=2, dilation=2, padding_mode="circular", dtype=torch.float64).eval()
    made = replace(old, Recipe("lbb", "a", 0.5, 0))
    assert not made.training and not made.norm.training
    result = made(torch.randn(1, 4, 9, 9, dtype=torch.float64))
    assert result.dtype == torch.float64 and result.shape == old(torch.randn(1, 4, 9, 9, dtype=torch.float64)).shape


@pytest.mark.parametrize("form", ["drop-in", "lbb"])
@pytest.mark.parametrize("name", EXPECTED)
def test_gradients_reach_every_learned_weight_and_the_picture(name, form):
    network = _made(name)
    localize(network, form=form)
    pictures = torch.randn(4, 3, 32, 32, requires_grad=True)
    network.train()(pictures).square().mean().backward()
    assert pictures.grad is not None and float(pictures.grad.abs().max()) > 0
    for path, parameter in network.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), path
        # A bias before a batch normalisation has no effect.
        assert parameter.grad.abs().max() > 0 or path.endswith("bias"), path


@pytest.mark.parametrize(("name", "form"), [("resnet", "drop-in"), ("resnet", "lbb"), ("vgg", "drop-in")])
def test_it_learns_and_the_filters_stay(name, form):
    network = _made(name)
    localize(network, form=form, seed=1)
    filters = {path: layer.weight.clone() for path, layer in network.named_modules()
               if isinstance(layer, LocalBinaryConv2d)}  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(32) % 4
    angles = labels[:, None, None, None] * math.pi / 4
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    stripes = torch.sin((rows * torch.cos(angles) + columns * torch.sin(angles)) * 1.2)
    pictures = stripes.expand(-1, 3, -1, -1) + 0.3 * torch.randn(32, 3, 16, 16, generator=generator)
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    losses = []
    for _ in range(40):
        loss = F.cross_entropy(network.train()(pictures), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
    assert all(torch.equal(network.get_submodule(path).weight, before) for path, before in filters.items())


def test_costs_before_and_after():
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))
    report = localize(network, sparsity=0.25, input_shape=(3, 10, 20))
    kept = 3 * 8 * 9 + 8
    assert (report.before["trainable"], report.after["trainable"]) == (kept + 576 + 16, kept + 16)
    assert (report.before["fixed"], report.after["fixed"]) == (0, 576)
    assert (report.before["macs"], report.after["macs"]) == (200 * (216 + 576), 200 * 216)
    assert (report.before["adds"], report.after["adds"]) == (0, 200 * 144)
    assert report.after["bytes_seed"] == 4 * (kept + 16) + 8 and report.note == ""
    text = str(report)
    assert "1 of 2 convolutions have fixed filters now" in text and PICTURE in text
    assert report.as_json()["decisions"][1] == {"path": "1", "kind": "3x3 8->8", "replaced": True, "reason": FIXED}


def test_costs_of_a_network_that_flattens_by_view_or_cannot_be_counted():
    report = localize(_made("resnet"), input_shape=(3, 32, 32))
    assert report.after["macs"] < report.before["macs"] and report.after["adds"] > 0
    network = nn.Sequential(nn.Conv2d(4, 4, 3), nn.Bilinear(2, 2, 2))
    report = localize(network, input_shape=(4, 8, 8))
    assert "macs" not in report.after and "the cost of a Bilinear is not known" in report.note
    assert "give input_shape" in localize(_made("vgg")).note


def test_transposed_convolutions_are_counted():
    report = localize(nn.Sequential(nn.ConvTranspose2d(4, 6, 3, stride=2)), input_shape=(4, 5, 7))
    assert report.before["macs"] == 4 * 6 * 9 * 35 == report.after["macs"]
