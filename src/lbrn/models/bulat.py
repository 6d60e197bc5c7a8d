"""The binary baseline's block (Bulat and Tzimiropoulos 2017): hierarchical, parallel, multi-scale."""

import torch
from torch import Tensor, nn

from lbrn.models.blocks import BINARY_OPERATIONS, Operations, preactivated_skip


class HierarchicalBlock(nn.Module):
    """Three 3x3 convolutions in a row whose outputs, a half, a quarter and a quarter of the channels, are joined.

    No 1x1 convolution, except a real one in the skip where the channels change.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, name: str, operations: Operations = BINARY_OPERATIONS
    ) -> None:
        """Make the block.

        Args:
            in_channels: Channels in.
            out_channels: Channels out, a multiple of 4.
            name: Name of the block.
            operations: Convolutions and activation; normalisation, sign and binary convolution in the paper.
        """
        super().__init__()
        half, quarter = out_channels // 2, out_channels // 4
        self.first = operations.step(in_channels, half, 3, name=f"{name}.first")
        self.second = operations.step(half, quarter, 3, name=f"{name}.second")
        self.third = operations.step(quarter, quarter, 3, name=f"{name}.third")
        same = in_channels == out_channels
        self.skip: nn.Module = nn.Identity() if same else preactivated_skip(in_channels, out_channels)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H, W)."""
        first = self.first(features)
        second = self.second(first)
        shortcut: Tensor = self.skip(features)
        return shortcut + torch.cat((first, second, self.third(second)), dim=1)
