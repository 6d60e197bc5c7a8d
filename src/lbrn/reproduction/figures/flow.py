"""A traced block as the boxes of a diagram: each convolution with what comes directly before it, sums, joins."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import nn

from lbrn.graph import Graph, Node
from lbrn.trace import trace

BEFORE = {"batch_norm": "BN", "relu": "ReLU", "sigmoid": "sigmoid", "sign": "sign"}
KINDS = {"conv": "real", "ternary_conv": "fixed", "binary_conv": "binary"}


@dataclass(frozen=True)
class Box:
    """One box or circle of a diagram.

    Attributes:
        name: Unique name: the node of the graph in which it ends.
        kind: `real`, `fixed` or `binary` for a convolution; `step` for normalisation and activation alone; `add`;
            `cat`; `input` for what comes in.
        inputs: Names of the boxes whose values go in.
        before: What is done to the input of a convolution, in order, such as BN and ReLU.
        kernel: Side of the kernel; None where it is no convolution.
        channels: In and out; None where it is no convolution.
        after: What is done to its output.
    """

    name: str
    kind: str
    inputs: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    kernel: int | None = None
    channels: tuple[int, int] | None = None
    after: tuple[str, ...] = ()


def boxes(block: nn.Module) -> list[Box]:
    """The boxes of a block, from what it computes.

    Args:
        block: A module of one input that `lbrn.trace` can follow.

    Returns:
        Boxes in the order of computation; the first is the input, the last the output.
    """
    return _Reader(trace(block), {name: tuple(tensor.shape) for name, tensor in block.state_dict().items()}).read()


class _Reader:
    def __init__(self, graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.graph = graph
        self.shapes = shapes
        used = [name for node in graph.nodes for name in _inputs(node)]
        self.consumers = Counter([*used, *graph.outputs])
        self.boxes: dict[str, Box] = {}
        self.pending: dict[str, tuple[str, tuple[str, ...]]] = {}
        """Node to the box that it comes from and what was done since."""

    def read(self) -> list[Box]:
        for node in self.graph.nodes:
            self._read(node)
        return list(self.boxes.values())

    def _read(self, node: Node) -> None:
        if node.op in KINDS:
            source, before = self.pending[node.inputs[0]]
            kernel, channels = self._geometry(node)
            self._put(Box(node.name, KINDS[node.op], (source,), before, kernel, channels))
        elif node.op in BEFORE or node.op == "fractional_pool":
            self._wait(node)
        elif node.op == "resize_bilinear":
            source, _ = self.pending[node.inputs[0]]
            self.boxes[source] = replace(self.boxes[source], after=(*self.boxes[source].after, "enlarge"))
            self.pending[node.name] = (source, ())
        else:
            self._put(Box(node.name, node.op, self._joined(node)))

    def _wait(self, node: Node) -> None:
        """Keep a step for the convolution behind it, or make it a box of its own where several things follow."""
        source, before = self.pending[node.inputs[0]]
        name = BEFORE.get(node.op) or f"pool to {node.attributes['ratios'][node.attributes['index']]:.2f}"
        self.pending[node.name] = (source, (*before, name))
        if self.consumers[node.name] > 1:
            self._put(Box(node.name, "step", (source,), (*before, name)))

    def _joined(self, node: Node) -> tuple[str, ...]:
        """The inputs of a sum or join; a sum that goes into another sum only is part of it."""
        found: list[str] = []
        for name in node.inputs:
            source = self.pending[name][0]
            box = self.boxes[source]
            if node.op == box.kind == "add" and self.consumers[name] == 1:
                found += self.boxes.pop(source).inputs
            else:
                found.append(source)
        return tuple(found)

    def _put(self, box: Box) -> None:
        self.boxes[box.name] = box
        self.pending[box.name] = (box.name, ())

    def _geometry(self, node: Node) -> tuple[int, tuple[int, int]]:
        shape: Sequence[int]
        if node.op == "ternary_conv":
            shape = node.attributes["filter"]["shape"]
        else:
            shape = self.shapes[node.tensors["weight"]]
        return int(shape[2]), (int(shape[1]), int(shape[0]))


def _inputs(node: Node) -> tuple[str, ...]:
    """What a node computes with; of a resize only the map, not the one that says how large."""
    return node.inputs[:1] if node.op == "resize_bilinear" else node.inputs
