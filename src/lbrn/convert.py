"""Replace the 3x3 convolutions of any torch network by fixed ternary filters, and say what was replaced and why."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from lbrn import cost, ternary
from lbrn.errors import InputError
from lbrn.layers import LocalBinaryConv2d, fixed_layers
from lbrn.replacement import Localized, Recipe, exchange, replace
from lbrn.trace import trace

Where = str | Sequence[str] | Callable[[str, nn.Conv2d], bool]
PICTURE_CHANNELS = 3
"""Channels that a picture has at most; what takes so few is kept unless it is named."""

_NORMALISATIONS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


@dataclass(frozen=True)
class Decision:
    """What became of one two-dimensional convolution.

    Attributes:
        path: Where it is in the network.
        kind: Kernel, channels and geometry in words.
        replaced: Whether fixed filters stand in its place now.
        reason: How it was replaced, or why not.
    """

    path: str
    kind: str
    replaced: bool
    reason: str


@dataclass(frozen=True)
class Conversion:
    """What `localize` did.

    Attributes:
        decisions: One for each two-dimensional convolution, in the order of the network.
        before: Costs before, by the names of `lbrn.cost.Ledger`; operations only where an input shape was given.
        after: Costs after.
        note: Why operations are not among the costs; empty where they are.
    """

    decisions: tuple[Decision, ...]
    before: Mapping[str, int]
    after: Mapping[str, int]
    note: str

    @property
    def replaced(self) -> list[str]:
        """Paths of the convolutions that were replaced."""
        return [decision.path for decision in self.decisions if decision.replaced]

    @property
    def refused(self) -> dict[str, str]:
        """Why the others were not, by path."""
        return {decision.path: decision.reason for decision in self.decisions if not decision.replaced}

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        decisions = [vars(decision) for decision in self.decisions]
        return {"decisions": decisions, "before": dict(self.before), "after": dict(self.after), "note": self.note}

    def __str__(self) -> str:
        told = [(one.path, one.kind, "fixed" if one.replaced else "kept", one.reason) for one in self.decisions]
        widths = [max((len(row[column]) for row in told), default=0) for column in range(3)]
        lines = [f"{len(self.replaced)} of {len(told)} convolutions have fixed filters now"]
        lines += ["  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]])
                  for row in told]  # fmt: skip
        lines += [f"{name:12} {value:>15,} -> {self.after[name]:>15,}" for name, value in self.before.items()]
        return "\n".join([*lines, self.note] if self.note else lines)


def localize(
    network: nn.Module,
    *,
    sparsity: float = 0.5,
    seed: int = 0,
    where: Where | None = None,
    form: Literal["drop-in", "lbb"] = "drop-in",
    input_shape: Sequence[int] | None = None,
) -> Conversion:
    """Replace the 3x3 convolutions of a network, in place, by fixed ternary filters.

    The filters are random: the network must be trained afterwards. Replaced are learned 3x3 convolutions of any stride,
    dilation, padding and number of groups. Kept are other kernels, transposed and depthwise convolutions, what shares
    its weight with another module, what has hooks, parametrizations or a forward of its own, and convolutions of at
    most three channels (the picture's) unless `where` names them.

    Args:
        network: Any torch network; only its layers change, optimisers must be made anew.
        sparsity: Share of NON-zero weights of the fixed filters, 0 .. 1.
        seed: Filter seed, >= 0; with the layers' paths it decides all filters.
        where: Which convolutions: patterns of paths such as `"layer3.*"`, or a function of path and layer.
        form: `drop-in`: fixed filters where the convolution was; followed by a learned factor for each filter and the
            old bias, unless a normalisation comes next. `lbb`: as in the paper's block, with batch normalisation, ReLU
            and a learned 1x1 convolution behind the fixed filters.
        input_shape: Shape of an input without the batch, such as (3, 224, 224), to count operations too.

    Returns:
        What was replaced and what not, and why; print it.

    Raises:
        InputError: A setting is not possible, `where` names no convolution, the network is itself a convolution or has
            lazy layers. It is unchanged then.
    """
    if form not in ("drop-in", "lbb"):
        raise InputError(f"form {form!r} is unknown; use 'drop-in' or 'lbb'")
    ternary.draw((1,), sparsity, seed=seed, name="checked")  # refuses what is not possible before anything is done
    if isinstance(network, _ConvNd):
        raise InputError("the network is itself a convolution, which cannot be replaced in place: put it into a module")
    if any(isinstance(module, nn.modules.lazy.LazyModuleMixin) for module in network.modules()):
        raise InputError("the network has lazy layers, whose channels are not known yet: run it once, then convert it")
    before, note = _costs(network, input_shape)
    judged = list(_judged(network, where))
    normalised = _normalised(network)
    taken = fixed_layers(network)
    made: dict[nn.Module, nn.Module] = {}
    decisions = []
    for path, convolution, refusal in judged:
        reason = refusal
        if not reason and path in taken:
            reason = "another layer's fixed filters have this path's name"
        if not reason:
            bare = normalised(path, convolution)
            recipe = Recipe("lbb" if form == "lbb" else "drop-in" if bare else "scaled", path, sparsity, seed)
            made[convolution] = replace(convolution, recipe)
        decisions.append(Decision(path, _kind(convolution), not reason, reason or _HOW[recipe.form]))
    exchange(network, made)
    after, note = _costs(network, input_shape)
    return Conversion(tuple(decisions), before, after, note)


_HOW = {
    "drop-in": "fixed filters alone: a normalisation follows",
    "scaled": "fixed filters with a learned factor each, and the bias if there was one",
    "lbb": "fixed filters, batch normalisation, ReLU, learned 1x1",
}


def _judged(network: nn.Module, where: Where | None) -> Iterator[tuple[str, nn.Conv2d, str]]:
    """Path, layer and refusal (empty: none) of each two-dimensional convolution."""
    owners = Counter(parameter for module in network.modules() for parameter in module._parameters.values())
    inside = {layer for module in network.modules() if isinstance(module, Localized) for layer in module.modules()}
    chosen, named = _chooser(where), False
    for path, module in network.named_modules():
        flat = isinstance(module, _ConvNd | LocalBinaryConv2d) and len(module.kernel_size) == 2
        if not flat or (module in inside and isinstance(module, nn.Conv2d)):
            continue
        refusal = _impossible(module, owners)
        if not refusal and not chosen(path, module):
            refusal = "where does not choose it"
        elif not refusal:
            named = True
            if where is None and module.in_channels <= PICTURE_CHANNELS:
                refusal = f"takes {module.in_channels} channels only, a picture's; name it in `where` to replace it too"
        yield path, module, refusal
    if where is not None and not named:
        raise InputError(f"where={where!r} chooses no convolution that can be replaced; see localize's report without")


def _impossible(module: Any, owners: Mapping[Any, int]) -> str:
    if isinstance(module, LocalBinaryConv2d):
        return "is fixed already"
    if isinstance(module, _ConvTransposeNd):
        return "is a transposed convolution"
    if type(module) is not nn.Conv2d:
        return f"is a {type(module).__name__}: what it does besides Conv2d is not known"
    if tuple(module.kernel_size) != (3, 3):
        return f"is {module.kernel_size[0]}x{module.kernel_size[1]}, not 3x3"
    if module.groups == module.in_channels > 1:
        return "is depthwise: each filter sees one channel, and fixed ones would have nothing to choose from"
    if owners[module.weight] > 1:
        return "shares its weight with another module"
    if module._forward_hooks or module._forward_pre_hooks or module._backward_hooks:
        return "has hooks, which would be lost"
    return ""


def _chooser(where: Where | None) -> Callable[[str, nn.Conv2d], bool]:
    if where is None:
        return lambda path, layer: True
    if callable(where):
        return lambda path, layer: bool(where(path, layer))
    patterns = [where] if isinstance(where, str) else list(where)
    return lambda path, layer: any(fnmatchcase(path, pattern) for pattern in patterns)


def _kind(layer: nn.Conv2d | LocalBinaryConv2d) -> str:
    known = layer.geometry if isinstance(layer, LocalBinaryConv2d) else vars(layer)
    words = [f"{layer.kernel_size[0]}x{layer.kernel_size[1]}", f"{layer.in_channels}->{layer.out_channels}"]
    for name in ("stride", "dilation"):
        if set(known[name]) != {1}:
            words.append(f"{name} {known[name][0] if len(set(known[name])) == 1 else known[name]}")
    return " ".join([*words, f"groups {known['groups']}"] if known["groups"] > 1 else words)


def _normalised(network: nn.Module) -> Callable[[str, nn.Conv2d], bool]:
    """Whether nothing but normalisations takes what a convolution computes."""
    try:
        graph = trace(network, allow_opaque=True)
    except InputError:  # then a missing bias tells: it is left out where a normalisation follows
        return lambda path, layer: layer.bias is None
    takers: dict[str, list[bool]] = {name: [False] for name in graph.outputs}
    for node in graph.nodes:
        module = network.get_submodule(node.attributes["module"]) if node.op == "torch" else None
        norm = node.op == "batch_norm" or isinstance(module, _NORMALISATIONS)
        for name in node.inputs:
            takers.setdefault(name, []).append(norm)
    names: dict[str, list[str]] = {}
    for node in graph.nodes:
        names.setdefault(node.name.partition("@")[0], []).append(node.name)

    def known(path: str, layer: nn.Conv2d) -> bool:
        places = names.get(path)
        if places is None:  # in a part of the network that could not be traced
            return layer.bias is None
        return all(all(takers.get(name, [False])) for name in places)

    return known


def _costs(network: nn.Module, input_shape: Sequence[int] | None) -> tuple[dict[str, int], str]:
    if input_shape is None:
        return cost.weights(network), "operations: give input_shape, such as (3, 224, 224), to have them counted"
    try:
        return cost.ledger(network, tuple(input_shape), batch=1).as_dict(), ""
    except InputError as error:
        return cost.weights(network), f"operations are not counted: {error}"
