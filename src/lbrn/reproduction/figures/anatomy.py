"""The parts of a stacked hourglass with their channels and maps, read from the network itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lbrn.layers import LocalBinaryConv2d
from lbrn.models.hourglass import Hourglass, Stack, StackedHourglass

INPUT_SIDE = 256
"""Pixels of the paper's pictures."""

Shapes = Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]


@dataclass(frozen=True)
class Part:
    """One part of the network.

    Attributes:
        path: Its path in the network.
        role: `entry` and `stem`; `up`, `down`, `bottom` and `back` in an hourglass; `neck`, `features`, `score`,
            `remap_features` and `remap_score` behind it.
        kind: `LBB` for a block with fixed filters, `residual` for one without, else the kernel, such as `7x7`.
        stack: Number of its stack from 1; None in the stem.
        level: Level of the hourglass, the largest outside; None outside of hourglasses.
        channels: In and out.
        side: Height and width of its output in pixels.
    """

    path: str
    role: str
    kind: str
    stack: int | None
    level: int | None
    channels: tuple[int, int]
    side: int


def anatomy(network: StackedHourglass, side: int = INPUT_SIDE) -> list[Part]:
    """Read the parts of a network in the order of computation, the paths that keep the size before the others.

    Args:
        network: A stacked hourglass of any blocks.
        side: Height and width of the picture in pixels.
    """
    return list(_Anatomist(network, _shapes(network, side)).parts())


class _Anatomist:
    def __init__(self, network: StackedHourglass, shapes: Shapes) -> None:
        self.network = network
        self.shapes = shapes

    def parts(self) -> Iterator[Part]:
        yield self._part("stem.entry", "entry")
        yield self._part("stem.before", "stem")
        for index in range(len(list(self.network.get_submodule("stem.after").children()))):
            yield self._part(f"stem.after.{index}", "stem")
        for index, stack in enumerate(self.network.stacks):
            assert isinstance(stack, Stack)
            path = f"stacks.{index}"
            yield from self._hourglass(f"{path}.hourglass", index + 1)
            for role in ("neck", "features", "score", "remap_features", "remap_score"):
                if getattr(stack, role) is not None:
                    yield self._part(f"{path}.{role}", role, index + 1)

    def _hourglass(self, path: str, stack: int) -> Iterator[Part]:
        module = self.network.get_submodule(path)
        assert isinstance(module, Hourglass)
        level = _levels(module)
        # Readings of the halved hourglass leave out the blocks of a place: nothing is there then.
        if _computes(module.up):
            yield self._part(f"{path}.up", "up", stack, level)
        yield self._part(f"{path}.down", "down", stack, level)
        if isinstance(module.inner, Hourglass):
            yield from self._hourglass(f"{path}.inner", stack)
        else:
            yield self._part(f"{path}.inner", "bottom", stack, level)
        if _computes(module.back):
            yield self._part(f"{path}.back", "back", stack, level)

    def _part(self, path: str, role: str, stack: int | None = None, level: int | None = None) -> Part:
        before, after = self.shapes[path]
        kind = _kind(self.network.get_submodule(path))
        return Part(path, role, kind, stack, level, (before[1], after[1]), after[-1])


def _computes(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None


def _levels(module: Hourglass) -> int:
    return 1 + (_levels(module.inner) if isinstance(module.inner, Hourglass) else 0)


def _kind(module: nn.Module) -> str:
    layers = list(module.modules())
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    if any(isinstance(layer, LocalBinaryConv2d) for layer in layers):
        return "LBB"
    if len(convolutions) > 1:
        return "residual"
    return "×".join(map(str, convolutions[0].kernel_size)) if convolutions else "BN, ReLU"


def _shapes(network: nn.Module, side: int) -> Shapes:
    """Shapes of what goes into and comes out of every module, from one pass of an empty batch."""
    found: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {}

    def keep(path: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if isinstance(output, Tensor):
                found[path] = (tuple(inputs[0].shape), tuple(output.shape))

        return hook

    handles = [module.register_forward_hook(keep(path)) for path, module in network.named_modules()]
    network.eval()
    try:
        with torch.no_grad():
            network(torch.zeros(0, 3, side, side))
    finally:
        for handle in handles:
            handle.remove()
    return found
