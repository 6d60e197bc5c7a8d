"""A plain graph as a torch network: what a model file computes, without the class that it was saved from."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from lbrn.errors import InputError
from lbrn.graph import INPUT, Graph, Node
from lbrn.layers import BinaryConv2d, LocalBinaryConv2d, Sign
from lbrn.models.attention import Stretch
from lbrn.models.pooling import FractionalPooling

Arrays = Mapping[str, NDArray[Any]]


class GraphNetwork(nn.Module):
    """A network whose layers stand at the graph's paths, so that its tensors have the names that they were saved by.

    It can be trained on; but dropout, which is nothing in evaluation, is not in a graph.

    Attributes:
        graph: What it computes.
    """

    def __init__(self, graph: Graph, tensors: Arrays) -> None:
        """Make the layers; their values are still to be filled in.

        Args:
            graph: Without `torch` nodes.
            tensors: All tensors by name, for their shapes; those that no node uses become buffers.

        Raises:
            InputError: A tensor is missing, or a layer cannot be made of those there are.
        """
        super().__init__()
        self.graph = graph
        self._calls: list[tuple[Node, Callable[..., Any]]] = []
        layers: dict[str, nn.Module] = {}
        for node in graph.nodes[1:]:
            if node.op in _LAYERS:
                path = _path(node)
                if path not in layers:
                    layers[path] = _made(node, tensors)
                    _put(self, path, layers[path])
                self._calls.append((node, layers[path]))
            elif node.op in _FUNCTIONS:
                self._calls.append((node, _FUNCTIONS[node.op](node.attributes)))
            else:
                raise InputError(f"{node.name}: no torch layer is known for the graph's operation {node.op!r}")
        kinds = {value.dtype for value in tensors.values() if value.dtype.kind == "f"}
        if len(kinds) == 1:
            self.to(torch.from_numpy(np.empty(0, kinds.pop())).dtype)
        for name in tensors.keys() - self.state_dict().keys():
            parent, _, last = name.rpartition(".")
            _container(self, parent).register_buffer(last, torch.empty_like(torch.tensor(tensors[name])))

    def forward(self, images: Tensor) -> Tensor | list[Tensor]:
        """Compute the graph.

        Args:
            images: (N, C, H, W), both sides a multiple of what the graph's input says.

        Returns:
            What the saved network returned.

        Raises:
            InputError: The sides do not fit.
        """
        multiple = self.graph.nodes[0].attributes["multiple"]
        if images.shape[-1] % multiple or images.shape[-2] % multiple:
            sides = f"{images.shape[-1]}x{images.shape[-2]}"
            raise InputError(f"pictures of {sides} px do not fit: both sides must be multiples of {multiple}")
        values: dict[str, Tensor] = {INPUT: images}
        pooled: dict[tuple[int, str], list[Tensor]] = {}
        for node, call in self._calls:
            inputs = [values[name] for name in node.inputs]
            if node.op == "fractional_pool":  # one layer of several outputs, which all come of the same draw
                key = (id(call), node.inputs[0])
                pooled[key] = pooled.get(key) or call(*inputs)
                values[node.name] = pooled[key][node.attributes["index"]]
            else:
                values[node.name] = call(*inputs)
        outputs = [values[name] for name in self.graph.outputs]
        return outputs if self.graph.is_list else outputs[0]


def _path(node: Node) -> str:
    """Where the layer of a node is: its tensors say so, else its name without the number of a repeated use."""
    if node.tensors:
        role, key = next(iter(node.tensors.items()))
        return key.removesuffix(f".{role}")
    name = node.name.partition("@")[0]
    return name.rpartition(".")[0] if node.op == "fractional_pool" else name


def _put(network: nn.Module, path: str, layer: nn.Module) -> None:
    parent, _, last = path.rpartition(".")
    _container(network, parent).add_module(last, layer)


def _container(network: nn.Module, path: str) -> nn.Module:
    inner = network
    for name in filter(None, path.split(".")):
        if name not in inner._modules:
            inner.add_module(name, nn.Module())
        inner = inner.get_submodule(name)
    return inner


def _made(node: Node, tensors: Arrays) -> nn.Module:
    missing = [key for key in node.tensors.values() if key not in tensors]
    if missing:
        raise InputError(f"the graph's node {node.name!r} needs the tensor {missing[0]!r}, which is not there")
    return _LAYERS[node.op](node, {role: tensors[key] for role, key in node.tensors.items()})


def _geometry(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(attributes[key]) for key in ("stride", "padding", "dilation")} | {"groups": attributes["groups"]}


def _conv(node: Node, tensors: Arrays) -> nn.Module:
    outputs, inputs, height, width = tensors["weight"].shape
    geometry = _geometry(node.attributes)
    first = inputs * geometry["groups"]
    if node.op == "binary_conv":
        return BinaryConv2d(first, outputs, (height, width), **geometry)
    return nn.Conv2d(first, outputs, (height, width), **geometry, bias="bias" in tensors)


def _ternary(node: Node, tensors: Arrays) -> nn.Module:
    drawn, geometry = node.attributes["filter"], _geometry(node.attributes)
    outputs, inputs, height, width = drawn["shape"]
    return LocalBinaryConv2d(
        inputs * geometry["groups"], outputs, (height, width), **geometry, sparsity=drawn["sparsity"],
        seed=drawn["seed"], name=drawn["name"], scheme=drawn["scheme"],
    )  # fmt: skip


def _norm(node: Node, tensors: Arrays) -> nn.Module:
    return nn.BatchNorm2d(len(tensors["weight"]), eps=node.attributes["eps"])


def _linear(node: Node, tensors: Arrays) -> nn.Module:
    outputs, inputs = tensors["weight"].shape
    return nn.Linear(inputs, outputs, bias="bias" in tensors)


def _fractional(node: Node, tensors: Arrays) -> nn.Module:
    layer = FractionalPooling(node.attributes["ratios"], name=node.attributes["name"], seed=0)
    layer.draw = node.attributes["draw"]
    return layer


_LAYERS: dict[str, Callable[[Node, Arrays], nn.Module]] = {
    "conv": _conv, "binary_conv": _conv, "ternary_conv": _ternary, "batch_norm": _norm, "linear": _linear,
    "fractional_pool": _fractional,
}  # fmt: skip


def _window(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kernel_size": tuple(attributes["kernel"]), "stride": tuple(attributes["stride"]),
        "padding": tuple(attributes["padding"]),
    }  # fmt: skip


def _max_pool(attributes: Mapping[str, Any]) -> Callable[[Tensor], Tensor]:
    return lambda x: F.max_pool2d(x, **_window(attributes))


def _avg_pool(attributes: Mapping[str, Any]) -> Callable[[Tensor], Tensor]:
    return lambda x: F.avg_pool2d(x, **_window(attributes), count_include_pad=attributes["count_include_pad"])


def _nearest(attributes: Mapping[str, Any]) -> Callable[[Tensor], Tensor]:
    return lambda x: F.interpolate(x, scale_factor=float(attributes["scale"]), mode="nearest")


def _bilinear(attributes: Mapping[str, Any]) -> Callable[[Tensor, Tensor], Tensor]:
    corners = attributes["align_corners"]
    return lambda x, like: F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=corners)


def _bilinear_scale(attributes: Mapping[str, Any]) -> Callable[[Tensor], Tensor]:
    corners = attributes["align_corners"]
    return lambda x: F.interpolate(x, scale_factor=attributes["scale"], mode="bilinear", align_corners=corners)


def _stretch(attributes: Mapping[str, Any]) -> Callable[[Tensor], Tensor]:
    return Stretch(attributes["eps"])


def _join(*maps: Tensor) -> Tensor:
    return torch.cat(maps, 1)


def _pad_channels(attributes: Mapping[str, Any]) -> Callable[[Tensor], Tensor]:
    return lambda x: F.pad(x, (0, 0, 0, 0, 0, attributes["extra"]))


_FUNCTIONS: dict[str, Callable[[Mapping[str, Any]], Callable[..., Tensor]]] = {
    "relu": lambda _: torch.relu,
    "sigmoid": lambda _: torch.sigmoid,
    "sign": lambda _: Sign(),
    "add": lambda _: torch.add,
    "multiply": lambda _: torch.mul,
    "maximum": lambda _: torch.maximum,
    "stretch": _stretch,
    "cat": lambda _: _join,
    "pad_channels": _pad_channels,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "global_avg_pool": lambda _: nn.AdaptiveAvgPool2d(1),
    "upsample_nearest": _nearest,
    "resize_bilinear": _bilinear,
    "resize_bilinear_scale": _bilinear_scale,
    "flatten": lambda _: nn.Flatten(),
}
