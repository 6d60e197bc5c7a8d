"""ResNet-56 and ResNet-LBB-56 for 32x32 pictures: pre-activation bottlenecks in three stages (paper, section 4.3).

The paper says 56 convolutions: three kinds of bottleneck, six of each, 1x1, 3x3 and 1x1. The rest is a reading:

* bottlenecks of 16, 32 and 64 channels, because the 290,304 weights of their 3x3 convolutions are the difference of
  the two published sizes (0.48 M and 0.19 M);
* expansion 3 and shortcuts without parameters give 0.478 M and 0.188 M weights, which are those sizes; the usual
  expansion 4 with projections (0.582 M and 0.292 M) is a setting;
* no plausible configuration gives the published FLOPs too: `tests/models/test_resnet_search.py` looks for one.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from lbrn.layers import LocalBinaryConv2d
from lbrn.models.blocks import ACTIVATIONS, Operations, relu
from lbrn.models.convolutions import Convolution
from lbrn.models.hourglass import Pictures

STAGES = 3
Strided = Callable[[int], Convolution]
"""From a stride to a maker of convolutions with it."""


def learned(stride: int) -> Convolution:
    """Return a maker of ordinary convolutions without bias, for normalisation follows every one of them.

    Args:
        stride: In both directions.
    """

    def make(in_channels: int, out_channels: int, kernel_size: int, *, name: str = "") -> nn.Module:
        return nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2, bias=False)

    return make


def fixed(sparsity: float, seed: int, scheme: str) -> Strided:
    """Return a maker of makers of fixed ternary convolutions.

    Args:
        sparsity: Share of non-zero weights, 0 .. 1.
        seed: Filter seed of the network.
        scheme: How to draw, see `lbrn.ternary.draw`.
    """

    def strided(stride: int) -> Convolution:
        def make(in_channels: int, out_channels: int, kernel_size: int, *, name: str) -> nn.Module:
            return LocalBinaryConv2d(
                in_channels, out_channels, kernel_size, stride, kernel_size // 2,
                sparsity=sparsity, seed=seed, name=name, scheme=scheme,
            )  # fmt: skip

        return make

    return strided


class PaddedShortcut(nn.Module):
    """The shortcut without parameters: every `stride`-th pixel, and channels of zeros behind those that there are."""

    def __init__(self, extra: int, stride: int) -> None:
        """Make the shortcut.

        Args:
            extra: Channels of zeros.
            stride: Every how many pixels in both directions one is kept.
        """
        super().__init__()
        self.extra, self.stride = extra, stride

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C + extra, H / stride, W / stride)."""
        kept = features if self.stride == 1 else F.avg_pool2d(features, 1, self.stride)
        return F.pad(kept, (0, 0, 0, 0, 0, self.extra))


def shortcut(in_channels: int, out_channels: int, stride: int, kind: str) -> nn.Module:
    """Make the path around a bottleneck.

    Args:
        in_channels: Channels in.
        out_channels: Channels out.
        stride: Of the block.
        kind: `padded` or `projection` (a learned 1x1 convolution), where channels or size change.
    """
    if in_channels == out_channels and stride == 1:
        return nn.Identity()
    if kind == "padded":
        return PaddedShortcut(out_channels - in_channels, stride)
    return learned(stride)(in_channels, out_channels, 1, name="")


class StridedBottleneck(nn.Module):
    """A pre-activation bottleneck that may halve the map; with fixed 3x3 filters the paper's local-binary block."""

    def __init__(
        self, in_channels: int, width: int, out_channels: int, first: Operations, others: Operations, skip: nn.Module,
        *, name: str,
    ) -> None:  # fmt: skip
        """Make the block.

        Args:
            in_channels: Channels in.
            width: Channels of the bottleneck.
            out_channels: Channels out.
            first: What makes the first 1x1 convolution.
            others: What makes the other two; either the first convolution or the 3x3 one may stride.
            skip: The path around.
            name: Name of the block; its convolutions are called `<name>.reduce`, `.conv3x3` and `.expand`.
        """
        super().__init__()
        self.reduce = first.step(in_channels, width, 1, name=f"{name}.reduce")
        self.conv3x3 = others.step(width, width, 3, name=f"{name}.conv3x3")
        self.expand = others.step(width, out_channels, 1, name=f"{name}.expand")
        self.skip = skip

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride)."""
        change: Tensor = self.expand(self.conv3x3(self.reduce(features)))
        around: Tensor = self.skip(features)
        return around + change


class BottleneckMaker:
    """Makes the bottlenecks of one network, which differ in channels and stride only."""

    def __init__(self, conv3x3: Strided, *, expansion: int, shortcut: str, stride_on: str, activation: str) -> None:
        """Take what all bottlenecks share.

        Args:
            conv3x3: Makes the 3x3 convolutions.
            expansion: Channels out of a bottleneck by those inside.
            shortcut: `padded` or `projection`.
            stride_on: Which convolution halves the map: `3x3`, or the first `1x1`.
            activation: `relu` or `sigmoid`, before each of the three convolutions.
        """
        self.conv3x3, self.expansion, self.shortcut, self.stride_on = conv3x3, expansion, shortcut, stride_on
        self.activation = ACTIVATIONS[activation]

    def __call__(self, in_channels: int, width: int, stride: int, name: str) -> StridedBottleneck:
        """Make a bottleneck.

        Args:
            in_channels: Channels in.
            width: Channels inside.
            stride: 1 or 2.
            name: Name of the block.
        """
        out_channels = width * self.expansion
        early, late = (stride, 1) if self.stride_on == "1x1" else (1, stride)
        first = Operations(learned(early), self.conv3x3(1), self.activation)
        others = Operations(learned(1), self.conv3x3(late), self.activation)
        skip = shortcut(in_channels, out_channels, stride, self.shortcut)
        return StridedBottleneck(in_channels, width, out_channels, first, others, skip, name=name)


class ResNet(nn.Module):
    """A 3x3 convolution, three stages of bottlenecks of which the later ones halve the map, the mean, the classes."""

    def __init__(self, make: BottleneckMaker, *, classes: int, width: int, blocks: int) -> None:
        """Make the network, its weights drawn from torch's global generator (He's normal law of the fan-out).

        Args:
            make: Makes the bottlenecks.
            classes: Number of classes.
            width: Channels of the stem and of the first stage's bottlenecks; each later stage has twice as many.
            blocks: Bottlenecks of a stage; six of them make 56 layers with weights.
        """
        super().__init__()
        self.pictures = Pictures(2 ** (STAGES - 1))
        self.stem = learned(1)(3, width, 3, name="stem")
        self.stages = nn.Sequential()
        channels = width
        for stage in range(STAGES):
            inside = width * 2**stage
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                self.stages.append(make(channels, inside, stride, f"stage{stage + 1}.block{block + 1}"))
                channels = inside * make.expansion
        self.last = nn.Sequential(nn.BatchNorm2d(channels), relu())
        self.classes = nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, pictures: Tensor) -> Tensor:
        """Give the scores of the classes.

        Args:
            pictures: (N, 3, H, W), both sides multiples of 4.

        Returns:
            (N, classes), before the softmax.
        """
        features = self.last(self.stages(self.stem(self.pictures(pictures))))
        scores: Tensor = self.classes(features.mean((2, 3)))
        return scores
