"""The six networks: exact counts of the paper's arithmetic, shapes, reproducibility, fixed filters in training."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from lbrn import models
from lbrn.errors import InputError
from lbrn.layers import LocalBinaryConv2d, filter_digest, fixed_filters
from lbrn.models import block, build
from lbrn.models.registry import block_channels
from lbrn.models.variants import VARIANTS, get
from variant_settings import CLASSIFICATION, POSE, tiny

TINY = {"stacks": 2, "width": 16, "depth": 2, "joints": 3}


def _parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def _fixed(network):
    return sum(layer.weight.numel() for layer in network.modules() if isinstance(layer, LocalBinaryConv2d))


def _pictures(count=2, side=32, seed=0):
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


# Millions of trainable and fixed weights and parameter tensors: hand counts, the last digit exact.
COUNTS = [
    ("shn", {"stacks": 1}, 3.587, 0, 218),
    ("shn", {"stacks": 2}, 6.731, 0, 396),
    ("shn", {"stacks": 4}, 13.019, 0, 752),
    ("shn", {}, 25.595, 0, 1464),
    ("shn", {"depth": 2}, 15.297, 0, 888),
    ("lbrn-s", {"stacks": 4}, 4.422, 8.589, 634),
    ("lbrn-s", {}, 8.733, 16.847, 1234),
    ("lbrn-s", {"depth": 2}, 5.520, 9.769, 754),
    ("lbrn-s", {"width": 128, "stem_width": 256}, 2.368, 4.350, 1236),
    ("lbrn-s", {"width": 64, "stem_width": 256}, 0.719, 1.226, 1236),
    ("prm", {}, 7.444, 0, None),
    ("prm", {"cardinality_width": 9}, 7.286, 0, None),
    ("lbrn-p", {}, 2.812, 4.626, None),
    ("lbrn-p", {"cardinality_width": 9}, 2.789, 4.493, None),
]


@pytest.mark.parametrize(("variant", "settings", "trainable", "fixed", "tensors"), COUNTS)
def test_counts_of_whole_networks(variant, settings, trainable, fixed, tensors, monkeypatch):
    # What the filters are does not matter for counting them.
    monkeypatch.setattr("lbrn.ternary.draw", lambda shape, *_, **__: np.zeros(shape, np.int8))
    network = build(variant, seed=0, **settings)
    assert round(_parameters(network) / 1e6, 3) == trainable
    assert round(_fixed(network) / 1e6, 3) == fixed
    if tensors is not None:
        assert len(list(network.parameters())) == tensors


@pytest.mark.parametrize("variant", POSE)
def test_heatmaps_of_every_stack(variant):
    network = build(variant, seed=0, **TINY)
    scores = network(_pictures())
    assert [tuple(score.shape) for score in scores] == [(2, 3, 8, 8)] * 2


@pytest.mark.parametrize("variant", CLASSIFICATION)
def test_scores_of_the_classes(variant):
    assert build(variant, seed=0, **tiny(variant, TINY))(_pictures()).shape == (2, 3)


def _results(network, pictures):
    """What a network returns, as one tensor."""
    outputs = network(pictures)
    return outputs[-1] if isinstance(outputs, list) else outputs


@pytest.mark.parametrize("variant", [*POSE, *CLASSIFICATION])
def test_every_parameter_takes_part(variant):
    network = build(variant, seed=0, **tiny(variant, TINY))
    outputs = network(_pictures())
    sum(score.square().sum() for score in (outputs if isinstance(outputs, list) else [outputs])).backward()
    idle = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert idle == []


@pytest.mark.parametrize("variant", POSE)
def test_same_seed_same_bits_and_the_global_generator_untouched(variant):
    torch.manual_seed(11)
    first, second, other = (build(variant, seed=seed, **tiny(variant, TINY)) for seed in (4, 4, 5))
    drawn = torch.rand(1)
    torch.manual_seed(11)
    assert torch.equal(drawn, torch.rand(1))
    for one, two in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(one, two)
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))
    results = [_results(network, _pictures()) for network in (first, second)]
    assert torch.equal(results[0], results[1])


@pytest.mark.parametrize("variant", POSE)
def test_a_picture_is_judged_alone_in_evaluation(variant):
    # In double precision: a sign flips at the slightest rounding, which depends on the batch.
    network = build(variant, seed=0, **tiny(variant, TINY)).double()
    network(_pictures(8).double())  # running statistics off their start
    network.eval()
    pictures = _pictures(3, seed=1).double()
    with torch.no_grad():
        together, alone = _results(network, pictures), _results(network, pictures[1:2])
    torch.testing.assert_close(together[1:2], alone, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("variant", ["lbrn-s", "lbrn-p", "resnet-lbb56", "lbcnn"])
def test_training_leaves_fixed_filters_bit_identical(variant):
    network = build(variant, seed=0, **tiny(variant, TINY))
    before = fixed_filters(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.5)
    _results(network, _pictures()).square().sum().backward()
    optimiser.step()
    after = fixed_filters(network)
    assert all((after[name] == before[name]).all() for name in before)
    trained = {id(parameter) for group in optimiser.param_groups for parameter in group["params"]}
    for layer in network.modules():
        if isinstance(layer, LocalBinaryConv2d):
            assert id(layer.weight) not in trained and layer.weight.grad is None


@pytest.mark.parametrize("variant", ["lbrn-s", "lbrn-p"])
def test_every_3x3_is_fixed_and_nothing_else(variant):
    network = build(variant, seed=0, **TINY)
    real = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    assert {module.kernel_size for module in real} == {(1, 1), (7, 7)}
    fixed = [module for module in network.modules() if isinstance(module, LocalBinaryConv2d)]
    assert {module.kernel_size for module in fixed} == {(3, 3)}
    twin = build({"lbrn-s": "shn", "lbrn-p": "prm"}[variant], seed=0, **TINY)
    convolutions = [module for module in twin.modules() if isinstance(module, torch.nn.Conv2d)]
    assert len(convolutions) == len(real) + len(fixed)


def test_filter_seed_and_sparsity_make_the_filters():
    digests = {
        filter_digest(build("lbrn-s", seed=seed, filter_seed=filter_seed, **TINY, sparsity=sparsity))
        for seed, filter_seed, sparsity in [(0, 0, 0.5), (1, 0, 0.5), (0, 1, 0.5), (0, 0, 0.7)]
    }
    assert len(digests) == 3  # the training seed has no part in them


@pytest.mark.parametrize("variant", [name for name in POSE if VARIANTS[name].has_fixed_filters])
def test_seed_and_filter_seed_have_no_part_in_what_the_other_makes(variant):
    def made(seed, filter_seed):
        network = build(variant, seed=seed, filter_seed=filter_seed, **tiny(variant, TINY))
        return dict(network.named_parameters()), filter_digest(network)

    (weights, filters), (same_weights, others), (other_weights, same_filters) = made(0, 0), made(0, 1), made(1, 0)
    assert all(torch.equal(values, same_weights[name]) for name, values in weights.items())
    assert same_filters == filters != others
    convolutions = [name for name, values in weights.items() if values.ndim == 4]
    assert convolutions and not any(torch.equal(weights[name], other_weights[name]) for name in convolutions)


# The names are part of the file format: a renamed layer would get other filters.
GOLDEN = {
    "lbrn-s": "4affb720e975627fddfcbca6bef56017065229852a82e52d98cfac3621a048a1",
    "lbrn-p": "bc5fc7858725c30b7c3e357e98e7fbe5ce882d19ac15a6d042ba8bd28d64c010",
}


@pytest.mark.parametrize("variant", GOLDEN)
def test_golden_filters_of_networks(variant):
    assert filter_digest(build(variant, seed=0, **TINY)) == GOLDEN[variant]


@pytest.mark.parametrize("variant", ["shn", "lbrn-s", "prm", "lbrn-p"])
def test_sigmoid_replaces_the_activations_inside_blocks(variant):
    module = block(variant, width=16, activation="sigmoid")
    kinds = [type(part).__name__ for part in module.modules()]
    assert kinds.count("Sigmoid") == len([kind for kind in kinds if kind == "BatchNorm2d"]) and "ReLU" not in kinds
    network = build(variant, seed=0, **TINY, activation="sigmoid")
    assert any(isinstance(part, torch.nn.ReLU) for part in network.stem.entry)


@pytest.mark.parametrize("variant", POSE)
def test_blocks_keep_the_shape(variant):
    features = torch.randn(2, block_channels(variant, width=32), 8, 8)
    assert block(variant, width=32)(features).shape == features.shape


@pytest.mark.parametrize(
    ("variant", "settings", "message"),
    [
        ("vgg", {}, "variant 'vgg' is unknown; there are shn"),
        ("shn", {"sparsity": 0.5}, "shn has no setting 'sparsity'; it accepts"),
        ("lbrn-s", {"sparsity": 1.5}, "sparsity 1.5 is not possible"),
        ("lbrn-s", {"sparsity": "a lot"}, "sparsity 'a lot' is not possible"),
        ("shn", {"width": 20}, "width 20 is not possible: it must be a multiple of 8"),
        ("shn", {"stacks": 0}, "stacks 0"),
        ("shn", {"depth": True}, "depth True"),
        ("shn", {"width": None}, "width None"),
        ("prm", {"activation": "tanh"}, "one of relu, sigmoid"),
        ("binary", {"activation": "relu"}, "binary has no setting 'activation'"),
        ("shn", {"seed": -1}, "seed -1 is not possible"),
        ("lbrn-s", {"filter_seed": -1}, "filter seed -1"),
        ("lbrn-s", {"scheme": "x"}, "filter scheme 'x' is unknown"),
    ],
)
def test_refuses_impossible_networks(variant, settings, message):
    with pytest.raises(InputError, match=message):
        build(variant, **{"seed": 0, **TINY, **settings})


def test_refuses_pictures_that_do_not_halve():
    with pytest.raises(InputError, match="20x32 px do not fit: both sides must be multiples of 16"):
        build("shn", seed=0, **TINY)(torch.zeros(1, 3, 20, 32))


def test_variants_load_no_torch():
    code = "import sys, lbrn.models.variants as v; assert len(v.VARIANTS) == 17; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_defaults_are_the_papers_full_size():
    assert get("shn").defaults["stacks"] == 8 and get("lbrn-p").defaults["stacks"] == 2
    unfixed = {"shn", "prm", "binary", "hg-binary", "lbrn-s-no-3x3", "resnet56", "cpd-vgg16", "cpd-resnet50"}
    assert {name for name, entry in VARIANTS.items() if not entry.has_fixed_filters} == unfixed
    assert get("lbrn-s").defaults["sparsity"] == 0.5
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = models.nothing
