"""A network as a list of kernel calls: compiled once, planned for each shape of input, run without Python between."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lbrn.engine import layout, machine
from lbrn.engine.convolution import check_images, check_scales, check_settings
from lbrn.engine.fusion import Fusion, Layer
from lbrn.engine.layout import Map
from lbrn.engine.pack import Window
from lbrn.engine.prologue import Prologue
from lbrn.engine.steps import Steps, Value, in_lanes
from lbrn.engine.weights import Dense, Ternary
from lbrn.errors import InputError
from lbrn.graph import Graph
from lbrn.ternary import philox_words

Images = NDArray[np.float32]
Module = Callable[..., Images]


@dataclass(frozen=True)
class Step:
    """One step of a program, for those who want to know.

    Attributes:
        name: Name of the layer in the network.
        kind: What it does.
        path: Of a convolution: `direct`, `shared` or `dense`; empty otherwise.
        ternary: Whether its filters are fixed and ternary; with the path `dense` it was faster multiplied.
    """

    name: str
    kind: str
    path: str
    ternary: bool


class Program:
    """A compiled network.

    Attributes:
        steps: What it does, in order.
        fallbacks: Modules that torch runs.
    """

    def __init__(
        self,
        graph: Graph,
        tensors: Mapping[str, NDArray[Any]],
        *,
        arithmetic: str = "float32",
        threads: int = 1,
        modules: Mapping[str, Module] | None = None,
    ) -> None:
        """Compile a graph; `lbrn.engine.compile` and `lbrn.engine.load` do so for networks and model files.

        Args:
            graph: Of the network.
            tensors: Its tensors by their names in `state_dict`.
            arithmetic: `float32`, or `fixed` for 8-bit activations in the ternary convolutions.
            threads: 1 or more.
            modules: What runs the graph's `torch` nodes, by the module's path.

        Raises:
            InputError: A setting is not possible, or a layer is not known; the message names it.
        """
        check_settings(arithmetic, threads)
        self.graph, self.threads = graph, threads
        fused = Fusion(graph, tensors, shorts=arithmetic == "fixed")
        self._layers, self._outputs = fused.layers, fused.outputs
        self._modules = modules or {}
        self._plans: dict[tuple[int, ...], _Plan] = {}
        self._lock = threading.Lock()  # a plan's buffers serve one run at a time
        self.steps = [_describe(layer) for layer in self._layers]
        self.fallbacks = [layer.settings["module"] for layer in self._layers if layer.kind == "torch"]
        for path in self.fallbacks:
            if path not in self._modules:
                raise InputError(f"{path}: only torch can run this layer; compile the torch network instead")

    def run(self, images: Images) -> Images | list[Images]:
        """Run the network on pictures; threads that call it at once wait for each other.

        Args:
            images: (N, 3, H, W) float32, as the torch network takes them.

        Returns:
            What the torch network returns, as numpy arrays.

        Raises:
            InputError: Shape or type does not fit, or in fixed point a value is not finite.
        """
        check_images(images, self._channels())
        multiple = self.graph.nodes[0].attributes["multiple"]
        if images.shape[2] % multiple or images.shape[3] % multiple:
            sides = f"{images.shape[3]}x{images.shape[2]}"
            raise InputError(f"pictures of {sides} px do not fit: both sides must be multiples of {multiple}")
        with self._lock:
            if images.shape not in self._plans:
                self._plans[images.shape] = _Plan(self, images.shape)
            results = self._plans[images.shape].run(images)
        return results if self.graph.is_list else results[0]

    def bytes(self) -> dict[str, int]:
        """Bytes in use: of the weights and lists, and of all planned activations and scratch."""
        packed = [layer.weights.bytes for layer in self._layers if layer.weights is not None]
        return {"weights": sum(packed), "activations": sum(plan.bytes for plan in self._plans.values())}

    def _channels(self) -> int | None:
        """Channels that the pictures must have; None where any number will do."""
        alike = {0}
        for layer in self._layers:
            if layer.inputs[0] in alike:
                if layer.channels:
                    return layer.channels[0]
                if layer.kind not in ("cat", "pad", "torch"):
                    alike.add(layer.output)
        return None


def _describe(layer: Layer) -> Step:
    path = layer.weights.path if isinstance(layer.weights, Ternary) else "dense" if layer.weights else ""
    return Step(layer.name, layer.kind, path, bool(layer.settings.get("ternary")))


class _Plan:
    """A program for one shape of input: buffers and kernel calls, cut where torch has to step in."""

    def __init__(self, program: Program, shape: tuple[int, ...]) -> None:
        self.threads, self.modules = program.threads, program._modules
        self.steps = Steps(shape[0], self.threads)
        self.pieces: list[NDArray[np.int64] | tuple[Module, list[Value], Value]] = []
        self.values = {0: self.steps.value(Map(*shape[2:]), shape[1])}
        last = {number: place for place, layer in enumerate(program._layers) for number in _used(layer)}
        for place, layer in enumerate(program._layers):
            output = self.values[layer.output] = self._emit(layer)
            if layer.kind != "torch":
                output.flat = layer.kind == "flatten" or self.values[layer.inputs[0]].flat
            for number in {*_used(layer), layer.output}:
                if last.get(number, place) == place and number != 0 and number not in program._outputs:
                    self.steps.release(self.values[number])
        self._cut()
        self.outputs = [self.values[number] for number in program._outputs]
        self.bytes = self.steps.buffers()

    def run(self, images: Images) -> list[Images]:
        layout.fill_lanes(np.ascontiguousarray(images), self.values[0].data)
        for piece in self.pieces:
            if isinstance(piece, tuple):
                module, inputs, output = piece
                result = module(*(_array(value) for value in inputs))
                result = result.reshape(len(result), output.channels, output.size.height, output.size.width)
                layout.fill_lanes(np.ascontiguousarray(result, np.float32), output.data)
            else:
                machine.run(piece, self.threads)
        check_scales(self.steps)
        return [_array(value) for value in self.outputs]

    def _cut(self) -> None:
        if self.steps.rows:
            self.pieces.append(self.steps.program())
            self.steps.rows.clear()

    def _emit(self, layer: Layer) -> Value:
        steps, inputs = self.steps, [self.values[number] for number in layer.inputs]
        source = inputs[0]
        self._check(layer, inputs)
        match layer.kind, layer.weights:
            case "ternary", Ternary() as packed:
                return steps.ternary(source, packed, layer.window, layer.prologue, layer.name)
            case "dense", Dense() as packed:
                residual = None if layer.residual is None else self.values[layer.residual]
                return steps.dense(source, packed, layer.window, layer.prologue, residual=residual, relu=layer.relu)
            case "transform", _:
                return steps.transform(source, layer.prologue)
            case "add", _:
                return self._add(layer, inputs)
            case "combine", _:
                return steps.combine(source, inputs[1], layer.settings["kind"])
            case "stretch", _:
                return steps.stretch(source, layer.settings["eps"])
            case "enlarge", _:
                return steps.enlarge(source, layer.settings["factor"])
            case "pool", _:
                whole = Window((source.size.height, source.size.width))
                window = whole if "whole" in layer.settings else layer.window
                return steps.pool(source, window, layer.settings["pooling"])
            case "regions", _:
                return steps.pool_regions(source, *regions(layer.settings, source))
            case "bilinear", _:
                scale = layer.settings.get("scale")
                size = source.size.enlarged(scale) if scale else inputs[1].size
                return steps.bilinear(source, size, scale, layer.settings["align_corners"])
            case "cat", _:
                return self._cat(inputs)
            case "pad", _:
                return self._cat([source, steps.zeros(source.size, layer.settings["extra"])])
            case "flatten", _:
                return self._flatten(layer, source)
        return self._torch(layer, inputs)

    def _check(self, layer: Layer, inputs: list[Value]) -> None:
        """Refuse what torch would refuse too; kernels look at nothing themselves."""
        source, scale = inputs[0], layer.settings.get("scale")
        size = source.size.enlarged(scale) if scale else layer.window.output(source.size)
        for wanted in layer.channels:
            if wanted != source.channels:
                raise InputError(f"{layer.name}: takes {wanted} channels, but {source.channels} come in")
        if min(size.height, size.width) < 1 or (layer.kind == "regions" and min(source.size.sides) < 2):
            sides = f"{source.size.height}x{source.size.width}"
            raise InputError(f"{layer.name}: a map of {sides} is smaller than the kernel; give larger pictures")
        if layer.kind == "cat" and any(value.size != source.size for value in inputs):
            raise InputError(f"{layer.name}: cannot join maps of different sizes; the pictures' sides do not suit")
        if layer.kind == "combine":
            self._check_pair(layer, source, inputs[1])
        if layer.kind == "add":
            factor, right = layer.settings["factor"], inputs[1]
            self._check_sum(layer, source, right.size.enlarged(factor), right.channels)
        if layer.residual is not None and isinstance(layer.weights, Dense):
            self._check_sum(layer, self.values[layer.residual], size, len(layer.weights.bias))

    def _check_sum(self, layer: Layer, left: Value, size: Map, channels: int) -> None:
        if (left.size, left.channels) != (size, channels):
            raise InputError(f"{layer.name}: cannot add maps of different sizes; the pictures' sides do not suit")

    def _check_pair(self, layer: Layer, left: Value, right: Value) -> None:
        if left.size != right.size or (left.channels != right.channels and 1 not in (left.channels, right.channels)):
            raise InputError(f"{layer.name}: these maps are not of one size and alike in channels; check the network")

    def _add(self, layer: Layer, inputs: list[Value]) -> Value:
        left, right = inputs
        factor = layer.settings["factor"]
        if in_lanes(right.size, left.size, factor):
            return self.steps.add(left, right, factor=factor, relu=layer.relu)
        larger = self.steps.enlarge(right, factor)
        total = self.steps.add(left, larger, relu=layer.relu)
        self.steps.release(larger)
        return total

    def _cat(self, inputs: list[Value]) -> Value:
        target = self.steps.value(inputs[0].size, sum(value.channels for value in inputs))
        first = 0
        for value in inputs:
            self.steps.transform(value, Prologue(), target, first)
            first += value.channels
        return target

    def _flatten(self, layer: Layer, source: Value) -> Value:
        if (source.size.height, source.size.width) != (1, 1):
            raise InputError(f"{layer.name}: the engine flattens maps of one pixel only; pool them to it first")
        return self.steps.transform(source, Prologue())

    def _torch(self, layer: Layer, inputs: list[Value]) -> Value:
        self._cut()
        module = self.modules[layer.settings["module"]]
        shape = module(*(np.zeros_like(_array(value)) for value in inputs)).shape
        if len(shape) not in (2, 4) or shape[0] != self.steps.images:
            raise InputError(f"{layer.name}: torch returns the shape {shape}; the engine needs (N, C, H, W)")
        output = self.steps.value(Map(*(shape[2:] or (1, 1))), shape[1])
        output.flat = len(shape) == 2
        self.pieces.append((module, inputs, output))
        return output


def _used(layer: Layer) -> tuple[int, ...]:
    return layer.inputs if layer.residual is None else (*layer.inputs, layer.residual)


def _array(value: Value) -> Images:
    """A value as torch has it."""
    array = layout.from_lanes(value.data, value.size)
    return array[:, :, 0, 0] if value.flat else array


def regions(settings: Mapping[str, Any], source: Value) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First rows and columns of fractional pooling's regions in evaluation, see `lbrn.models.pooling`.

    Args:
        settings: Attributes of the graph's node.
        source: The map that is pooled.

    Returns:
        (channels, output height) and (channels, output width).
    """
    ratios, channels = settings["ratios"], source.channels
    words = philox_words(len(ratios) * channels * 2, "fractional-evaluation-1", settings["name"], settings["draw"])
    uniform = ((words >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)).reshape(len(ratios), channels, 2)
    ratio, samples = ratios[settings["index"]], uniform[settings["index"]]
    height, width = (max(1, int(side * ratio)) for side in (source.size.height, source.size.width))
    return _starts(samples[:, 1], source.size.height, height), _starts(samples[:, 0], source.size.width, width)


def _starts(samples: NDArray[np.float32], source: int, target: int) -> NDArray[np.int64]:
    if target == 1:
        return np.full((len(samples), 1), source - 2, np.int64)
    alpha = np.float32(source - 2) / np.float32(target - 1)
    numbers = np.arange(target, dtype=np.float32)
    starts = ((numbers + samples[:, None]) * alpha).astype(np.int64) - (samples * alpha).astype(np.int64)[:, None]
    starts[:, -1] = source - 2
    return starts
