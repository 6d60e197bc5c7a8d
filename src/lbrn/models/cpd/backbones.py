"""The two backbones of CPD, VGG16 and ResNet-50, cut where CPD cuts them: a shared part and two deep stages.

Both are those of torchvision, but VGG16 pools by means and has no last pooling, and neither has a classifier.
Nothing is downloaded here: `lbrn.models.cpd.pretrained` fills them with published weights.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from lbrn.models.blocks import relu

VGG_CONVOLUTIONS = (2, 2, 3, 3, 3)
RESNET_BLOCKS = (3, 4, 6, 3)
EXPANSION = 4


class Make3x3(Protocol):
    """Makes what stands where a backbone has a 3x3 convolution."""

    def __call__(self, in_channels: int, out_channels: int, *, stride: int, bias: bool, name: str) -> nn.Module:
        """Make it.

        Args:
            in_channels: Channels in.
            out_channels: Channels out.
            stride: 1 or 2.
            bias: Whether the convolution has one.
            name: Name of the place; fixed filters are drawn from it.
        """
        ...


def real_3x3(in_channels: int, out_channels: int, *, stride: int = 1, bias: bool = True, name: str = "") -> nn.Module:
    """Make an ordinary 3x3 convolution that keeps the size at stride 1; the name has no effect.

    Args:
        in_channels: Channels in.
        out_channels: Channels out.
        stride: 1 or 2.
        bias: Whether it has one.
        name: Taken so that all makers are called alike.
    """
    return nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=bias)


@dataclass(frozen=True)
class Backbone:
    """The parts of a backbone and what comes out of them.

    Attributes:
        shared: From pictures to the first features that CPD uses.
        stages: Makes the two stages after them; called once for each of CPD's branches with the branch's name.
        channels: Channels of the three features.
        reduction: How many times smaller than the pictures the first features are.
    """

    shared: nn.Module
    stages: Callable[[str], tuple[nn.Module, nn.Module]]
    channels: tuple[int, int, int]
    reduction: int


def vgg16(width: int, make: Make3x3) -> Backbone:
    """Make VGG16 without batch normalisation.

    Args:
        width: Channels of the first block (published: 64).
        make: Makes its 3x3 convolutions but the very first.
    """
    widths = [width, 2 * width, 4 * width, 8 * width, 8 * width]

    def block(index: int, name: str) -> nn.Sequential:
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        if index:
            parts["pool"] = nn.AvgPool2d(2)
        channels = widths[index - 1] if index else 3
        for number in range(1, VGG_CONVOLUTIONS[index] + 1):
            made = real_3x3 if channels == 3 else make
            place = f"{name}.conv{number}"
            parts[f"conv{number}"] = made(channels, widths[index], stride=1, bias=True, name=place)
            parts[f"relu{number}"] = relu()
            channels = widths[index]
        return nn.Sequential(parts)

    shared = nn.Sequential(
        OrderedDict((f"block{index + 1}", block(index, f"shared.block{index + 1}")) for index in range(3))
    )
    return Backbone(
        shared,
        lambda branch: (block(3, f"{branch}.stage4"), block(4, f"{branch}.stage5")),
        (widths[2], widths[3], widths[4]),
        reduction=4,
    )


class ResidualBlock(nn.Module):
    """ResNet-50's bottleneck: 1x1, 3x3 and 1x1, each normalised, with the stride on the 3x3."""

    def __init__(self, in_channels: int, middle: int, stride: int, make: Make3x3, name: str) -> None:
        """Make the block.

        Args:
            in_channels: Channels in.
            middle: Channels of the 3x3; four times as many come out.
            stride: 1 or 2.
            make: Makes the 3x3.
            name: Name of the block.
        """
        super().__init__()
        out = EXPANSION * middle
        self.conv1, self.bn1 = nn.Conv2d(in_channels, middle, 1, bias=False), nn.BatchNorm2d(middle)
        self.conv2 = make(middle, middle, stride=stride, bias=False, name=f"{name}.conv2")
        self.bn2 = nn.BatchNorm2d(middle)
        self.conv3, self.bn3 = nn.Conv2d(middle, out, 1, bias=False), nn.BatchNorm2d(out)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 or in_channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(in_channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, 4 * middle, H / stride, W / stride)."""
        change = torch.relu(self.bn1(self.conv1(features)))
        change = torch.relu(self.bn2(self.conv2(change)))
        shortcut: Tensor = self.downsample(features)
        return torch.relu(self.bn3(self.conv3(change)) + shortcut)


def resnet50(width: int, make: Make3x3) -> Backbone:
    """Make ResNet-50.

    Args:
        width: Channels of the stem and of the first stage's 3x3 (published: 64).
        make: Makes the 3x3 of its blocks.
    """

    def layer(number: int, name: str) -> nn.Sequential:
        middle = width << (number - 1)
        blocks = []
        channels = width if number == 1 else EXPANSION * middle // 2
        for index in range(RESNET_BLOCKS[number - 1]):
            stride = 2 if number > 1 and index == 0 else 1
            blocks.append(ResidualBlock(channels, middle, stride, make, f"{name}.{index}"))
            channels = EXPANSION * middle
        return nn.Sequential(*blocks)

    shared = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, width, 7, 2, 3, bias=False),
            bn1=nn.BatchNorm2d(width),
            relu=relu(),
            maxpool=nn.MaxPool2d(3, 2, 1),
            layer1=layer(1, "shared.layer1"),
            layer2=layer(2, "shared.layer2"),
        )
    )
    return Backbone(
        shared,
        lambda branch: (layer(3, f"{branch}.stage4"), layer(4, f"{branch}.stage5")),
        (8 * width, 16 * width, 32 * width),
        reduction=8,
    )


BACKBONES: dict[str, Callable[[int, Make3x3], Backbone]] = {"vgg16": vgg16, "resnet50": resnet50}


def initialise(modules: Sequence[nn.Module]) -> None:
    """Draw He-normal weights (fan-out, as torchvision's backbones have them) and zero biases for convolutions.

    Args:
        modules: Parts of a network.
    """
    for module in modules:
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
