"""The ablations of Tables 3 to 6: counts by an arithmetic of their own, structure, traces, and the engine's results."""

import numpy as np
import pytest
import torch

from lbrn.engine import compile as compiled
from lbrn.errors import InputError
from lbrn.layers import BinaryConv2d, LocalBinaryConv2d, filter_digest, fixed_filters
from lbrn.models import block, build
from lbrn.models.costs import block_ledger, network_ledger
from lbrn.models.variants import get
from lbrn.trace import trace

NARROW = {"stacks": 2, "width": 8, "depth": 2, "joints": 3, "stem_width": 16}
WIDER = {"stacks": 1, "width": 16, "depth": 1, "joints": 3}

# Trainable and fixed weights of one full-size block and its GFLOPs in the paper's convention: hand counts.
BLOCKS = [
    ("lbrn-s", {}, 65_536, 147_456, 0.537),
    ("lbrn-s", {"width": 128}, 16_384, 36_864, 0.134),
    ("lbrn-s", {"width": 64}, 4_096, 9_216, 0.034),
    ("lbrn-s-one-1x1", {}, 32_768, 294_912, 0.268),
    ("lbrn-s-one-1x1", {"path": "wide3x3-1x1"}, 65_536, 589_824, 0.537),
    ("lbrn-s-one-1x1", {"path": "1x1-3x3"}, 32_768, 294_912, 0.268),
    ("lbrn-s-no-3x3", {}, 65_536, 0, 0.537),
    ("lbrn-s-fixed-1x1", {}, 147_456, 65_536, 1.208),
    ("lbrn-s-half-fixed", {}, 139_264, 73_728, 1.141),
]

NETWORKS = [
    ("shn", {}),
    ("shn", {"stacks": 4}),
    ("shn", {"up": "identity"}),
    ("shn", {"back": "identity"}),
    ("lbrn-s", {}),
    ("lbrn-s", {"width": 128, "stem_width": 256}),
    ("lbrn-s", {"width": 64, "stem_width": 256}),
    ("lbrn-s", {"width": 8, "stem_width": 64}),
    ("lbrn-s", {"stacks": 4}),
    ("lbrn-s", {"depth": 2}),
    ("lbrn-s", {"up": "identity"}),
    ("lbrn-s", {"back": "identity"}),
    ("lbrn-s", {"back": "identity", "up": "identity"}),
    ("lbrn-s", {"back": "identity", "depth": 2}),
    ("lbrn-s", {"activation": "sigmoid"}),
    ("lbrn-s-one-1x1", {}),
    ("lbrn-s-one-1x1", {"path": "wide3x3-1x1"}),
    ("lbrn-s-one-1x1", {"path": "1x1-3x3"}),
    ("lbrn-s-no-3x3", {}),
    ("lbrn-s-fixed-1x1", {}),
    ("lbrn-s-half-fixed", {}),
]

NEW = [
    ("lbrn-s", {"up": "identity"}),
    ("lbrn-s", {"back": "identity"}),
    ("lbrn-s", {"back": "identity", "up": "identity"}),
    ("lbrn-s", {"activation": "sigmoid"}),
    *((variant, settings) for variant, settings in NETWORKS if variant.startswith("lbrn-s-")),
]


@pytest.fixture
def undrawn(monkeypatch):
    # What the filters are does not matter for counting them.
    monkeypatch.setattr("lbrn.ternary.draw", lambda shape, *_, **__: np.zeros(shape, np.int8))


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(("variant", "settings", "trainable", "fixed", "flops"), BLOCKS)
def test_counts_of_blocks(variant, settings, trainable, fixed, flops):
    stem = {"stem_width": 256} if "width" in settings else {}
    cost = block_ledger(variant, **settings, **stem)
    assert (cost.trainable, cost.fixed, round(cost.flops_paper / 1e9, 3)) == (trainable, fixed, flops)


def _norm(channels):
    return 2 * channels


def _conv(first, last, kernel):
    return first * last * kernel**2 + last


def _block(variant, path, first, last):
    """Trainable and fixed numbers of one block: convolutions with biases, normalisations, the skip's convolution."""
    half = last // 2
    skip = _conv(first, last, 1) if first != last else 0
    norms = _norm(first) + _norm(half)
    counts = {
        "shn": (norms + _norm(half) + _conv(first, half, 1) + _conv(half, half, 3) + _conv(half, last, 1), 0),
        "lbrn-s": (norms + _norm(half) + _conv(first, half, 1) + _conv(half, last, 1), 9 * half * half),
        "3x3-1x1": (norms + _conv(half, last, 1), 9 * first * half),
        "wide3x3-1x1": (_norm(first) + _norm(last) + _conv(last, last, 1), 9 * first * last),
        "1x1-3x3": (norms + _conv(first, half, 1), 9 * half * last),
        "lbrn-s-no-3x3": (norms + _conv(first, half, 1) + _conv(half, last, 1), 0),
        "lbrn-s-fixed-1x1": (norms + _norm(half) + _conv(half, half, 3), first * half + half * last),
        "lbrn-s-half-fixed": (
            norms + _norm(half) + _conv(first, half, 1) + _conv(half, half // 2, 3) + _conv(half, last, 1),
            9 * half * (half // 2),
        ),
    }
    trainable, fixed = counts[path or variant]
    return np.array([trainable + skip, fixed])


def _network(
    variant, stacks=8, width=256, depth=4, stem_width=256, up="block", back="block", path=None, activation="relu"
):
    if variant == "lbrn-s-one-1x1":
        path = path or "3x3-1x1"
    quarter, half = stem_width // 4, stem_width // 2
    total = np.array([_conv(3, quarter, 7) + _norm(quarter), 0])
    total += _block(variant, path, quarter, half) + _block(variant, path, half, stem_width)
    total += _block(variant, path, stem_width, width)
    modules = (1 + (up == "block") + (back == "block")) * depth + 1
    total += stacks * (modules + 1) * _block(variant, path, width, width)
    total[0] += stacks * (_conv(width, width, 1) + _norm(width) + _conv(width, 16, 1))
    total[0] += (stacks - 1) * (_conv(width, width, 1) + _conv(16, width, 1))
    return tuple(int(number) for number in total)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(("variant", "settings"), NETWORKS)
def test_counts_of_networks(variant, settings):
    cost = network_ledger(variant, **settings)
    assert (cost.trainable, cost.fixed) == _network(variant, **settings)


def test_the_arithmetic_of_this_file_gives_the_reference_counts():
    found = [_network("shn"), _network("lbrn-s"), _network("lbrn-s", width=128), _network("lbrn-s", depth=2)]
    assert [tuple(round(number / 1e6, 3) for number in pair) for pair in found] == [
        (25.595, 0.0), (8.733, 16.847), (2.368, 4.350), (5.520, 9.769),
    ]  # fmt: skip


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(("variant", "weights"), [("shn", 212_992), ("lbrn-s", 65_536)])
def test_operations_that_each_reading_of_half_saves(variant, weights):
    """Against the whole hourglass: up at 64 to 8 px, down and back at 32 to 4 px, bottom at 4 px."""

    def saved(**settings):
        whole = network_ledger(variant).flops_paper
        return (whole - network_ledger(variant, **settings).flops_paper) / (8 * 2 * weights)

    assert saved(up="identity") == 64**2 + 32**2 + 16**2 + 8**2
    assert saved(back="identity") == 32**2 + 16**2 + 8**2 + 4**2
    # Two poolings: up stays at 64 and 32 px, down and back at 32 and 16 px, and the bottom is at 16 px.
    assert saved(depth=2) == (16**2 + 8**2) + 2 * (8**2 + 4**2) + 4**2 - 16**2


def _kinds(variant, kernel, **settings):
    """Kinds of the convolutions of a size on the way through one block."""
    return [
        type(module).__name__
        for name, module in block(variant, width=16, **settings).named_modules()
        if isinstance(module, torch.nn.Conv2d | LocalBinaryConv2d) and module.kernel_size == (kernel, kernel)
        and "skip" not in name
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("variant", "ones", "threes"),
    [
        ("lbrn-s-one-1x1", ["Conv2d"], ["LocalBinaryConv2d"]),
        ("lbrn-s-no-3x3", ["Conv2d"] * 2, []),
        ("lbrn-s-fixed-1x1", ["LocalBinaryConv2d"] * 2, ["Conv2d"]),
        ("lbrn-s-half-fixed", ["Conv2d"] * 2, ["LocalBinaryConv2d", "Conv2d"]),
    ],
)
def test_what_is_fixed_and_what_is_learned(variant, ones, threes):
    assert (_kinds(variant, 1), _kinds(variant, 3)) == (ones, threes)
    assert not any(isinstance(module, BinaryConv2d) for module in block(variant, width=16).modules())


def test_half_of_the_filters_is_fixed_and_comes_first():
    layer = block("lbrn-s-half-fixed", width=16).conv3x3[2]
    features = torch.randn(2, 8, 4, 4)
    result = layer(features)
    expected = torch.nn.functional.conv2d(features, layer.fixed.weight, padding=1)
    torch.testing.assert_close(result[:, :4], expected)
    assert result.shape == (2, 8, 4, 4) and layer.learned.weight.shape == (4, 8, 3, 3)


@pytest.mark.parametrize(("variant", "settings"), NEW)
def test_every_parameter_takes_part_and_filters_stay(variant, settings):
    network = build(variant, seed=0, **NARROW, **settings)
    before = fixed_filters(network)
    pictures = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.5)
    sum(score.square().sum() for score in network(pictures)).backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []
    optimiser.step()
    assert all((values == before[name]).all() for name, values in fixed_filters(network).items())
    assert bool(before) == get(variant).has_fixed_filters


@pytest.mark.parametrize("sizes", [NARROW, WIDER], ids=["narrow", "wider"])
@pytest.mark.parametrize(("variant", "settings"), [("lbrn-s", {}), *NEW])
def test_the_engine_computes_the_same(variant, settings, sizes):
    network = build(variant, seed=0, filter_seed=3, **sizes, **settings)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.dtype == torch.float32:
                value.add_(torch.rand(value.shape, generator=generator) * 0.1)
    network.eval()
    pictures = torch.randn(1, 3, 32, 32, generator=generator)
    with torch.no_grad():
        expected = network(pictures)
    found = compiled(network).run(pictures.numpy())
    assert len(found) == len(expected) == sizes["stacks"]
    for ours, theirs in zip(found, expected, strict=True):
        scale = max(1.0, float(theirs.abs().max()))
        assert theirs.std() > 0
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-4 * scale, rtol=0)


def test_names_of_nodes_are_the_paths_of_the_modules():
    named = {node.name: node for node in trace(build("lbrn-s-half-fixed", seed=0, **NARROW)).nodes}
    layer = "stacks.1.hourglass.up.conv3x3.2"
    assert [named[f"{layer}.{half}"].op for half in ("fixed", "learned")] == ["ternary_conv", "conv"]
    assert named[f"{layer}.fixed"].attributes["filter"]["name"] == "stack1.level2.up.conv3x3"


# The names are part of the file format: a renamed layer would get other filters.
GOLDEN = {
    "lbrn-s-one-1x1": "b9df5d47d33439098555e74c994aa5baa06cd386bdefd879728976756e0d0b29",
    "lbrn-s-fixed-1x1": "969f3eb6b00c8859519b82851a7f56da9ed9ec3b78f871e8436ece8905617a93",
    "lbrn-s-half-fixed": "48ae09041a2f10f107e631582b2ac0363a8335ab64e20d2e09f0fec2e7bb58ca",
}


@pytest.mark.parametrize("variant", GOLDEN)
def test_golden_filters(variant):
    assert filter_digest(build(variant, seed=0, **NARROW)) == GOLDEN[variant]


@pytest.mark.parametrize(
    ("variant", "settings", "message"),
    [
        ("lbrn-s", {"width": 8}, "width 8 is not possible for a stem as wide as the rest: it must be a multiple of 16"),
        ("lbrn-s", {"width": 12, "stem_width": 16}, "width 12 is not possible: it must be a multiple of 8"),
        ("lbrn-s-one-1x1", {"path": "1x1"}, "path '1x1' is not possible: it must be one of 3x3-1x1, wide3x3-1x1"),
        ("lbrn-s", {"path": "3x3-1x1"}, "lbrn-s has no setting 'path'"),
        ("lbrn-s", {"up": "pool"}, "up 'pool' is not possible: it must be block or identity"),
        ("lbrn-s", {"back": "none"}, "back 'none' is not possible: it must be block or identity"),
        ("lbrn-p", {"up": "identity"}, "lbrn-p has no setting 'up'"),
        ("binary", {"back": "identity"}, "binary has no setting 'back'"),
        ("lbrn-s-no-3x3", {"sparsity": 0.5}, "lbrn-s-no-3x3 has no setting 'sparsity'"),
    ],
)
def test_refuses_impossible_settings(variant, settings, message):
    with pytest.raises(InputError, match=message):
        get(variant).settings(settings)
