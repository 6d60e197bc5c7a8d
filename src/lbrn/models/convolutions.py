"""Makers of the convolutions inside blocks: learned, fixed ternary, half of each, and learned binary."""

from typing import Protocol

import torch
from torch import Tensor, nn

from lbrn import ternary
from lbrn.layers import BinaryConv2d, LocalBinaryConv2d


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


def fixed_convolution(
    sparsity: float, seed: int, scheme: str = ternary.DEFAULT_SCHEME, *, stride: int = 1, dilation: int = 1
) -> Convolution:
    """Return a maker of fixed ternary convolutions.

    Args:
        sparsity: Share of non-zero weights, 0 .. 1.
        seed: Filter seed of the network.
        scheme: How to draw, see `lbrn.ternary.draw`.
        stride: Of both directions.
        dilation: Of both directions; the map keeps its size at stride 1.
    """

    def make(in_channels: int, out_channels: int, kernel_size: int, *, name: str) -> nn.Module:
        padding = dilation * (kernel_size // 2)
        return LocalBinaryConv2d(
            in_channels, out_channels, kernel_size, stride, padding, dilation, sparsity=sparsity, seed=seed, name=name,
            scheme=scheme,
        )  # fmt: skip

    return make


class HalfFixedConvolution(nn.Module):
    """A convolution whose first half of the filters is fixed and whose second half is learned (LBRN-3 of Table 4)."""

    def __init__(self, fixed: nn.Module, learned: nn.Module) -> None:
        """Join two convolutions of the same input and geometry.

        Args:
            fixed: Makes the first half of the channels.
            learned: Makes the second half.
        """
        super().__init__()
        self.fixed = fixed
        self.learned = learned

    def forward(self, features: Tensor) -> Tensor:
        """Convolve with both; the channels of the fixed filters come first.

        Args:
            features: Maps (N, C, H, W).

        Returns:
            Maps of the same sides.
        """
        return torch.cat((self.fixed(features), self.learned(features)), dim=1)


def half_fixed_convolution(fixed: Convolution) -> Convolution:
    """Return a maker of convolutions of which half of the output channels are fixed, the others learned.

    Args:
        fixed: Makes the fixed half.
    """

    def make(in_channels: int, out_channels: int, kernel_size: int, *, name: str) -> nn.Module:
        half = out_channels // 2
        return HalfFixedConvolution(
            fixed(in_channels, half, kernel_size, name=name),
            real_convolution(in_channels, out_channels - half, kernel_size),
        )

    return make
