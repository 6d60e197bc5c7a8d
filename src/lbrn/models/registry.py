"""From a variant's name and settings to its network or its residual block."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from lbrn import ternary
from lbrn.errors import InputError
from lbrn.layers import fixed_layers
from lbrn.models import resnet
from lbrn.models.blocks import ACTIVATIONS, BINARY_OPERATIONS, Bottleneck, Operations
from lbrn.models.bulat import HierarchicalBlock
from lbrn.models.convolutions import Convolution, fixed_convolution, half_fixed_convolution
from lbrn.models.cpd import CPD, cpd
from lbrn.models.cpd.network import head_unit
from lbrn.models.hourglass import BlockMaker, stacked_hourglass
from lbrn.models.lbcnn import LBCNN, LocalBinaryUnit, UnitMaker
from lbrn.models.pyramid import PyramidPlaces, pyranet
from lbrn.models.resnet import ResNet
from lbrn.models.variants import VARIANTS, Variant, get

__all__ = ["VARIANTS", "block", "build"]

_SIZES = ("stacks", "width", "depth", "joints", "stem_width")


def build(
    variant: str, *, seed: int, filter_seed: int = 0, scheme: str = ternary.DEFAULT_SCHEME, **network: Any
) -> nn.Module:
    """Build a variant's network, initialised from its seed; torch's global generator is left untouched.

    Args:
        variant: Name, see `lbrn.models.variants.VARIANTS`.
        seed: Seed of the initial weights and of the random regions of fractional pooling, >= 0.
        filter_seed: Seed of the fixed filters, >= 0; without effect where there are none.
        scheme: How fixed filters are drawn, see `lbrn.ternary.draw`.
        **network: Settings such as stacks, width, depth, joints, sparsity, activation; the paper's where not given.

    Returns:
        For pose a module that maps pictures (N, 3, S, S) to a list of `stacks` tensors of heatmaps
        (N, joints, S/4, S/4); for classification one that maps them to scores (N, classes); for saliency one that maps
        them to logits of attention and saliency, (N, 1, S, S) each.

    Raises:
        InputError: The variant or a setting is unknown, or a value is out of range.
    """
    entry = get(variant)
    settings = entry.settings(network)
    return _initialised(seed, lambda: _network(entry, settings, seed, filter_seed, scheme))


def block(
    variant: str, *, seed: int = 0, filter_seed: int = 0, scheme: str = ternary.DEFAULT_SCHEME, **settings: Any
) -> nn.Module:
    """Build one residual block of a variant, as many channels in as out: what the paper counts.

    Of a ResNet's three kinds it is the first, which has the largest maps.
    Of CPD it is what stands for one 3x3 convolution of its heads.

    Args:
        variant: Name of the variant.
        seed: Seed of the initial weights.
        filter_seed: Seed of the fixed filters.
        scheme: How fixed filters are drawn.
        **settings: As in `build`; those that do not concern a block have no effect.

    Raises:
        InputError: The variant or a setting is unknown, or a value is out of range.
    """
    entry = get(variant)
    complete = entry.settings(settings)
    if entry.task == "saliency":
        return _initialised(
            seed, lambda: head_unit(complete["head"], **_cpd_settings(entry, complete, filter_seed, scheme))
        )
    width = complete["width"]
    if entry.family == "resnet":
        maker, channels = _bottlenecks(entry, complete, filter_seed, scheme), width * complete["expansion"]
        return _initialised(seed, lambda: maker(channels, width, 1, "block"))
    if entry.family == "lbcnn":
        return _initialised(seed, lambda: _units(complete, filter_seed, scheme)("block"))
    return _initialised(seed, lambda: _block_maker(entry, complete, seed, filter_seed, scheme)(width, width, "block"))


def block_channels(variant: str, **settings: Any) -> int:
    """Channels that go into the block that `block` builds.

    Args:
        variant: Name of the variant.
        **settings: As in `build`.

    Raises:
        InputError: The variant or a setting is unknown, or a value is out of range.
    """
    entry = get(variant)
    complete = entry.settings(settings)
    if entry.task == "saliency":
        return int(complete["head"])
    return int(complete["width"] * complete.get("expansion", 1))


def _initialised(seed: int, make: Callable[[], nn.Module]) -> nn.Module:
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InputError(f"seed {seed!r} is not possible: give an integer of 0 or more")
    with torch.random.fork_rng(devices=[]):
        torch.random.manual_seed(seed)
        module = make()
    fixed_layers(module)  # refuses a filter name that is used twice
    # The layout of the numbers in memory, not of the shapes: a quarter less time a step on a CPU.
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _network(entry: Variant, settings: dict[str, Any], seed: int, filter_seed: int, scheme: str) -> nn.Module:
    if entry.task == "saliency":
        return _cpd(entry, settings, filter_seed, scheme)
    if entry.family == "resnet":
        sizes = {key: settings[key] for key in ("classes", "width", "blocks")}
        return ResNet(_bottlenecks(entry, settings, filter_seed, scheme), **sizes)
    if entry.family == "lbcnn":
        sizes = {key: settings[key] for key in ("classes", "width", "blocks", "hidden")}
        return LBCNN(_units(settings, filter_seed, scheme), **sizes)
    sizes = {key: settings[key] for key in _SIZES}
    if entry.family == "pyramid":
        operations = _operations(entry, settings, filter_seed, scheme)
        return pyranet(operations, cardinality_width=settings["cardinality_width"], seed=seed, **sizes)
    blocks = {f"{place}_blocks": settings.get(place, "block") == "block" for place in ("up", "back")}
    return stacked_hourglass(_block_maker(entry, settings, seed, filter_seed, scheme), **blocks, **sizes)


def _cpd(entry: Variant, settings: dict[str, Any], filter_seed: int, scheme: str) -> CPD:
    backbone = entry.family.removeprefix("cpd-")
    sizes = {key: settings[key] for key in ("width", "head")}
    scope = {"scope": settings["scope"]} if entry.has_fixed_filters else {}
    return cpd(backbone, **sizes, **scope, **_cpd_settings(entry, settings, filter_seed, scheme))


def _cpd_settings(entry: Variant, settings: dict[str, Any], filter_seed: int, scheme: str) -> dict[str, Any]:
    if not entry.has_fixed_filters:
        return {}

    def fixed(stride: int, dilation: int) -> Convolution:
        return fixed_convolution(settings["sparsity"], filter_seed, scheme, stride=stride, dilation=dilation)

    return {"fixed": fixed, "unit": settings["unit"], "activation": ACTIVATIONS[settings["activation"]]}


def _block_maker(entry: Variant, settings: dict[str, Any], seed: int, filter_seed: int, scheme: str) -> BlockMaker:
    operations = _operations(entry, settings, filter_seed, scheme)
    if entry.name == "binary":
        return lambda first, last, name: HierarchicalBlock(first, last, name=name)
    if entry.family == "pyramid":
        return PyramidPlaces(operations, settings["cardinality_width"], seed, settings["width"]).pyramid_block
    path = entry.path(settings)
    return lambda first, last, name: Bottleneck(first, last, operations, name=name, path=path)


def _fixed(settings: dict[str, Any], filter_seed: int, scheme: str) -> Convolution:
    return fixed_convolution(settings["sparsity"], filter_seed, scheme)


def _units(settings: dict[str, Any], filter_seed: int, scheme: str) -> UnitMaker:
    fixed, activation = _fixed(settings, filter_seed, scheme), ACTIVATIONS[settings["activation"]]
    return lambda name: LocalBinaryUnit(settings["width"], settings["filters"], fixed, activation, name=name)


def _bottlenecks(entry: Variant, settings: dict[str, Any], filter_seed: int, scheme: str) -> resnet.BottleneckMaker:
    conv3x3: resnet.Strided = resnet.learned
    if entry.has_fixed_filters:
        conv3x3 = resnet.fixed(settings["sparsity"], filter_seed, scheme)
    kinds = {key: settings[key] for key in ("expansion", "shortcut", "stride_on", "activation")}
    return resnet.BottleneckMaker(conv3x3, **kinds)


def _operations(entry: Variant, settings: dict[str, Any], filter_seed: int, scheme: str) -> Operations:
    if entry.binarised:
        return BINARY_OPERATIONS
    operations = Operations(activation=ACTIVATIONS[settings["activation"]])
    if not entry.has_fixed_filters:
        return operations
    fixed = _fixed(settings, filter_seed, scheme)
    if entry.fixed == "1x1":
        return replace(operations, conv1x1=fixed)
    return replace(operations, conv3x3=half_fixed_convolution(fixed) if entry.fixed == "half of 3x3" else fixed)
