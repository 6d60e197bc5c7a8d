"""What all networks are made of: the residual bottleneck, which takes its convolutions and activation as arguments."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from torch import Tensor, nn

from lbrn import ternary
from lbrn.layers import BinaryConv2d, LocalBinaryConv2d, Sign


class Convolution(Protocol):
    """Makes a convolution that keeps the size of the map; `name` is what a fixed filter is drawn from."""

    def __call__(self, in_channels: int, out_channels: int, kernel_size: int, *, name: str) -> nn.Module:
        """Make one layer of odd `kernel_size`, stride 1 and same padding.

        Args:
            in_channels: Channels in.
            out_channels: Channels out.
            kernel_size: Odd side of the kernel.
            name: Name of the layer; fixed filters are drawn from it.
        """
        ...


def real_convolution(in_channels: int, out_channels: int, kernel_size: int, *, name: str = "") -> nn.Module:
    """Make an ordinary learned convolution with bias; the name has no effect.

    Args:
        in_channels: Channels in.
        out_channels: Channels out.
        kernel_size: Odd; the map keeps its size.
        name: Taken so that all makers are called alike.
    """
    return nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)


def binary_convolution(in_channels: int, out_channels: int, kernel_size: int, *, name: str = "") -> nn.Module:
    """Make a convolution with learned binary weights and no bias; the name has no effect.

    Args:
        in_channels: Channels in.
        out_channels: Channels out.
        kernel_size: Odd; the map keeps its size.
        name: Taken so that all makers are called alike.
    """
    return BinaryConv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)


def fixed_convolution(sparsity: float, seed: int, scheme: str = ternary.DEFAULT_SCHEME) -> Convolution:
    """Return a maker of fixed ternary convolutions.

    Args:
        sparsity: Share of non-zero weights, 0 .. 1.
        seed: Filter seed of the network.
        scheme: How to draw, see `lbrn.ternary.draw`.
    """

    def make(in_channels: int, out_channels: int, kernel_size: int, *, name: str) -> nn.Module:
        padding = kernel_size // 2
        return LocalBinaryConv2d(
            in_channels, out_channels, kernel_size, padding=padding, sparsity=sparsity, seed=seed, name=name,
            scheme=scheme,
        )  # fmt: skip

    return make


def relu() -> nn.Module:
    """Make a ReLU that overwrites its input, which here is always the fresh output of a batch normalisation."""
    return nn.ReLU(inplace=True)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": relu, "sigmoid": nn.Sigmoid}


@dataclass(frozen=True)
class Operations:
    """What a block computes with: its two kinds of convolution and its activation.

    Attributes:
        conv1x1: Makes the 1x1 convolutions of a block.
        conv3x3: Makes the 3x3 convolutions of a block.
        activation: Makes the activation before each of them.
    """

    conv1x1: Convolution = real_convolution
    conv3x3: Convolution = real_convolution
    activation: Callable[[], nn.Module] = relu

    def with_fixed_3x3(self, sparsity: float, seed: int, scheme: str) -> "Operations":
        """Return the same with fixed ternary 3x3 convolutions: what turns a block into a local-binary one.

        Args:
            sparsity: Share of non-zero weights, 0 .. 1.
            seed: Filter seed of the network.
            scheme: How to draw, see `lbrn.ternary.draw`.
        """
        return replace(self, conv3x3=fixed_convolution(sparsity, seed, scheme))

    def step(
        self, in_channels: int, out_channels: int, kernel_size: int, *, name: str, activated: bool = True
    ) -> nn.Sequential:
        """Make normalisation, activation and convolution in the pre-activation order.

        Args:
            in_channels: Channels in.
            out_channels: Channels out.
            kernel_size: 1 or 3.
            name: Name of the convolution.
            activated: False leaves out normalisation and activation, for an input that has just had both.
        """
        make = self.conv1x1 if kernel_size == 1 else self.conv3x3
        convolution = make(in_channels, out_channels, kernel_size, name=name)
        if not activated:
            return nn.Sequential(convolution)
        return nn.Sequential(nn.BatchNorm2d(in_channels), self.activation(), convolution)


BINARY_OPERATIONS = Operations(binary_convolution, binary_convolution, Sign)


def plain_skip(in_channels: int, out_channels: int) -> nn.Module:
    """Make the stacked hourglass's skip: identity, or one real 1x1 convolution where the channels change.

    Args:
        in_channels: Channels in.
        out_channels: Channels out.
    """
    if in_channels == out_channels:
        return nn.Identity()
    return real_convolution(in_channels, out_channels, 1)


def preactivated_skip(in_channels: int, out_channels: int) -> nn.Module:
    """Make a skip of normalisation, ReLU and a real 1x1 convolution, as in PyraNet.

    Args:
        in_channels: Channels in.
        out_channels: Channels out, also where they are as many.
    """
    return nn.Sequential(nn.BatchNorm2d(in_channels), relu(), real_convolution(in_channels, out_channels, 1))


class Bottleneck(nn.Module):
    """The residual block of 1x1, 3x3 and 1x1 convolutions through half the channels (section 3.2 of the paper, Fig. 1).

    With fixed 3x3 convolutions it is the paper's local-binary block (LBB); with binary ones, HG-Binary's block.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        operations: Operations,
        *,
        name: str,
        skip: nn.Module | None = None,
    ) -> None:
        """Make the block.

        Args:
            in_channels: Channels in.
            out_channels: Channels out; half of them are the bottleneck.
            operations: Convolutions and activation.
            name: Name of the block; its convolutions are called `<name>.reduce`, `.conv3x3` and `.expand`.
            skip: The other path; `plain_skip` where not given.
        """
        super().__init__()
        middle = out_channels // 2
        self.reduce = operations.step(in_channels, middle, 1, name=f"{name}.reduce")
        self.conv3x3 = operations.step(middle, middle, 3, name=f"{name}.conv3x3")
        self.expand = operations.step(middle, out_channels, 1, name=f"{name}.expand")
        self.skip = plain_skip(in_channels, out_channels) if skip is None else skip

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H, W)."""
        change: Tensor = self.expand(self.conv3x3(self.reduce(features)))
        shortcut: Tensor = self.skip(features)
        return shortcut + change
