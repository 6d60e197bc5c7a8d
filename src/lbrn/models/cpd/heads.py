"""What CPD adds to its backbone: receptive-field blocks and the partial decoder's aggregation.

Wu, Su and Huang 2019 ("Cascaded partial decoder"), reference 45 of the paper; 40 of their convolutions are 3x3, four in
each of six receptive-field blocks and eight in each of two aggregations. With VGG16 they have biases and no
normalisation, with ResNet-50 each is normalised and has none. There is no activation but where it is named.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Make3x3Head = Callable[[int, int, int, str], nn.Module]
"""Makes what stands for a 3x3 convolution from channels in, channels out, dilation and name; the size stays."""


@dataclass(frozen=True)
class HeadParts:
    """What heads are made of.

    Attributes:
        normalised: Whether each convolution is followed by batch normalisation and has no bias.
        unit: Makes what stands in place of each 3x3 convolution; None = an ordinary one.
    """

    normalised: bool
    unit: Make3x3Head | None = None

    def conv(self, in_channels: int, out_channels: int, kernel: tuple[int, int], dilation: int = 1) -> nn.Module:
        """Make a real convolution that keeps the size.

        Args:
            in_channels: Channels in.
            out_channels: Channels out.
            kernel: Odd height and width.
            dilation: Of both directions.
        """
        around = (dilation * (kernel[0] // 2), dilation * (kernel[1] // 2))
        layer = nn.Conv2d(
            in_channels, out_channels, kernel, padding=around, dilation=dilation, bias=not self.normalised
        )
        return self._normalised(layer, out_channels)

    def conv3x3(self, in_channels: int, out_channels: int, name: str, dilation: int = 1) -> nn.Module:
        """Make a 3x3 convolution, or what stands in its place.

        Args:
            in_channels: Channels in.
            out_channels: Channels out.
            name: Name of the place.
            dilation: Of both directions.
        """
        if self.unit is None:
            return self.conv(in_channels, out_channels, (3, 3), dilation)
        return self._normalised(self.unit(in_channels, out_channels, dilation, name), out_channels)

    def _normalised(self, layer: nn.Module, channels: int) -> nn.Module:
        return nn.Sequential(layer, nn.BatchNorm2d(channels)) if self.normalised else layer


class ReceptiveField(nn.Module):
    """Four branches of growing reach, joined, added to the input and cut at zero."""

    def __init__(self, in_channels: int, channels: int, parts: HeadParts, name: str) -> None:
        """Make the block.

        Args:
            in_channels: Channels in.
            channels: Channels of each branch and out.
            parts: What it is made of.
            name: Name of the block.
        """
        super().__init__()
        self.near = parts.conv(in_channels, channels, (1, 1))
        self.far = nn.ModuleList(
            nn.Sequential(
                OrderedDict(
                    enter=parts.conv(in_channels, channels, (1, 1)),
                    across=parts.conv(channels, channels, (1, reach)),
                    down=parts.conv(channels, channels, (reach, 1)),
                    spread=parts.conv3x3(channels, channels, f"{name}.spread{reach}", dilation=reach),
                )
            )
            for reach in (3, 5, 7)
        )
        self.join = parts.conv3x3(4 * channels, channels, f"{name}.join")
        self.skip = parts.conv(in_channels, channels, (1, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, channels, H, W), nowhere negative."""
        joined = self.join(torch.cat([self.near(features), *(branch(features) for branch in self.far)], 1))
        return torch.relu(joined + self.skip(features))


class Aggregation(nn.Module):
    """From three features to one map of logits: the deeper ones multiply and join the shallower ones."""

    def __init__(self, channels: int, parts: HeadParts, name: str) -> None:
        """Make the decoder.

        Args:
            channels: Channels of each feature.
            parts: What it is made of.
            name: Name of the decoder.
        """
        super().__init__()

        def conv3x3(channels_in: int, place: str) -> nn.Module:
            return parts.conv3x3(channels_in, channels_in, f"{name}.{place}")

        self.deep_to_middle = conv3x3(channels, "deep_to_middle")
        self.deep_to_shallow = conv3x3(channels, "deep_to_shallow")
        self.middle_to_shallow = conv3x3(channels, "middle_to_shallow")
        self.deep_beside_middle = conv3x3(channels, "deep_beside_middle")
        self.middle_beside_shallow = conv3x3(2 * channels, "middle_beside_shallow")
        self.join_middle = conv3x3(2 * channels, "join_middle")
        self.join_shallow = nn.Sequential(conv3x3(3 * channels, "join_shallow"), conv3x3(3 * channels, "refine"))
        self.logits = nn.Conv2d(3 * channels, 1, 1)

    def forward(self, shallow: Tensor, middle: Tensor, deep: Tensor) -> Tensor:
        """Map features of sides S, S/2 and S/4 to logits (N, 1, S, S).

        Args:
            shallow: (N, channels, S, S).
            middle: (N, channels, S/2, S/2).
            deep: (N, channels, S/4, S/4).
        """
        deep_up = _doubled(deep)
        middle_now = self.deep_to_middle(deep_up) * middle
        shallow_now = self.deep_to_shallow(_doubled(deep_up)) * self.middle_to_shallow(_doubled(middle)) * shallow
        joined = self.join_middle(torch.cat([middle_now, self.deep_beside_middle(deep_up)], 1))
        joined = torch.cat([shallow_now, self.middle_beside_shallow(_doubled(joined))], 1)
        logits: Tensor = self.logits(self.join_shallow(joined))
        return logits


def _doubled(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=True)
