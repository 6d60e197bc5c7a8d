"""Three ledgers of any torch module: trainable weights, stored bytes, operations, the paper's way and honestly.

What the paper does (section 4.2, after Molchanov et al.) and this module says beside it:

* it counts the convolution weights of one residual block, and a learned binary weight as 1/32;
* operations are two per multiply-accumulate of the real convolutions at one map size: fixed convolutions are free,
  and so are normalisation, activation, pooling and addition; convolutions on reduced maps count as if on the full map.

Honest are `macs` and `adds`: multiply-accumulates at the true map sizes, and one addition for each non-zero ternary or
binary weight and output position.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from lbrn.errors import InputError
from lbrn.layers import BinaryConv2d, LocalBinaryConv2d

Convolution = nn.Conv2d | nn.ConvTranspose2d | LocalBinaryConv2d
Layer = TypeVar("Layer", bound=nn.Module)
SEED_BYTES = 8
"""A 64-bit filter seed, from which all fixed filters of a network are drawn."""


@dataclass(frozen=True)
class Ledger:
    """What a module costs.

    Attributes:
        trainable: Trainable weights.
        fixed: Fixed ternary weights.
        flops_paper: Operations in the paper's convention; 0 for learned binary convolutions, which it leaves out.
        macs: Multiply-accumulates of the real convolutions and linear layers at the true map sizes.
        adds: Additions of ternary and binary convolutions at the true map sizes.
        bytes_float: Bytes of all weights as 32-bit floats.
        bytes_2bit: The same with fixed weights in 2 bits each (whole bytes a layer) and learned binary ones in 1.
        bytes_seed: The same with a 64-bit seed in place of all fixed weights.
    """

    trainable: int
    fixed: int
    flops_paper: int
    macs: int
    adds: int
    bytes_float: int
    bytes_2bit: int
    bytes_seed: int

    @property
    def operations(self) -> int:
        """The honest count of operations: two for each multiply-accumulate, one for each addition."""
        return 2 * self.macs + self.adds

    def as_dict(self) -> dict[str, int]:
        """Return the ledger as plain data, its keys the attributes' names."""
        return asdict(self)


def ledger(
    module: nn.Module, input_shape: tuple[int, ...], *, convolutions_only: bool = False, batch: int = 0
) -> Ledger:
    """Count a module's weights, bytes and operations, in one forward pass.

    Running statistics of normalisation are neither weights nor counted as bytes.

    Args:
        module: Any network of convolutions, linear layers and parts without weights of their own.
        input_shape: Shape of its input without the batch, such as (3, 256, 256).
        convolutions_only: The paper's way: only the weights of convolutions and linear layers, no biases, no
            normalisation, and a learned binary weight as 1/32.
        batch: Pictures in the forward pass, which has no effect on the counts. An empty batch goes through every
            layer's shapes and nothing is computed; but some networks cannot flatten it.

    Raises:
        InputError: The module contains a layer with weights that this cannot count.
    """
    operations = _operations(module, (batch, *input_shape))
    return Ledger(**_weights(module, convolutions_only), **operations)


def weights(module: nn.Module) -> dict[str, int]:
    """Count a module's weights and bytes alone: the first part of its ledger, by the ledger's names.

    Args:
        module: Any network, also one whose operations cannot be counted.
    """
    return _weights(module, convolutions_only=False)


def _weights(module: nn.Module, convolutions_only: bool) -> dict[str, int]:
    binary = sum(layer.weight.numel() for layer in _layers(module, BinaryConv2d))
    fixed = [layer.weight.numel() for layer in _layers(module, LocalBinaryConv2d)]
    if convolutions_only:
        learned = sum(layer.weight.numel() for layer in _layers(module, nn.Conv2d))
        learned += sum(layer.weight.numel() for layer in _layers(module, nn.Linear))
        trainable, scales = learned - binary + binary // 32, 0
    else:
        learned = trainable = sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
        scales = sum(layer.out_channels for layer in _layers(module, BinaryConv2d))
    # Stored as bits, a learned binary filter also needs its scale; as floats both are in the latent weights.
    compact = 4 * (learned - binary) + -(-binary // 8) + 4 * scales
    return {
        "trainable": trainable,
        "fixed": sum(fixed),
        "bytes_float": 4 * (learned + sum(fixed)),
        "bytes_2bit": compact + sum(-(-size // 4) for size in fixed),
        "bytes_seed": compact + (SEED_BYTES if fixed else 0),
    }


def _layers(module: nn.Module, kind: type[Layer]) -> Iterator[Layer]:
    return (layer for layer in module.modules() if isinstance(layer, kind))


class _Counter:
    """Sums operations over one forward pass."""

    def __init__(self) -> None:
        self.counts = {"flops_paper": 0, "macs": 0, "adds": 0}
        self.full_area: list[int] = []

    def convolution(self, layer: Convolution, inputs: tuple[Any, ...], output: Tensor) -> None:
        area = output.shape[-2] * output.shape[-1]
        if isinstance(layer, LocalBinaryConv2d):
            self.counts["adds"] += layer.nonzeros * area
        elif isinstance(layer, BinaryConv2d):
            self.counts["adds"] += layer.weight.numel() * area
        else:
            if isinstance(layer, nn.ConvTranspose2d):  # every pixel that comes in meets every weight
                area = inputs[0].shape[-2] * inputs[0].shape[-1]
            self.counts["macs"] += layer.weight.numel() * area
            paper_area = self.full_area[-1] if self.full_area else area
            self.counts["flops_paper"] += 2 * layer.weight.numel() * paper_area

    def linear(self, layer: nn.Linear, inputs: tuple[Any, ...], output: Tensor) -> None:
        positions = math.prod(output.shape[1:-1])
        self.counts["macs"] += layer.weight.numel() * positions
        self.counts["flops_paper"] += 2 * layer.weight.numel() * positions

    def enter_reduced(self, module: nn.Module, inputs: tuple[Tensor, Tensor]) -> None:
        full = inputs[1]
        self.full_area.append(full.shape[-2] * full.shape[-1])

    def leave_reduced(self, module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        self.full_area.pop()


@contextmanager
def _hooked(module: nn.Module, counter: _Counter) -> Iterator[None]:
    handles = []
    for part in module.modules():
        if isinstance(part, Convolution):
            handles.append(part.register_forward_hook(counter.convolution))
        elif isinstance(part, nn.Linear):
            handles.append(part.register_forward_hook(counter.linear))
        elif getattr(part, "counts_at_full_size", False):
            handles.append(part.register_forward_pre_hook(counter.enter_reduced))
            handles.append(part.register_forward_hook(counter.leave_reduced))
        else:
            _refuse_uncounted(part)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _refuse_uncounted(part: nn.Module) -> None:
    if any(parameter.dim() > 1 for parameter in part.parameters(recurse=False)):
        kind = type(part).__name__
        raise InputError(
            f"the cost of a {kind} is not known: only Conv2d, ConvTranspose2d, Linear and fixed convolutions count"
        )


def _operations(module: nn.Module, shape: tuple[int, ...]) -> dict[str, int]:
    counter = _Counter()
    first = next(iter([*module.parameters(), *module.buffers()]), torch.empty(0))
    training = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with _hooked(module, counter), torch.no_grad():
            module(torch.zeros(shape, device=first.device, dtype=first.dtype))
    finally:
        for part, was_training in training:
            part.training = was_training
    return counter.counts


def report(costs: dict[str, Ledger], title: str) -> str:
    """Render ledgers side by side as text for people.

    Args:
        costs: Column heading, such as `block`, to ledger.
        title: First line.

    Returns:
        Lines of text, the last without line end.
    """
    rows: list[tuple[str, Callable[[Ledger], str]]] = [
        ("trainable weights", lambda cost: f"{cost.trainable:,}"),
        ("fixed ternary weights", lambda cost: f"{cost.fixed:,}"),
        ("stored, 32-bit floats", lambda cost: f"{cost.bytes_float:,} B"),
        ("stored, fixed in 2 bits", lambda cost: f"{cost.bytes_2bit:,} B"),
        ("stored, fixed as a seed", lambda cost: f"{cost.bytes_seed:,} B"),
        ("operations, paper's count", lambda cost: f"{cost.flops_paper / 1e9:.4f} G"),
        ("multiply-accumulates", lambda cost: f"{cost.macs / 1e9:.4f} G"),
        ("ternary additions", lambda cost: f"{cost.adds / 1e9:.4f} G"),
        ("operations, honest count", lambda cost: f"{cost.operations / 1e9:.4f} G"),
    ]
    lines = [title, f"{'':27}" + "".join(f"{heading:>18}" for heading in costs)]
    for label, shown in rows:
        lines.append(f"{label:27}" + "".join(f"{shown(cost):>18}" for cost in costs.values()))
    return "\n".join(lines)
