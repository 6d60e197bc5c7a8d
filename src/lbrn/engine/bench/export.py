"""Torch networks as ONNX files, for ONNX Runtime."""

import copy
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from lbrn.models.pooling import FractionalPooling

OPSET = 17


class FixedRegions(nn.Module):
    """A fractional pooling in evaluation for maps of one size, of operations that ONNX has: maximum, then gather."""

    def __init__(self, pooling: FractionalPooling, channels: int, height: int, width: int) -> None:
        """Find the regions of a layer.

        Args:
            pooling: The layer, in evaluation mode.
            channels: Channels of its input.
            height: Rows of its input.
            width: Columns of its input.
        """
        super().__init__()
        # The largest number of a region of 2 x 2 is at its lower right corner, if numbers grow along rows and columns.
        numbers = torch.arange(height * width, dtype=torch.float32).reshape(1, 1, height, width)
        self.sizes: list[tuple[int, int]] = []
        for index, corners in enumerate(pooling(numbers.expand(1, channels, -1, -1).contiguous())):
            rows, columns = corners.long() // width - 1, corners.long() % width - 1
            self.register_buffer(f"places{index}", (rows * (width - 1) + columns).flatten(2))
            self.sizes.append((corners.shape[2], corners.shape[3]))

    def forward(self, features: Tensor) -> list[Tensor]:
        """Map (N, C, H, W) to one tensor for each ratio, as the layer does."""
        best = F.max_pool2d(features, 2, stride=1).flatten(2)
        count, channels = features.shape[:2]
        places = [self.get_buffer(f"places{index}").expand(count, -1, -1) for index in range(len(self.sizes))]
        return [
            best.gather(2, place).reshape(count, channels, *size)
            for place, size in zip(places, self.sizes, strict=True)
        ]


def export(network: nn.Module, images: NDArray[np.float32], path: Path) -> None:
    """Write a network as an ONNX file for pictures of one shape.

    The older of torch's exporters: it needs one package less, takes a tenth of the time, and ONNX Runtime runs what
    comes out equally fast.

    Args:
        network: In evaluation mode; left as it is.
        images: Pictures of the shape.
        path: File to write.
    """
    inputs = torch.from_numpy(images)
    simple = _without_pooling(network, inputs) if has_pooling(network) else network
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter's age, and that sizes become constants
        torch.onnx.export(simple, (inputs,), str(path), dynamo=False, opset_version=OPSET, verbose=False)


def has_pooling(network: nn.Module) -> bool:
    """Whether a network has a fractional pooling."""
    return any(isinstance(module, FractionalPooling) for module in network.modules())


def _without_pooling(network: nn.Module, inputs: Tensor) -> nn.Module:
    copied = copy.deepcopy(network)
    layers = {name: module for name, module in copied.named_modules() if isinstance(module, FractionalPooling)}
    shapes: dict[nn.Module, torch.Size] = {}

    def note(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        shapes[module] = given[0].shape

    for layer in layers.values():
        layer.register_forward_pre_hook(note)
    with torch.no_grad():
        copied(inputs)
        for name, layer in layers.items():
            copied.set_submodule(name, FixedRegions(layer, *shapes[layer][1:]))
    return copied
