"""Ledgers: the paper's block and network numbers to the last digit, other modules by hand, torch's own counter."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lbrn import cost
from lbrn.errors import InputError
from lbrn.layers import BinaryConv2d, LocalBinaryConv2d
from lbrn.models import block, costs
from lbrn.models.variants import VARIANTS
from variant_settings import POSE, tiny

# Variant: trainable (paper), fixed, operations in G as the paper counts, and honestly.
BLOCKS = {
    "shn": (212_992, 0, 1.7448, 1.745),
    "lbrn-s": (65_536, 147_456, 0.5369, 0.839),
    "prm": (262_144, 0, 2.1475, 1.980),
    "lbrn-p": (77_824, 184_320, 0.6375, 0.973),
    "binary": (12_672, 0, 0, 1.661),
    "hg-binary": (6_656, 0, 0, 0.872),
}
# Variant, settings: 2 x MAC in G, MAC in G, honest operations in G (None: not in the reference).
NETWORKS = [
    ("shn", {"stacks": 1}, 11.61, 5.805, None),
    ("shn", {"stacks": 2}, 17.98, 8.989, None),
    ("shn", {"stacks": 4}, 30.71, 15.357, None),
    ("shn", {}, 56.19, 28.094, 56.19),
    ("shn", {"depth": 2}, 55.37, 27.686, None),
    ("lbrn-s", {"stacks": 4}, 12.61, 6.307, None),
    ("lbrn-s", {}, 23.61, 11.806, 31.76),
    ("lbrn-s", {"depth": 2}, 23.36, 11.680, None),
    ("lbrn-s", {"width": 128, "stem_width": 256}, 7.60, 3.801, None),
    ("lbrn-s", {"width": 64, "stem_width": 256}, 3.30, 1.651, None),
    ("prm", {}, 14.90, None, 14.90),
    ("lbrn-p", {}, 6.55, None, 8.63),
    ("prm", {"cardinality_width": 9}, 14.64, None, None),
    ("lbrn-p", {"cardinality_width": 9}, 6.48, None, None),
]


@pytest.mark.parametrize("variant", BLOCKS)
def test_blocks_of_the_paper(variant):
    trainable, fixed, paper, honest = BLOCKS[variant]
    found = costs.block_ledger(variant)
    assert (found.trainable, found.fixed) == (trainable, fixed)
    assert round(found.flops_paper / 1e9, 4) == paper
    assert round(found.operations / 1e9, 3) == honest


@pytest.mark.parametrize(
    ("sparsity", "lbb", "pyramid"), [(0.1, 0.597, 0.705), (0.5, 0.839, 0.973), (0.9, 1.081, 1.242)]
)
def test_honest_operations_grow_with_sparsity(sparsity, lbb, pyramid):
    for variant, expected in (("lbrn-s", lbb), ("lbrn-p", pyramid)):
        found = costs.block_ledger(variant, sparsity=sparsity)
        assert found.operations / 1e9 == pytest.approx(expected, abs=6e-4)
        assert found.flops_paper == costs.block_ledger(variant).flops_paper


@pytest.mark.parametrize(("variant", "settings", "twice", "macs", "honest"), NETWORKS)
def test_whole_networks(variant, settings, twice, macs, honest):
    found = costs.network_ledger(variant, **settings)
    assert 2 * found.macs / 1e9 == pytest.approx(twice, abs=0.006)
    if macs is not None:
        assert round(found.macs / 1e9, 3) == macs
    if honest is not None:
        assert found.operations / 1e9 == pytest.approx(honest, abs=0.006)


def test_fixed_multiplications_saved():
    # A fixed convolution of density 1 has as many additions as its twin multiply-accumulates.
    full = costs.network_ledger("lbrn-s", sparsity=1.0)
    assert round(full.adds / 1e9, 3) == 16.289
    assert full.adds + full.macs == costs.network_ledger("shn").macs


def test_network_of_the_acceptance():
    found = {variant: costs.network_ledger(variant) for variant in ("shn", "lbrn-s", "prm", "lbrn-p")}
    assert {variant: (round(c.trainable / 1e6, 3), round(c.fixed / 1e6, 3)) for variant, c in found.items()} == {
        "shn": (25.595, 0),
        "lbrn-s": (8.733, 16.847),
        "prm": (7.444, 0),
        "lbrn-p": (2.812, 4.626),
    }


def test_torchs_counter_agrees_on_the_block():
    module = block("shn").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.zeros(1, 256, 64, 64))
    assert counter.get_total_flops() == costs.block_ledger("shn").flops_paper


def _mixed():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1),
        nn.BatchNorm2d(4),
        LocalBinaryConv2d(4, 6, 3, groups=2, sparsity=0.5, seed=0, name="fixed"),
        BinaryConv2d(6, 8, 1),
        nn.Flatten(),
        nn.Linear(8 * 2 * 2, 5),
    )


def test_any_module_by_hand():
    network = _mixed()
    found = cost.ledger(network, (2, 8, 8))
    trainable = 2 * 4 * 9 + 4 + 8 + 48 + 32 * 5 + 5
    assert found.trainable == trainable and found.fixed == 6 * 2 * 9
    nonzeros = int(np.count_nonzero(network[2].weight))
    assert nonzeros == 54
    assert found.macs == 72 * 16 + 160 and found.flops_paper == 2 * found.macs
    assert found.adds == nonzeros * 4 + 48 * 4
    assert found.bytes_float == 4 * (trainable + 108)
    compact = 4 * (trainable - 48) + 48 // 8 + 4 * 8
    assert (found.bytes_2bit, found.bytes_seed) == (compact + 27, compact + 8)
    assert found.operations == 2 * found.macs + found.adds


def test_convolutions_only_leaves_out_biases_and_normalisation():
    found = cost.ledger(_mixed()[:4], (2, 8, 8), convolutions_only=True)
    assert found.trainable == 72 + 48 // 32
    assert found.bytes_2bit == 4 * 72 + 6 + 27


def test_counting_leaves_the_module_as_it_was():
    # In training, so that a pass would move running statistics and the generator of the fractional pooling.
    network = block("prm", width=16)
    network.reduce[0].eval()
    modes = [part.training for part in network.modules()]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    cost.ledger(network, (16, 8, 8))
    assert [part.training for part in network.modules()] == modes and {True, False} <= set(modes)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(not part._forward_hooks and not part._forward_pre_hooks for part in network.modules())


def test_frozen_parameters_are_not_trainable():
    network = nn.Conv2d(1, 1, 3, bias=False).requires_grad_(False)
    assert cost.ledger(network, (1, 4, 4)).trainable == 0


def test_refuses_layers_it_cannot_count():
    with pytest.raises(InputError, match="cost of a Bilinear is not known"):
        cost.ledger(nn.Sequential(nn.Bilinear(1, 1, 2)), (1, 4, 4))


@pytest.mark.parametrize("variant", POSE)
def test_json_and_text(variant):
    small = tiny(variant) | {"width": 32}
    plain = costs.as_json(variant, **small)
    keys = ["trainable", "fixed", "flops_paper", "macs", "adds", "bytes_float", "bytes_2bit", "bytes_seed"]
    assert list(plain) == ["variant", "block", "network"] and plain["variant"] == variant
    assert list(plain["block"]) == keys and list(plain["network"]) == keys
    text = costs.describe(variant, **small)
    assert text.startswith(VARIANTS[variant].label) and "width 32" in text
    for part in ("block", "network"):
        assert f"{plain[part]['trainable']:,}" in text and f"{plain[part]['bytes_seed']:,} B" in text
    assert ("1/32" in text) == VARIANTS[variant].binarised


def test_cost_knows_no_network():
    code = "import sys, lbrn.cost; sys.exit(any(name.startswith('lbrn.models') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
