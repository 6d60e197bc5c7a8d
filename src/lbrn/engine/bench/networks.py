"""The networks that are measured: pairs of a network of fixed filters and the real-valued one it stands for."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lbrn.models import registry


@dataclass(frozen=True)
class Pair:
    """A network of fixed filters and its real-valued twin.

    Attributes:
        network: Variant with fixed filters.
        real: Real-valued variant.
        side: Of the pictures.
        settings: Of both, see `lbrn.models.variants`.
        sparsities: Shares of non-zero weights; the first one is measured in all ways.
        batches: Numbers of pictures at once; of the first one all engines are measured, of others the best ones.
    """

    network: str
    real: str
    side: int = 256
    settings: dict[str, Any] = field(default_factory=dict)
    sparsities: tuple[float, ...] = (0.5, 0.1)
    batches: tuple[int, ...] = (1,)


PAIRS = (
    Pair("lbrn-s", "shn", batches=(1, 8)),
    Pair("lbrn-p", "prm"),
    Pair("resnet-lbb56", "resnet56", 32, batches=(1, 64)),
)
"""At the paper's size: 8 and 2 stacks, and the networks of Table 9."""

QUICK_PAIRS = (
    Pair("lbrn-s", "shn", 128, {"stacks": 1, "width": 128}, (0.5,), (1, 2)),
    Pair("lbrn-p", "prm", 128, {"stacks": 1, "width": 128}, (0.5,)),
    Pair("resnet-lbb56", "resnet56", 32, {}, (0.5,), (1, 8)),
)


def build(variant: str, side: int, **settings: Any) -> nn.Module:
    """A network in evaluation mode whose normalisations fit its activations, as after training.

    As they are drawn they would let numbers grow from stack to stack until they overflow.

    Args:
        variant: See `lbrn.models.variants`.
        side: Of the pictures.
        **settings: Of the network.
    """
    network = registry.build(variant, seed=0, **settings)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the mean of all batches seen: here of one
    with torch.no_grad():
        network.train()(torch.from_numpy(pictures(2, side)))
    return network.eval()


def pictures(count: int, side: int) -> NDArray[np.float32]:
    """Random pictures (count, 3, side, side) around zero."""
    return np.random.default_rng(0).standard_normal((count, 3, side, side), np.float32)
