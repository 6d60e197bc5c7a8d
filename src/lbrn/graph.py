"""What a network computes, as plain data: the form in which model files and the engine know it. Loads no torch.

A graph lists its nodes in the order of computation. Maps are (N, C, H, W), flat values (N, F). No size is stored: the
networks are fully convolutional, and whoever runs a graph takes the sizes from the pictures. `docs/formats.md` says
what each operation means.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lbrn.errors import InputError

INPUT = "images"
"""The name of the first node, which stands for the pictures."""


@dataclass(frozen=True)
class Operation:
    """What nodes of one kind must have.

    Attributes:
        inputs: Number of inputs; None for any number from one on.
        attributes: Names of all attributes.
        tensors: Roles of the tensors that must be there.
        optional: Roles of those that may be.
    """

    inputs: int | None = 1
    attributes: tuple[str, ...] = ()
    tensors: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


_CONVOLUTION = ("kernel", "stride", "padding", "dilation", "groups")
_NORMALISATION = ("weight", "bias", "running_mean", "running_var")

OPERATIONS: dict[str, Operation] = {
    "input": Operation(0, ("multiple",)),
    "conv": Operation(1, _CONVOLUTION, ("weight",), ("bias",)),
    "ternary_conv": Operation(1, (*_CONVOLUTION, "filter")),
    "binary_conv": Operation(1, _CONVOLUTION, ("weight",)),
    "batch_norm": Operation(1, ("eps",), _NORMALISATION),
    "relu": Operation(),
    "sigmoid": Operation(),
    "sign": Operation(),
    "add": Operation(2),
    "multiply": Operation(2),
    "maximum": Operation(2),
    "stretch": Operation(1, ("eps",)),
    "cat": Operation(None),
    "pad_channels": Operation(1, ("extra",)),
    "max_pool": Operation(1, ("kernel", "stride", "padding")),
    "avg_pool": Operation(1, ("kernel", "stride", "padding", "count_include_pad")),
    "global_avg_pool": Operation(),
    "fractional_pool": Operation(1, ("ratios", "index", "name", "draw")),
    "upsample_nearest": Operation(1, ("scale",)),
    "resize_bilinear": Operation(2, ("align_corners",)),
    "resize_bilinear_scale": Operation(1, ("scale", "align_corners")),
    "flatten": Operation(),
    "linear": Operation(1, (), ("weight",), ("bias",)),
    "torch": Operation(None, ("module",)),
}
"""Every operation that a node can have; `torch` stands for a module of a torch network that only torch can run."""


@dataclass(frozen=True)
class Node:
    """One operation.

    Attributes:
        name: Unique name: the path of the module, or that of the module around it with the call's name behind.
        op: A key of `OPERATIONS`.
        inputs: Names of the nodes whose values go in.
        attributes: Settings in plain data.
        tensors: Role, such as `weight`, to the tensor's key in the network's `state_dict` and in the model file.
    """

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """A network's nodes in the order of computation, checked.

    Attributes:
        nodes: The first has the operation `input` and the name `images`.
        outputs: Names of the nodes whose values come out.
        is_list: Whether the network returns a list of its outputs, and not its only one as it is.

    Raises:
        InputError: An operation is unknown or wrongly used, a name is used twice, or an input comes from nowhere.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    is_list: bool

    def __post_init__(self) -> None:
        _check(self)

    def with_draw(self, draw: int) -> "Graph":
        """Return the same graph with another evaluation table in every fractional pooling, to average several.

        Args:
            draw: Index of the table, >= 0; see `lbrn.models.pooling`.
        """
        nodes = tuple(
            replace(node, attributes={**node.attributes, "draw": draw}) if node.op == "fractional_pool" else node
            for node in self.nodes
        )
        return replace(self, nodes=nodes)

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `from_json` reads; inputs and outputs are named by the positions of their nodes."""
        position = {node.name: index for index, node in enumerate(self.nodes)}
        return {
            "nodes": [
                [
                    node.name,
                    node.op,
                    [position[name] for name in node.inputs],
                    dict(node.attributes),
                    dict(node.tensors),
                ]
                for node in self.nodes
            ],
            "outputs": [position[name] for name in self.outputs],
            "is_list": self.is_list,
        }

    @classmethod
    def from_json(cls, data: Any) -> "Graph":
        """Read what `to_json` returned.

        Raises:
            InputError: The data is no graph, or the graph is not possible.
        """
        try:
            rows, is_list = list(data["nodes"]), data["is_list"]
            names = [row[0] for row in rows]
            nodes = tuple(_node(row, names) for row in rows)
            outputs = tuple(_named(names, index) for index in data["outputs"])
        except (TypeError, KeyError, ValueError, IndexError) as error:
            raise InputError(f"this is no graph of a network, or a damaged one: {error!r}") from error
        return cls(nodes, outputs, is_list)


def _node(row: Sequence[Any], names: Sequence[str]) -> Node:
    name, op, inputs, attributes, tensors = row
    return Node(name, op, tuple(_named(names, index) for index in inputs), dict(attributes), dict(tensors))


def _named(names: Sequence[str], index: int) -> str:
    if index < 0:
        raise IndexError(index)
    return names[index]


def _check(graph: Graph) -> None:
    if not graph.nodes or graph.nodes[0].op != "input" or graph.nodes[0].name != INPUT:
        raise InputError(f"a graph begins with the operation 'input' under the name {INPUT!r}; this one does not")
    known: set[str] = set()
    for node in graph.nodes:
        _check_node(node)
        if node.name in known:
            raise InputError(f"two nodes of the graph are named {node.name!r}: every node needs its own name")
        for name in node.inputs:
            if name not in known:
                raise InputError(f"node {node.name!r} takes {name!r}, which no node before it computes")
        if known and node.op == "input":
            raise InputError(f"node {node.name!r} is a second input; a graph has one")
        known.add(node.name)
    for name in graph.outputs:
        if name not in known:
            raise InputError(f"the graph's output {name!r} is not computed by any of its nodes")
    if not isinstance(graph.is_list, bool) or (len(graph.outputs) != 1 and not graph.is_list):
        raise InputError(f"a graph that returns no list has one output, not {len(graph.outputs)}")


def _check_node(node: Node) -> None:
    if not isinstance(node.name, str) or not node.name:
        raise InputError(f"node name {node.name!r} is not possible: it must be text")
    operation = OPERATIONS.get(node.op) if isinstance(node.op, str) else None
    if operation is None:
        raise InputError(f"node {node.name!r} has the unknown operation {node.op!r}; there are {', '.join(OPERATIONS)}")
    count = len(node.inputs)
    if count != operation.inputs and not (operation.inputs is None and count):
        raise InputError(f"node {node.name!r} ({node.op}) takes {operation.inputs or 'some'} inputs, not {count}")
    required, allowed = set(operation.tensors), {*operation.tensors, *operation.optional}
    if not required <= node.tensors.keys() <= allowed or not all(isinstance(key, str) for key in node.tensors.values()):
        raise InputError(f"node {node.name!r} ({node.op}) has tensors {dict(node.tensors)}; it takes {sorted(allowed)}")
    if node.attributes.keys() != set(operation.attributes):
        raise InputError(
            f"node {node.name!r} ({node.op}) has the attributes {sorted(node.attributes)}; "
            f"it takes {sorted(operation.attributes)}"
        )
    for key, value in node.attributes.items():
        fits, rule = _RULES[key]
        if not fits(value):
            raise InputError(f"node {node.name!r} ({node.op}) has {key} {value!r}; it must be {rule}")


def _whole(minimum: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= minimum


def _list_of(fits: Callable[[Any], bool], length: int | None = None) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and len(value) == (length or len(value)) and all(map(fits, value))


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


_FILTER = {
    "name": _text,
    "seed": _whole(0),
    "sparsity": lambda value: value == 0 or _positive(value),
    "scheme": _text,
    "shape": _list_of(_whole(1), 4),
}


def _filter(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == _FILTER.keys() and all(_FILTER[key](value[key]) for key in value)


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "multiple": (_whole(1), "what the sides of the pictures must be multiples of"),
    "kernel": (_list_of(_whole(1), 2), "a list of height and width"),
    "stride": (_list_of(_whole(1), 2), "a list of two whole numbers of 1 or more"),
    "padding": (_list_of(_whole(0), 2), "a list of two whole numbers of 0 or more"),
    "dilation": (_list_of(_whole(1), 2), "a list of two whole numbers of 1 or more"),
    "groups": (_whole(1), "a whole number of 1 or more"),
    "filter": (_filter, f"what the filter is drawn from: {', '.join(_FILTER)}"),
    "eps": (_positive, "a positive number"),
    "count_include_pad": (_flag, "true or false"),
    "extra": (_whole(1), "a whole number of 1 or more"),
    "ratios": (_list_of(_positive), "a list of positive numbers"),
    "index": (_whole(0), "the position of one of the ratios"),
    "name": (_text, "text"),
    "draw": (_whole(0), "a whole number of 0 or more"),
    "scale": (_positive, "a positive number"),
    "align_corners": (_flag, "true or false"),
    "module": (_text, "the path of a module"),
}
