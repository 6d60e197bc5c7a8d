"""Torch networks as ONNX files, for ONNX Runtime and whatever else reads them."""

import copy
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from lbrn.errors import InputError
from lbrn.files import atomic_path
from lbrn.layers import BinaryConv2d, Sign, binarise
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


def write(network: nn.Module, images: NDArray[np.float32], path: Path, *, about: Mapping[str, str]) -> None:
    """Write a network as an ONNX file for any number of pictures of one size; nothing half-written stays.

    The input is called `images`, the outputs `output0`, `output1`, ...; fixed filters become ordinary weights.

    Args:
        network: In evaluation mode; left as it is.
        images: Pictures of the size.
        path: File to write.
        about: Goes into the file's metadata.

    Raises:
        InputError: The package onnx is missing, or the network has what ONNX cannot say.
    """
    try:
        import onnx
    except ImportError as error:
        raise InputError("ONNX files need the package onnx; install it by `pip install 'lbrn[onnx]'`") from error
    with torch.no_grad():
        outputs = network(torch.from_numpy(images))
    names = [f"output{index}" for index in range(len(outputs) if isinstance(outputs, list | tuple) else 1)]
    try:
        with atomic_path(path) as temporary:
            export(network, images, temporary, names)
            model = onnx.load(temporary)
            onnx.helper.set_model_props(model, dict(about))
            onnx.checker.check_model(model)
            onnx.save(model, temporary)
    except (torch.onnx.errors.OnnxExporterError, onnx.checker.ValidationError) as error:
        raise InputError(f"this network cannot be written as ONNX: {str(error).splitlines()[0]}") from error


def export(network: nn.Module, images: NDArray[np.float32], path: Path, outputs: list[str] | None = None) -> None:
    """Write a network as an ONNX file for pictures of one shape.

    The older of torch's exporters: it needs one package less, takes a tenth of the time, and ONNX Runtime runs what
    comes out equally fast.

    Args:
        network: In evaluation mode; left as it is.
        images: Pictures of the shape.
        path: File to write.
        outputs: Names for the outputs; with them the input is called `images`, and any number of pictures will do.
    """
    inputs = torch.from_numpy(images)
    simple = _simplified(network, inputs) if any(isinstance(one, _OWN) for one in network.modules()) else network
    names: dict[str, Any] = {}
    if outputs:
        batches = {name: {0: "pictures"} for name in ("images", *outputs)}
        names = {"input_names": ["images"], "output_names": outputs, "dynamic_axes": batches}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter's age, and that sizes become constants
        torch.onnx.export(simple, (inputs,), str(path), dynamo=False, opset_version=OPSET, verbose=False, **names)


def has_pooling(network: nn.Module) -> bool:
    """Whether a network has a fractional pooling."""
    return any(isinstance(module, FractionalPooling) for module in network.modules())


_OWN = (FractionalPooling, BinaryConv2d, Sign)
"""Layers that ONNX cannot say as they are."""


class _PlainSign(nn.Module):
    def forward(self, values: Tensor) -> Tensor:
        return torch.where(values >= 0, 1.0, -1.0)


class _PlainBinary(nn.Module):
    """What a binary convolution is in evaluation."""

    def __init__(self, layer: BinaryConv2d) -> None:
        super().__init__()
        self.layer = layer
        scale = layer.weight.detach().abs().mean(dim=(1, 2, 3), keepdim=True)
        self.register_buffer("weight", scale * binarise(layer.weight.detach()))

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = self.layer._conv_forward(images, self.get_buffer("weight"), None)
        return result


def _simplified(network: nn.Module, inputs: Tensor) -> nn.Module:
    copied = copy.deepcopy(network)
    for name, module in list(copied.named_modules()):
        if isinstance(module, BinaryConv2d):
            copied.set_submodule(name, _PlainBinary(module))
        elif isinstance(module, Sign):
            copied.set_submodule(name, _PlainSign())
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
