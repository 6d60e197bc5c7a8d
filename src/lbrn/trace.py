"""From a torch network to the plain graph of what it computes in evaluation (`lbrn.graph`)."""

import inspect
import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import fx, nn

from lbrn import trace_rules as rules
from lbrn.errors import InputError
from lbrn.graph import INPUT, Graph, Node
from lbrn.models.hourglass import Pictures
from lbrn.models.pooling import FractionalPooling
from lbrn.trace_rules import Step, Steps, UnsupportedError, Value, demand


def trace(network: nn.Module, *, allow_opaque: bool = False) -> Graph:
    """Write down what a network computes in evaluation, whatever mode it is in.

    Args:
        network: Any network of one input whose modules and calls the graph has operations for. Its forward must not
            decide by values or sizes.
        allow_opaque: Whether what the graph has no operation for becomes a node `torch` that names the module: the
            layer itself, or the smallest module whose forward contains the call.

    Returns:
        The graph, without nodes that no output needs.

    Raises:
        InputError: A module or call has no operation; with `allow_opaque`, only if the network's own forward has it.
    """
    opaque: set[str] = set()
    with _evaluation(network):
        while True:
            nodes, outputs, is_list, refused = _attempt(network, opaque)
            if not refused:
                return Graph(_needed(nodes, outputs), outputs, is_list)
            if not allow_opaque or "" in refused:
                raise InputError(_complaint(refused))
            opaque |= refused.keys()


def _complaint(refused: Mapping[str, str]) -> str:
    if "" in refused:
        return f'{refused[""]}; move it into a module of its own, which compile(..., fallback="torch") leaves to torch'
    path, reason = next(iter(refused.items()))
    others = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    return f'{reason}{others}; compile(..., fallback="torch") leaves {path!r} and its like to torch'


@contextmanager
def _evaluation(network: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


class _Tracer(fx.Tracer):
    """Follows a forward into every module that has no rule, is not torch's own and not to be left opaque."""

    def __init__(self, opaque: Collection[str]) -> None:
        super().__init__()
        self.opaque = opaque
        self.inside = [""]
        """Paths of the modules whose forward is being followed; after a failure, where it happened."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        known = type(m) in rules.MODULES or isinstance(m, FractionalPooling) or module_qualified_name in self.opaque
        return known or super().is_leaf_module(m, module_qualified_name)

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        path = self.path_of_module(m)
        if self.is_leaf_module(m, path):
            result = super().call_module(m, forward, args, kwargs)
            if isinstance(m, FractionalPooling) and path not in self.opaque:
                return [result[index] for index in range(len(m.ratios))]
            return result
        self.inside.append(path)
        result = super().call_module(m, forward, args, kwargs)
        self.inside.pop()
        return result

    def create_node(self, *args: Any, **kwargs: Any) -> fx.Node:
        node = super().create_node(*args, **kwargs)
        node.meta["inside"] = self.inside[-1]
        return node


def _attempt(
    network: nn.Module, opaque: Collection[str]
) -> tuple[list[Node], tuple[str, ...], bool, Mapping[str, str]]:
    """Nodes, outputs, whether they are a list, and by path what was refused, which makes the rest worthless."""
    tracer = _Tracer(opaque)
    try:
        followed = tracer.trace(network)
    except Exception as error:  # what a forward does with the tracer's stand-ins for tensors may fail in any way
        path = tracer.inside[-1]
        kind = type(network.get_submodule(path)).__name__
        told = str(error).partition("\n")[0]
        return [], (), False, {path: f"{_place(path)} ({kind}) cannot be traced: {type(error).__name__}: {told}"}
    return _Builder(network, opaque).build(followed)


def _place(path: str) -> str:
    return path or "the network's own forward"


_WORTHLESS = object()
"""The value of what was refused, and of all that is computed from it."""

_STAYS_FLAT = {"relu", "sigmoid", "sign", "add", "multiply", "maximum", "cat"}


class _Builder:
    """Turns the nodes of torch's tracer, one after another, into those of a graph."""

    def __init__(self, network: nn.Module, opaque: Collection[str]) -> None:
        self.modules = dict(network.named_modules(remove_duplicate=False))
        self.stored = network.state_dict().keys()
        self.opaque = opaque
        self.nodes: list[Node] = []
        self.names = {INPUT}
        self.flat: set[str] = set()
        self.values: dict[fx.Node, Any] = {}
        self.refused: dict[str, str] = {}
        self.multiple = 1

    def build(self, followed: fx.Graph) -> tuple[list[Node], tuple[str, ...], bool, Mapping[str, str]]:
        outputs: Any = None
        for node in followed.nodes:
            args, kwargs = fx.node.map_aggregate((node.args, node.kwargs), self._value)
            if node.op == "output":
                outputs = args[0]
            elif any(self.values[source] is _WORTHLESS for source in node.all_input_nodes):
                self.values[node] = _WORTHLESS
            else:
                self._follow(node, args, kwargs)
        is_list = isinstance(outputs, list | tuple)
        returned = list(outputs) if is_list else [outputs]
        if not self.refused and not all(isinstance(value, Value) for value in returned):
            self.refused[""] = f"{_place('')} returns something else than a tensor or a list of tensors"
        names = () if self.refused else tuple(value.name for value in returned)
        first = Node(INPUT, "input", (), {"multiple": self.multiple})
        return [first, *self.nodes], names, is_list, self.refused

    def _value(self, argument: Any) -> Any:
        return self.values[argument] if isinstance(argument, fx.Node) else argument

    def _follow(self, node: fx.Node, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        inside, target = node.meta["inside"], node.target
        # Whom to blame: a layer for itself, but whoever calls it for what goes into one that is opaque already.
        blamed, who = inside, f"{_place(inside)}: {node.op} {getattr(target, '__name__', target)!r}"
        try:
            if node.op == "call_module":
                path = str(target)
                if path not in self.opaque:
                    blamed = path
                who = f"{path} ({type(self.modules[path]).__name__})"
                self.values[node] = self._module(path, args, kwargs)
            elif node.op == "placeholder":
                demand(not self.values, "is a second input of the network; a graph has one")
                self.values[node] = Value(INPUT)
            elif node.op == "get_attr":
                raise UnsupportedError("is used directly; only layers may use tensors of the network")
            else:
                self.values[node] = self._call(target, args, kwargs, inside)
        except UnsupportedError as error:
            self.values[node] = _WORTHLESS
            self.refused.setdefault(blamed, f"{who} {error}")

    def _module(self, path: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        module = self.modules[path]
        if path in self.opaque:
            demand(args and not kwargs, "takes other arguments than values by position")
            return self._emit(Steps(args, (Step("torch", {"module": path}),)), path, path)
        fractional = isinstance(module, FractionalPooling)
        demand(fractional or type(module) in rules.MODULES, "is a kind of module that the graph has no operation for")
        demand(len(args) == 1 and not kwargs, "takes other arguments than one value")
        demand(not module._forward_hooks and not module._forward_pre_hooks, "has hooks on its forward")
        if isinstance(module, FractionalPooling):
            outputs = [rules.fractional(module, args[0], index) for index in range(len(module.ratios))]
            return [self._emit(output, f"{path}.{index}", path) for index, output in enumerate(outputs)]
        if isinstance(module, nn.Linear):
            demand(isinstance(args[0], Value) and args[0].name in self.flat, "works on maps; flatten them before it")
        if isinstance(module, Pictures) and args[0] == Value(INPUT):
            self.multiple = math.lcm(self.multiple, module.multiple)
        return self._emit(rules.MODULES[type(module)](module, args[0]), path, path)

    def _call(self, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], inside: str) -> Any:
        rule = rules.CALLS.get(target)
        if rule is None:
            raise UnsupportedError("is a call that the graph has no operation for")
        try:
            inspect.signature(rule).bind(*args, **kwargs)
        except TypeError as error:
            raise UnsupportedError(f"has arguments that are not known: {error}") from error
        made = rule(*args, **kwargs)
        if not isinstance(made, Steps):
            return made
        # With its brackets no call is named as a module is.
        return self._emit(made, ".".join(filter(None, (inside, f"{getattr(target, '__name__', target)}()"))), inside)

    def _emit(self, made: Steps, name: str, path: str) -> Value:
        demand(all(isinstance(value, Value) for value in made.inputs), "takes something else than values of layers")
        inputs = tuple(value.name for value in made.inputs)
        for step in made.steps:
            tensors = {role: f"{path}.{role}" for role in step.tensors}
            for key in tensors.values():
                demand(key in self.stored, f"computes {key}, which is no tensor of the network's state_dict")
            node = Node(self._unused(name), step.op, inputs, step.attributes, tensors)
            self.nodes.append(node)
            if step.op in ("flatten", "linear") or (step.op in _STAYS_FLAT and inputs[0] in self.flat):
                self.flat.add(node.name)
            name, inputs = f"{name}.{step.op}", (node.name,)
        result = Value(inputs[0])
        if made.in_place:
            # Whoever holds the overwritten tensor sees the result from now on.
            overwritten = made.inputs[0]
            self.values = {node: result if value == overwritten else value for node, value in self.values.items()}
        return result

    def _unused(self, name: str) -> str:
        """The name, with a number behind it where a module is called again or a call repeated."""
        numbered = (f"{name}@{count}" for count in itertools.count(2))
        found = next(one for one in itertools.chain([name], numbered) if one not in self.names)
        self.names.add(found)
        return found


def _needed(nodes: Sequence[Node], outputs: Collection[str]) -> tuple[Node, ...]:
    needed = {INPUT, *outputs}
    kept = []
    for node in reversed(nodes):
        if node.name in needed:
            needed.update(node.inputs)
            kept.append(node)
    return tuple(reversed(kept))
