"""From a graph to layers: normalisation and activation go into the convolutions around them, sums into their ends.

What follows a dense convolution is folded into its weights and bias, or applied before its result is stored. What
precedes any convolution becomes its prologue. The rest stays a layer of its own.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lbrn import ternary
from lbrn.engine import prologue, weights
from lbrn.engine.pack import Window
from lbrn.engine.prologue import Prologue
from lbrn.engine.weights import Dense, Ternary
from lbrn.errors import InputError
from lbrn.graph import Graph, Node

Array = NDArray[Any]


@dataclass
class Layer:
    """One step of a program, whatever the size of the pictures.

    Attributes:
        name: Name of the graph's node.
        kind: ternary, dense, transform, add, combine, stretch, enlarge, pool, regions, bilinear, cat, pad or torch.
        inputs: Numbers of the values that go in.
        output: Number of the value that comes out.
        weights: Of a convolution.
        window: Of a convolution or pooling.
        prologue: What happens to the input of a convolution or transform.
        residual: Number of the value that a dense convolution adds, or None.
        relu: Whether negative results become zero.
        settings: What else a kind needs.
    """

    name: str
    kind: str
    inputs: tuple[int, ...]
    output: int
    weights: Dense | Ternary | None = None
    window: Window = field(default_factory=lambda: Window((1, 1)))
    prologue: Prologue = field(default_factory=Prologue)
    residual: int | None = None
    relu: bool = False
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def channels(self) -> list[int]:
        """How many channels its weights and its normalisation take."""
        wanted = [] if self.weights is None else [self.weights.channels]
        return wanted if self.prologue.scale is None else [*wanted, len(self.prologue.scale)]


@dataclass(frozen=True)
class _Value:
    """What a node stands for: a value and what is still to be done to it, or a layer that waits for what follows."""

    number: int
    prologue: Prologue = field(default_factory=Prologue)
    waiting: Layer | None = None
    positive: bool = False


_ACTIVATIONS = {"relu": prologue.RELU, "sigmoid": prologue.SIGMOID, "sign": prologue.SIGN}


class Fusion:
    """Lowers a graph, node by node.

    Attributes:
        layers: What came out, in the order of computation.
        outputs: Numbers of the values that the network returns.
    """

    def __init__(self, graph: Graph, tensors: Mapping[str, Array], *, shorts: bool) -> None:
        """Lower a graph.

        Args:
            graph: Of the network.
            tensors: The network's tensors by their names in `state_dict`.
            shorts: Whether ternary convolutions run in fixed point.

        Raises:
            InputError: A layer has settings that the engine does not know; the message names it.
        """
        self.graph, self.tensors, self.shorts = graph, tensors, shorts
        self.layers: list[Layer] = []
        self.uses = Counter(name for node in graph.nodes for name in node.inputs)
        self.uses.update(graph.outputs)
        self.values: dict[str, _Value] = {}
        self.count = 0
        for node in graph.nodes:
            self.values[node.name] = self._lower(node)
        self.outputs = tuple(self._plain(name) for name in graph.outputs)

    def _lower(self, node: Node) -> _Value:
        if node.op == "input":
            return self._fresh()
        if node.op in _ACTIVATIONS:
            return self._activation(node)
        method = getattr(self, f"_{node.op}", None)
        if method is None:
            raise InputError(f"{node.name}: the engine has no {node.op}; compile(..., fallback='torch') helps")
        return method(node)  # type: ignore[no-any-return]

    def _fresh(self) -> _Value:
        self.count += 1
        return _Value(self.count - 1)

    def _tensor(self, node: Node, role: str, *shape: int | None) -> Array:
        """A tensor of a node; its shape must fit, for kernels check nothing. None is any length."""
        name = node.tensors[role]
        if name not in self.tensors:
            raise InputError(f"{node.name}: its {role}, the tensor {name}, is missing")
        tensor = self.tensors[name]
        lengths = tensor.shape if tensor.ndim == len(shape) else ()
        if not lengths or any(
            length < 1 or length != (wanted or length) for length, wanted in zip(lengths, shape, strict=True)
        ):
            rule = " x ".join("any" if wanted is None else str(wanted) for wanted in shape)
            raise InputError(f"{node.name}: its {role} has the shape {tensor.shape}; it must be {rule}")
        return tensor

    def _alone(self, name: str) -> bool:
        """Whether a value goes into one node only, so that this one may change it."""
        return self.uses[name] == 1

    def _settled(self, name: str) -> _Value:
        """A node's value with its prologue still to be done; a waiting layer waits no longer."""
        value = self.values[name]
        if value.waiting is not None:
            self.layers.append(value.waiting)
            value = replace(value, waiting=None)
            self.values[name] = value
        return value

    def _plain(self, name: str) -> int:
        """A node's value with nothing left to be done."""
        value = self._settled(name)
        if not value.prologue.empty:
            done = self._fresh()
            self.layers.append(Layer(name, "transform", (value.number,), done.number, prologue=value.prologue))
            value = replace(done, positive=value.positive)
            self.values[name] = value
        return value.number

    def _emit(self, layer: Layer, *, positive: bool = False) -> _Value:
        self.layers.append(layer)
        return _Value(layer.output, positive=positive)

    def _wait(self, node: Node, layer: Layer) -> _Value:
        if self._alone(node.name):
            return _Value(layer.output, waiting=layer)
        return self._emit(layer)

    def _waiting(self, name: str, kind: str) -> Layer | None:
        """The layer of a kind that waits behind a name and may still be changed by its only user."""
        layer = self.values[name].waiting
        return layer if layer is not None and layer.kind == kind and not layer.relu and self._alone(name) else None

    def _batch_norm(self, node: Node) -> _Value:
        weight = self._tensor(node, "weight", None).astype(np.float64)
        bias, mean, variance = (
            self._tensor(node, role, len(weight)).astype(np.float64) for role in ("bias", "running_mean", "running_var")
        )
        scale = weight / np.sqrt(variance + node.attributes["eps"])
        shift = bias - mean * scale
        name = node.inputs[0]
        before = self._waiting(name, "dense")
        if before is not None and before.residual is None and isinstance(before.weights, Dense):
            folded = before.weights.weights * scale[:, None, None, None]
            moved = before.weights.bias * scale + shift
            layer = replace(before, weights=Dense(folded.astype(np.float32), moved.astype(np.float32)))
            return self._wait(node, layer)
        value = self._settled(name)
        if not value.prologue.empty:
            value = _Value(self._plain(name))
        kept = Prologue(scale.astype(np.float32), shift.astype(np.float32))
        return replace(value, prologue=kept, positive=False)

    def _activation(self, node: Node) -> _Value:
        name, activation = node.inputs[0], _ACTIVATIONS[node.op]
        before = self._waiting(name, "dense") or self._waiting(name, "add")
        if before is not None and activation == prologue.RELU:
            return replace(self._wait(node, replace(before, relu=True)), positive=True)
        value = self._settled(name)
        if value.prologue.activation != prologue.NOTHING:
            value = _Value(self._plain(name))
        return replace(
            value, prologue=replace(value.prologue, activation=activation), positive=activation != prologue.SIGN
        )

    def _conv(self, node: Node) -> _Value:
        return self._dense(node, self._tensor(node, "weight", None, None, *node.attributes["kernel"]))

    def _binary_conv(self, node: Node) -> _Value:
        kernel = self._tensor(node, "weight", None, None, *node.attributes["kernel"]).astype(np.float64)
        signs = np.where(kernel >= 0, 1.0, -1.0) * np.abs(kernel).mean(axis=(1, 2, 3), keepdims=True)
        return self._dense(node, signs)

    def _linear(self, node: Node) -> _Value:
        return self._dense(node, self._tensor(node, "weight", None, None)[:, :, None, None])

    def _dense(self, node: Node, kernel: Array) -> _Value:
        has_bias = "bias" in node.tensors
        bias = self._tensor(node, "bias", len(kernel)) if has_bias else np.zeros(len(kernel))
        packed = Dense(_ungrouped(kernel, node).astype(np.float32), bias.astype(np.float32))
        value = self._settled(node.inputs[0])
        return self._wait(node, self._layer(node, "dense", value, packed))

    def _ternary_conv(self, node: Node) -> _Value:
        wanted = node.attributes["filter"]
        if wanted["shape"][2:] != node.attributes["kernel"]:
            raise InputError(
                f"{node.name}: a filter of the shape {wanted['shape']} has no {node.attributes['kernel']} taps"
            )
        filters = ternary.draw(
            wanted["shape"], wanted["sparsity"], seed=wanted["seed"], name=wanted["name"], scheme=wanted["scheme"]
        )
        value = self._settled(node.inputs[0])
        chosen = weights.choose(_ungrouped(filters, node), shorts=self.shorts, positive=value.positive)
        if isinstance(chosen, Dense):
            return self._wait(node, self._layer(node, "dense", value, chosen))
        return self._emit(self._layer(node, "ternary", value, chosen))

    def _layer(self, node: Node, kind: str, value: _Value, packed: Dense | Ternary) -> Layer:
        window = Window((1, 1)) if node.op == "linear" else _window(node)
        output = self._fresh().number
        ternary_ = node.op == "ternary_conv"
        return Layer(
            node.name, kind, (value.number,), output, packed, window, value.prologue, settings={"ternary": ternary_}
        )

    def _add(self, node: Node) -> _Value:
        for waiting, other in (node.inputs, node.inputs[::-1]):
            layer = self._waiting(waiting, "dense")
            if layer is not None and layer.residual is None and waiting != other:
                return self._wait(node, replace(layer, residual=self._plain(other)))
        for waiting, other in (node.inputs, node.inputs[::-1]):
            layer = self._waiting(waiting, "enlarge")
            if layer is not None and waiting != other:
                inputs = (self._plain(other), layer.inputs[0])
                return self._wait(node, Layer(node.name, "add", inputs, self._fresh().number, settings=layer.settings))
        left, right = (self._plain(name) for name in node.inputs)
        return self._wait(node, Layer(node.name, "add", (left, right), self._fresh().number, settings={"factor": 1}))

    def _multiply(self, node: Node) -> _Value:
        return self._combine(node, 0)

    def _maximum(self, node: Node) -> _Value:
        return self._combine(node, 1)

    def _combine(self, node: Node, kind: int) -> _Value:
        inputs = tuple(self._plain(name) for name in node.inputs)
        return self._emit(Layer(node.name, "combine", inputs, self._fresh().number, settings={"kind": kind}))

    def _stretch(self, node: Node) -> _Value:
        inputs = (self._plain(node.inputs[0]),)
        return self._emit(Layer(node.name, "stretch", inputs, self._fresh().number, settings=dict(node.attributes)))

    def _upsample_nearest(self, node: Node) -> _Value:
        factor = node.attributes["scale"]
        if factor != int(factor):
            raise InputError(f"{node.name}: the engine enlarges by whole numbers, not by {factor}")
        inputs = (self._plain(node.inputs[0]),)
        return self._wait(
            node, Layer(node.name, "enlarge", inputs, self._fresh().number, settings={"factor": int(factor)})
        )

    def _max_pool(self, node: Node) -> _Value:
        return self._pool(node, 0)

    def _avg_pool(self, node: Node) -> _Value:
        return self._pool(node, 1 if node.attributes["count_include_pad"] else 2)

    def _pool(self, node: Node, kind: int) -> _Value:
        window = _window(node)
        if any(2 * pad > side for pad, side in zip(window.padding, window.kernel, strict=True)):
            raise InputError(
                f"{node.name}: a padding of {window.padding} is more than half of a {window.kernel} window"
            )
        positive = self.values[node.inputs[0]].positive
        inputs = (self._plain(node.inputs[0]),)
        layer = Layer(node.name, "pool", inputs, self._fresh().number, window=window, settings={"pooling": kind})
        return self._emit(layer, positive=positive)

    def _global_avg_pool(self, node: Node) -> _Value:
        inputs = (self._plain(node.inputs[0]),)
        settings = {"pooling": 1, "whole": True}
        return self._emit(Layer(node.name, "pool", inputs, self._fresh().number, settings=settings))

    def _flatten(self, node: Node) -> _Value:
        inputs = (self._plain(node.inputs[0]),)
        return self._emit(Layer(node.name, "flatten", inputs, self._fresh().number))

    def _fractional_pool(self, node: Node) -> _Value:
        ratios, index = node.attributes["ratios"], node.attributes["index"]
        if index >= len(ratios):
            raise InputError(f"{node.name}: its index {index} is beyond its {len(ratios)} ratios")
        positive = self.values[node.inputs[0]].positive
        inputs = (self._plain(node.inputs[0]),)
        layer = Layer(node.name, "regions", inputs, self._fresh().number, settings=dict(node.attributes))
        return self._emit(layer, positive=positive)

    def _resize_bilinear(self, node: Node) -> _Value:
        # Only the second map's size matters, which its prologue does not change.
        inputs = (self._plain(node.inputs[0]), self._settled(node.inputs[1]).number)
        return self._emit(Layer(node.name, "bilinear", inputs, self._fresh().number, settings=dict(node.attributes)))

    def _resize_bilinear_scale(self, node: Node) -> _Value:
        inputs = (self._plain(node.inputs[0]),)
        return self._emit(Layer(node.name, "bilinear", inputs, self._fresh().number, settings=dict(node.attributes)))

    def _cat(self, node: Node) -> _Value:
        inputs = tuple(self._plain(name) for name in node.inputs)
        return self._emit(Layer(node.name, "cat", inputs, self._fresh().number))

    def _pad_channels(self, node: Node) -> _Value:
        positive = self.values[node.inputs[0]].positive
        inputs = (self._plain(node.inputs[0]),)
        layer = Layer(node.name, "pad", inputs, self._fresh().number, settings=dict(node.attributes))
        return self._emit(layer, positive=positive)

    def _torch(self, node: Node) -> _Value:
        inputs = tuple(self._plain(name) for name in node.inputs)
        return self._emit(Layer(node.name, "torch", inputs, self._fresh().number, settings=dict(node.attributes)))


def _ungrouped(kernel: Array, node: Node) -> Array:
    """Weights of a grouped convolution as those of an ordinary one, with zeros between the groups."""
    groups = node.attributes.get("groups", 1)
    if groups == 1:
        return kernel
    outputs, channels, *sides = kernel.shape
    if outputs % groups:
        raise InputError(f"{node.name}: {outputs} outputs cannot be cut into {groups} groups")
    full = np.zeros((outputs, channels * groups, *sides), kernel.dtype)
    for group in range(groups):
        rows = slice(group * outputs // groups, (group + 1) * outputs // groups)
        full[rows, group * channels : (group + 1) * channels] = kernel[rows]
    return full


def _window(node: Node) -> Window:
    settings = node.attributes
    stride, dilation = (_same(node, key, settings.get(key, [1, 1])) for key in ("stride", "dilation"))
    kernel, padding = settings["kernel"], settings["padding"]
    return Window((kernel[0], kernel[1]), stride, (padding[0], padding[1]), dilation)


def _same(node: Node, key: str, sides: list[int]) -> int:
    if sides[0] != sides[1]:
        raise InputError(f"{node.name}: the engine takes the same {key} in both directions, not {tuple(sides)}")
    return int(sides[0])
