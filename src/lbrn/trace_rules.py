"""What each torch module and call is in a graph: one rule each, or a refusal that says why there is none.

A rule for a call has the call's own signature, so that arguments bind as torch binds them. A rule for a module takes
the module and its input. Where torch's arguments leave what the graph's operations can say, a rule refuses.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from lbrn.layers import BinaryConv2d, LocalBinaryConv2d, Sign
from lbrn.models.attention import Stretch
from lbrn.models.hourglass import Pictures
from lbrn.models.pooling import FractionalPooling


class UnsupportedError(Exception):
    """A module or call that no operation of the graph stands for; the text goes on after its name."""


@dataclass(frozen=True)
class Value:
    """The value of a node of the graph."""

    name: str


@dataclass(frozen=True)
class Sizes:
    """Sides of a value: one as its dimension, several as a tuple of theirs."""

    of: Value
    sides: int | tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """One node to be made: operation, attributes and the roles of its tensors."""

    op: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    tensors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Steps:
    """What a module or call comes to.

    Attributes:
        inputs: Values that go into the first step.
        steps: One after another; none where the value passes unchanged.
        in_place: Whether torch overwrites the first input with the result.
    """

    inputs: Sequence[Any]
    steps: tuple[Step, ...] = ()
    in_place: bool = False


def demand(holds: object, otherwise: str) -> None:
    """Refuse with a reason unless something holds."""
    if not holds:
        raise UnsupportedError(otherwise)


def _pair(value: Any) -> list[int]:
    pair = [value, value] if isinstance(value, int) else list(value)
    demand(len(pair) == 2 and all(isinstance(side, int) for side in pair), f"has a setting {value!r} that is no pair")
    return pair


def relu(input: Any, inplace: bool = False) -> Steps:
    """Rule of `F.relu`."""
    return Steps((input,), (Step("relu"),), inplace)


def sigmoid(input: Any) -> Steps:
    """Rule of `torch.sigmoid`."""
    return Steps((input,), (Step("sigmoid"),))


def add(input: Any, other: Any, *, alpha: Any = 1) -> Steps:
    """Rule of `+` and `torch.add`."""
    demand(isinstance(input, Value) and isinstance(other, Value), "adds a constant")
    demand(alpha == 1, f"adds with the factor alpha={alpha}")
    return Steps((input, other), (Step("add"),))


def multiply(input: Any, other: Any) -> Steps:
    """Rule of `*` and `torch.mul`."""
    demand(isinstance(input, Value) and isinstance(other, Value), "multiplies by a constant")
    return Steps((input, other), (Step("multiply"),))


def maximum(input: Any, other: Any) -> Steps:
    """Rule of `torch.maximum`."""
    demand(isinstance(input, Value) and isinstance(other, Value), "compares with a constant")
    return Steps((input, other), (Step("maximum"),))


def _in_place(rule: Callable[..., Steps]) -> Callable[..., Steps]:
    def overwriting(input: Any, *others: Any) -> Steps:
        made = rule(input, *others)
        return Steps(made.inputs, made.steps, in_place=True)

    return overwriting


def cat(tensors: Any, dim: int = 0) -> Steps:
    """Rule of `torch.cat`."""
    demand(dim in (1, -3), f"joins along dimension {dim}, not along the channels")
    return Steps(tuple(tensors), (Step("cat"),))


def pad(input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Steps:
    """Rule of `F.pad`: channels of zeros behind the others only."""
    known = mode == "constant" and not value and len(pad) == 6 and not any(pad[:5])
    demand(known and pad[5] >= 0, f"pads by {list(pad)}; only zeros behind the channels are known")
    return Steps((input,), (Step("pad_channels", {"extra": pad[5]}),) if pad[5] else ())


def max_pool(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Steps:
    """Rule of `F.max_pool2d`."""
    demand(_pair(dilation) == [1, 1], f"pools with dilation {dilation}")
    demand(not return_indices, "returns the indices of the maxima")
    return Steps((input,), (Step("max_pool", _window(kernel_size, stride, padding, ceil_mode)),))


def avg_pool(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Steps:
    """Rule of `F.avg_pool2d`."""
    demand(divisor_override is None, f"divides by {divisor_override}, not by the size of the window")
    window = _window(kernel_size, stride, padding, ceil_mode)
    return Steps((input,), (Step("avg_pool", {**window, "count_include_pad": count_include_pad}),))


def _window(kernel: Any, stride: Any, padding: Any, ceil_mode: bool) -> dict[str, Any]:
    demand(not ceil_mode, "rounds the size up (ceil_mode)")
    return {"kernel": _pair(kernel), "stride": _pair(stride or kernel), "padding": _pair(padding)}


def adaptive_avg_pool(input: Any, output_size: Any) -> Steps:
    """Rule of `F.adaptive_avg_pool2d`."""
    demand(_pair(output_size) == [1, 1], f"pools to {output_size}; only 1, the mean of the whole map, is known")
    return Steps((input,), (Step("global_avg_pool"),))


def mean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Steps:
    """Rule of `torch.mean`."""
    known = isinstance(dim, list | tuple) and sorted(side % 4 for side in dim) == [2, 3]
    demand(known and dtype is None, f"takes the mean over {dim}; only that over height and width, (2, 3), is known")
    return Steps((input,), (Step("global_avg_pool"),) if keepdim else (Step("global_avg_pool"), Step("flatten")))


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Steps:
    """Rule of `torch.flatten`."""
    known = start_dim == 1 and end_dim in (-1, 3)
    demand(known, f"flattens dimensions {start_dim} to {end_dim}; only all from 1 on are known")
    return Steps((input,), (Step("flatten"),))


def view(input: Any, *shape: Any) -> Steps:
    """Rule of `Tensor.view` and `Tensor.reshape`: (batch, everything else) only."""
    sides = shape[0] if len(shape) == 1 else shape
    known = isinstance(sides, list | tuple) and len(sides) == 2 and sides[1] == -1
    batch = known and isinstance(sides[0], Sizes) and sides[0].sides == 0
    demand(batch, "changes the shape; only x.flatten(1) and x.view(x.size(0), -1) are known")
    return Steps((input,), (Step("flatten"),))


def interpolate(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Steps:
    """Rule of `F.interpolate`."""
    demand(mode in ("nearest", "bilinear"), f"enlarges with mode {mode!r}; nearest and bilinear are known")
    demand(not recompute_scale_factor and not antialias, "enlarges with recompute_scale_factor or antialias")
    corners = {"align_corners": bool(align_corners)}
    if size is not None:
        demand(mode == "bilinear", "enlarges to a given size with mode 'nearest'; only a scale_factor is known there")
        return Steps((input, _map_of(size)), (Step("resize_bilinear", corners),))
    factors = {float(factor) for factor in (scale_factor if isinstance(scale_factor, list | tuple) else [scale_factor])}
    demand(len(factors) == 1, f"enlarges height and width differently ({scale_factor})")
    scale = factors.pop()
    if mode == "bilinear":
        return Steps((input,), (Step("resize_bilinear_scale", {"scale": scale, **corners}),))
    demand(scale.is_integer(), f"enlarges by {scale} with mode 'nearest'; only whole factors are known there")
    return Steps((input,), (Step("upsample_nearest", {"scale": int(scale)}),))


def _map_of(size: Any) -> Value:
    """The value whose height and width a size is."""
    if isinstance(size, Sizes) and size.sides == (2, 3):
        return size.of
    if isinstance(size, list | tuple) and len(size) == 2:
        height, width = size
        whole = isinstance(height, Sizes) and isinstance(width, Sizes) and height.of == width.of
        if whole and (height.sides, width.sides) == (2, 3):
            return Value(height.of.name)
    raise UnsupportedError(f"enlarges to the size {size}; only the height and width of another map are known")


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Steps:
    """Rule of `F.dropout`: nothing, as in evaluation."""
    demand(not training, "drops at random in evaluation too; give training=self.training")
    return Steps((input,))


def contiguous(input: Any, *, memory_format: Any = None) -> Steps:
    """Rule of `Tensor.contiguous`: nothing, for a graph knows no layout."""
    return Steps((input,))


def size(input: Any, dim: int | None = None) -> Sizes:
    """Rule of `Tensor.size`."""
    sides = (0, 1, 2, 3)
    return Sizes(input, sides if dim is None else sides[dim])


def item(whole: Any, index: Any) -> Any:
    """Rule of `[]`, on sizes and lists of values."""
    if isinstance(whole, Sizes) and isinstance(whole.sides, tuple):
        return Sizes(whole.of, whole.sides[index])
    demand(isinstance(whole, list), "takes a part of a value")
    return whole[index]


def attribute(value: Any, name: str) -> Sizes:
    """Rule of `Tensor.shape`."""
    demand(isinstance(value, Value) and name == "shape", f"reads the attribute {name!r} of a value")
    return size(value)


CALLS: dict[Any, Callable[..., Any]] = {
    operator.add: add,
    operator.iadd: _in_place(add),
    operator.mul: multiply,
    operator.getitem: item,
    getattr: attribute,
    torch.add: add,
    torch.cat: cat,
    torch.concat: cat,
    torch.flatten: flatten,
    torch.maximum: maximum,
    torch.mean: mean,
    torch.mul: multiply,
    torch.relu: relu,
    torch.relu_: _in_place(relu),
    torch.sigmoid: sigmoid,
    F.relu: relu,
    F.sigmoid: sigmoid,
    F.max_pool2d: max_pool,
    F.avg_pool2d: avg_pool,
    F.adaptive_avg_pool2d: adaptive_avg_pool,
    F.interpolate: interpolate,
    F.pad: pad,
    F.dropout: dropout,
    F.dropout2d: dropout,
    # Methods of tensors, by name.
    "add": add,
    "add_": _in_place(add),
    "contiguous": contiguous,
    "flatten": flatten,
    "mean": mean,
    "mul": multiply,
    "relu": relu,
    "relu_": _in_place(relu),
    "reshape": view,
    "sigmoid": sigmoid,
    "sigmoid_": _in_place(sigmoid),
    "size": size,
    "view": view,
}
"""Rules of functions and methods."""


def _geometry(kernel: Any, stride: Any, padding: Any, dilation: Any, groups: int, mode: str) -> dict[str, Any]:
    demand(mode == "zeros", f"pads with padding_mode {mode!r}; only zeros are known")
    sides, spread = _pair(kernel), _pair(dilation)
    if padding == "valid":
        padding = 0
    elif padding == "same":
        around = [step * (side - 1) for side, step in zip(sides, spread, strict=True)]
        demand(all(total % 2 == 0 for total in around), f"pads a kernel of {sides} unevenly (padding='same')")
        padding = [total // 2 for total in around]
    return {
        "kernel": sides, "stride": _pair(stride), "padding": _pair(padding), "dilation": spread, "groups": groups,
    }  # fmt: skip


def _weights(layer: nn.Conv2d | nn.Linear) -> tuple[str, ...]:
    return ("weight",) if layer.bias is None else ("weight", "bias")


def _learned(op: str) -> Callable[[nn.Conv2d, Any], Steps]:
    def rule(layer: nn.Conv2d, value: Any) -> Steps:
        geometry = _geometry(
            layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.groups, layer.padding_mode
        )
        return Steps((value,), (Step(op, geometry, _weights(layer)),))

    return rule


def _ternary(layer: LocalBinaryConv2d, value: Any) -> Steps:
    known = layer.geometry
    geometry = _geometry(
        layer.kernel_size, known["stride"], known["padding"], known["dilation"], known["groups"], known["padding_mode"]
    )
    drawn = {"name": layer.name, "seed": layer.seed, "sparsity": layer.sparsity, "scheme": layer.scheme}
    shape = [int(side) for side in layer.weight.shape]
    return Steps((value,), (Step("ternary_conv", {**geometry, "filter": {**drawn, "shape": shape}}),))


def _batch_norm(layer: nn.BatchNorm2d, value: Any) -> Steps:
    demand(layer.affine, "has no weight and bias (affine=False)")
    demand(layer.track_running_stats, "has no running statistics (track_running_stats=False)")
    return Steps((value,), (Step("batch_norm", {"eps": layer.eps}, ("weight", "bias", "running_mean", "running_var")),))


def _upsample(layer: nn.Upsample, value: Any) -> Steps:
    return interpolate(
        value, layer.size, layer.scale_factor, layer.mode, layer.align_corners, layer.recompute_scale_factor
    )


def _unchanged(layer: nn.Module, value: Any) -> Steps:
    return Steps((value,))


MODULES: dict[type[nn.Module], Callable[[Any, Any], Steps]] = {
    nn.Conv2d: _learned("conv"),
    BinaryConv2d: _learned("binary_conv"),
    LocalBinaryConv2d: _ternary,
    nn.BatchNorm2d: _batch_norm,
    nn.Linear: lambda layer, value: Steps((value,), (Step("linear", {}, _weights(layer)),)),
    nn.ReLU: lambda layer, value: relu(value, layer.inplace),
    nn.Sigmoid: lambda layer, value: sigmoid(value),
    Sign: lambda layer, value: Steps((value,), (Step("sign"),)),
    nn.MaxPool2d: lambda layer, value: max_pool(
        value, layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.ceil_mode, layer.return_indices
    ),
    nn.AvgPool2d: lambda layer, value: avg_pool(
        value, layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode, layer.count_include_pad,
        layer.divisor_override,
    ),
    nn.AdaptiveAvgPool2d: lambda layer, value: adaptive_avg_pool(value, layer.output_size),
    nn.Upsample: _upsample,
    nn.Flatten: lambda layer, value: flatten(value, layer.start_dim, layer.end_dim),
    nn.Identity: _unchanged,
    nn.Dropout: _unchanged,
    nn.Dropout2d: _unchanged,
    Pictures: _unchanged,
    Stretch: lambda layer, value: Steps((value,), (Step("stretch", {"eps": layer.eps}),)),
}  # fmt: skip
"""Rules of modules, by their exact class: what a subclass changes cannot be known."""


def fractional(layer: FractionalPooling, value: Any, index: int) -> Steps:
    """The rule of one output of a fractional pooling, which has several."""
    attributes = {"ratios": list(layer.ratios), "index": index, "name": layer.name, "draw": layer.draw}
    return Steps((value,), (Step("fractional_pool", attributes),))
