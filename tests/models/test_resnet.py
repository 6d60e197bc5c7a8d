"""ResNet-56, ResNet-LBB-56 and LBCNN: exact counts, structure, shortcuts, and what the fixed filters do."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lbrn.errors import InputError
from lbrn.layers import LocalBinaryConv2d, filter_digest
from lbrn.models import build
from lbrn.models.costs import network_ledger
from lbrn.models.resnet import PaddedShortcut

WIDTHS = (16, 32, 64)
SIDES = (32, 16, 8)


def counted(expansion, projection, stride_on, classes, *, fixed):
    """Weights and multiply-accumulates by an arithmetic of its own, convolution by convolution."""
    weights, macs = 3 * 9 * WIDTHS[0], 3 * 9 * WIDTHS[0] * 32 * 32
    channels = WIDTHS[0]
    for width, side, before in zip(WIDTHS, SIDES, (32, *SIDES[:2]), strict=True):
        for block in range(6):
            here = before if block == 0 else side
            inside = side if stride_on == "1x1" else here
            out = width * expansion
            parts = [(channels * width, inside), (width * out, side)] + ([] if fixed else [(9 * width * width, side)])
            if projection and (channels != out or here != side):
                parts.append((channels * out, side))
            weights += sum(count for count, _ in parts)
            macs += sum(count * at * at for count, at in parts)
            channels = out
    return weights + channels * classes, macs + channels * classes


@pytest.mark.parametrize("classes", [10, 100])
@pytest.mark.parametrize("stride_on", ["3x3", "1x1"])
@pytest.mark.parametrize(
    ("expansion", "shortcut"), [(1, "padded"), (2, "projection"), (3, "padded"), (4, "projection")]
)
@pytest.mark.parametrize("variant", ["resnet56", "resnet-lbb56"])
def test_costs_are_those_of_the_arithmetic(variant, expansion, shortcut, stride_on, classes):
    settings = {"expansion": expansion, "shortcut": shortcut, "stride_on": stride_on, "classes": classes}
    ledger = network_ledger(variant, convolutions_only=True, **settings)
    expected = counted(expansion, shortcut == "projection", stride_on, classes, fixed=variant == "resnet-lbb56")
    assert (ledger.trainable, ledger.macs) == expected


@pytest.mark.parametrize(
    ("variant", "settings", "weights", "parameters", "fixed", "gmac"),
    [
        # The paper prints 0.48 and 0.19 M; hand counts.
        ("resnet56", {}, 478_000, 484_762, 0, 0.0723),
        ("resnet-lbb56", {}, 187_696, 194_458, 290_304, 0.0298),
        ("resnet56", {"expansion": 4, "shortcut": "projection"}, 582_320, 590_426, 0, 0.0872),
        ("resnet-lbb56", {"expansion": 4, "shortcut": "projection"}, 292_016, 300_122, 290_304, 0.0447),
        ("resnet56", {"classes": 100}, 495_280, 502_132, 0, 0.0723),
    ],
)
def test_sizes_of_table_9(variant, settings, weights, parameters, fixed, gmac):
    whole = network_ledger(variant, **settings)
    assert network_ledger(variant, convolutions_only=True, **settings).trainable == weights
    assert (whole.trainable, whole.fixed) == (parameters, fixed)
    assert round(whole.macs / 1e9, 4) == gmac
    if fixed:
        assert whole.adds == 0.5 * 9 * 6 * sum((width * side) ** 2 for width, side in zip(WIDTHS, SIDES, strict=True))


def test_fifty_six_layers_have_weights():
    for variant in ("resnet56", "resnet-lbb56"):
        kinds = (nn.Conv2d, nn.Linear, LocalBinaryConv2d)
        assert sum(isinstance(module, kinds) for module in build(variant, seed=0).modules()) == 56


def test_only_the_3x3_convolutions_of_the_bottlenecks_are_fixed():
    network = build("resnet-lbb56", seed=0, blocks=2)
    fixed = [module for module in network.modules() if isinstance(module, LocalBinaryConv2d)]
    assert len(fixed) == 6 and {module.kernel_size for module in fixed} == {(3, 3)}
    strides = [module.geometry["stride"][0] for module in fixed]
    assert strides == [1, 1, 2, 1, 2, 1]
    learned = [module.kernel_size for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert learned.count((3, 3)) == 1 and learned.count((1, 1)) == 12  # the stem, and two in each bottleneck


def test_the_padded_shortcut_keeps_every_second_pixel_and_adds_zeros():
    features = torch.randn(2, 3, 8, 8)
    kept = PaddedShortcut(2, 2)(features)
    assert torch.equal(kept[:, :3], features[:, :, ::2, ::2])
    assert kept.shape == (2, 5, 4, 4) and not kept[:, 3:].any()
    assert torch.equal(PaddedShortcut(1, 1)(features)[:, :3], features)


@pytest.mark.parametrize("stride_on", ["3x3", "1x1"])
@pytest.mark.parametrize("shortcut", ["padded", "projection"])
def test_a_bottleneck_is_its_definition(shortcut, stride_on):
    network = build("resnet56", seed=0, width=8, blocks=1, shortcut=shortcut, stride_on=stride_on).eval()
    block = network.stages[1]
    features = torch.randn(2, 24, 8, 8)
    early, late = (2, 1) if stride_on == "1x1" else (1, 2)

    def step(part, values, stride):
        norm, _, conv = part
        ready = F.relu(F.batch_norm(values, norm.running_mean, norm.running_var, norm.weight, norm.bias))
        return F.conv2d(ready, conv.weight, None, stride, conv.weight.shape[-1] // 2)

    change = step(block.expand, step(block.conv3x3, step(block.reduce, features, early), late), 1)
    if shortcut == "padded":
        around = torch.cat([features[:, :, ::2, ::2], torch.zeros(2, 24, 4, 4)], 1)
    else:
        around = F.conv2d(features, block.skip.weight, None, 2)
    torch.testing.assert_close(block(features), around + change, rtol=1e-5, atol=1e-6)


def test_weights_begin_with_hes_law_of_the_fan_out():
    weight = build("resnet56", seed=0).stages[12].conv3x3[2].weight
    assert weight.shape == (64, 64, 3, 3)
    assert float(weight.detach().std()) == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.02)


# The names are part of the file format: a renamed layer would get other filters.
GOLDEN = {
    "resnet-lbb56": "537375520ea3adb7e366d69b6aa7f03ffb855f1ea8b225001706239e84c598a5",
    "lbcnn": "7205c809940c5f3be4f5db60251171789c6104fbe7e6bda0b1f7d991dca374a0",
}


@pytest.mark.parametrize("variant", GOLDEN)
def test_golden_filters(variant):
    sizes = {"resnet-lbb56": {"width": 8, "blocks": 2}, "lbcnn": {"width": 8, "filters": 12, "blocks": 2}}
    assert filter_digest(build(variant, seed=0, **sizes[variant])) == GOLDEN[variant]


def test_lbcnn_has_the_ancestors_unit():
    network = build("lbcnn", seed=0, width=8, filters=12, blocks=3, hidden=5, classes=4).eval()
    unit = network.units[1]
    features = torch.randn(2, 8, 6, 6)
    norm, fixed, _, conv = unit.change
    ready = F.batch_norm(features, norm.running_mean, norm.running_var, norm.weight, norm.bias)
    maps = F.relu(F.conv2d(ready, fixed.weight, None, 1, 1))
    torch.testing.assert_close(unit(features), features + F.conv2d(maps, conv.weight, conv.bias), rtol=1e-5, atol=1e-6)
    assert network(torch.randn(2, 3, 8, 8)).shape == (2, 4)
    ledger = network_ledger("lbcnn")
    # p m weights and a bias a unit learned, 9 p m fixed; the stem, the normalisations and the two last layers.
    unit_weights = 384 * 704 + 384 + 2 * 384
    assert ledger.trainable == 50 * unit_weights + 27 * 384 + 2 * 384 + 385 * 512 + 513 * 10
    assert ledger.fixed == 50 * 9 * 384 * 704


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"classes": 1}, "classes 1 is not possible: it must be a whole number of 2 or more"),
        ({"shortcut": "none"}, "one of|padded or projection"),
        ({"stride_on": "5x5"}, "3x3 or 1x1"),
        ({"joints": 3}, "resnet56 has no setting 'joints'"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        build("resnet56", seed=0, **settings)


def test_pictures_that_cannot_be_halved_twice_are_refused():
    with pytest.raises(InputError, match="30x32 px do not fit: both sides must be multiples of 4"):
        build("resnet56", seed=0, width=8, blocks=1)(torch.zeros(1, 3, 30, 32))
