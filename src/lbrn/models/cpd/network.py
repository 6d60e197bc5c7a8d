"""CPD and CPD-LB (section 4.4 of the paper; Wu, Su and Huang 2019): saliency by a cascade of two partial decoders."""

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lbrn.models.attention import HolisticAttention
from lbrn.models.blocks import Bottleneck, Operations, relu
from lbrn.models.convolutions import Convolution
from lbrn.models.cpd.backbones import BACKBONES, Make3x3, initialise, real_3x3
from lbrn.models.cpd.heads import Aggregation, HeadParts, ReceptiveField
from lbrn.models.hourglass import Pictures

HEAD_STD = 0.01
"""Standard deviation of the heads' initial weights with VGG16, as published."""

MakeFixed = Callable[[int, int], Convolution]
"""Makes a maker of fixed convolutions of a stride and a dilation."""


class Branch(nn.Module):
    """One of CPD's two branches: the deep stages of a backbone, three receptive-field blocks and their aggregation."""

    def __init__(
        self, stages: tuple[nn.Module, nn.Module], widths: tuple[int, int, int], head: int, parts: HeadParts, name: str
    ) -> None:
        """Put a branch together.

        Args:
            stages: The two deep stages of the backbone.
            widths: Channels of the features before, between and after them.
            head: Channels of the heads.
            parts: What the heads are made of.
            name: Name of the branch.
        """
        super().__init__()
        self.stage4, self.stage5 = stages
        self.fields = nn.ModuleList(
            ReceptiveField(width, head, parts, f"{name}.field{level}")
            for level, width in zip((3, 4, 5), widths, strict=True)
        )
        self.decode = Aggregation(head, parts, f"{name}.decode")

    def heads(self) -> list[nn.Module]:
        """The parts that are not of the backbone."""
        return [self.fields, self.decode]

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, C, S, S) to logits (N, 1, S, S)."""
        middle = self.stage4(features)
        deep = self.stage5(middle)
        first, second, third = self.fields
        logits: Tensor = self.decode(first(features), second(middle), third(deep))
        return logits


class CPD(nn.Module):
    """The first branch's attention weights the features of the second, whose map is the result."""

    def __init__(self, shared: nn.Module, branches: tuple[Branch, Branch], reduction: int, align_corners: bool) -> None:
        """Put the network together.

        Args:
            shared: From pictures to the features that both branches start from.
            branches: That of the attention and that of the detection.
            reduction: How many times smaller than the pictures these features are.
            align_corners: How the results are enlarged, see `F.interpolate`.
        """
        super().__init__()
        self.pictures = Pictures(4 * reduction)
        self.shared = shared
        self.attention, self.detection = branches
        self.focus = HolisticAttention()
        self.reduction, self.align_corners = float(reduction), align_corners

    def heads(self) -> list[nn.Module]:
        """The parts that are not of the backbone and begin at random."""
        return [*self.attention.heads(), *self.detection.heads()]

    def backbone(self) -> list[nn.Module]:
        """The parts of the backbone."""
        branches = (self.attention, self.detection)
        return [self.shared, *(stage for branch in branches for stage in (branch.stage4, branch.stage5))]

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map pictures (N, 3, H, W) to logits of the attention and of the saliency, each (N, 1, H, W).

        Raises:
            InputError: A side is not a multiple of 16 (VGG16) or 32 (ResNet-50).
        """
        features = self.shared(self.pictures(images))
        attention = self.attention(features)
        result = self.detection(self.focus(torch.sigmoid(attention), features))
        return [self._enlarged(attention), self._enlarged(result)]

    def _enlarged(self, logits: Tensor) -> Tensor:
        return F.interpolate(logits, scale_factor=self.reduction, mode="bilinear", align_corners=self.align_corners)


def cpd(
    backbone: str,
    *,
    width: int,
    head: int,
    fixed: MakeFixed | None = None,
    scope: str = "heads",
    unit: str = "lbb",
    activation: Callable[[], nn.Module] = relu,
) -> CPD:
    """Make CPD, or with fixed convolutions CPD-LB.

    The paper says that CPD-LB replaces "its original 3x3 filters with our local binary residual blocks" and no more.
    As default the 40 3x3 convolutions of the heads are replaced, for a backbone of fixed filters could not keep the
    ImageNet weights that its scores need.

    Args:
        backbone: `vgg16` or `resnet50`.
        width: Channels of the backbone's first convolution (published: 64).
        head: Channels of the heads (published: 32).
        fixed: Makes the fixed convolutions; None = CPD itself.
        scope: `heads`, or `everything`: the backbone's 3x3 convolutions too, but VGG16's very first.
        unit: `lbb`: each 3x3 becomes the paper's block, from c channels through c / 2 with its sum; within ResNet-50,
            whose blocks are such blocks already, only their 3x3 becomes fixed. `lbcnn`: each becomes a fixed 3x3 and a
            learned 1x1, as in LBCNN. Both have 1/9 of the weights to learn.
        activation: Makes the activation inside the units.
    """
    normalised = backbone == "resnet50"
    parts = HeadParts(normalised)
    make_backbone: Make3x3 = real_3x3
    if fixed is not None:
        units = _Units(fixed, unit, activation)
        parts = replace(parts, unit=units.of_heads(bias=not normalised))
        if scope == "everything":
            make_backbone = units.of_residual_blocks if normalised and unit == "lbb" else units.of_backbone
    made = BACKBONES[backbone](width, make_backbone)
    attention, detection = (
        Branch(made.stages(name), made.channels, head, parts, name) for name in ("attention", "detection")
    )
    network = CPD(made.shared, (attention, detection), made.reduction, align_corners=normalised)
    initialise(network.backbone())
    network.focus.reset()
    if not normalised:
        initialise_heads(network, HEAD_STD)
    # Both branches begin alike, as two copies of one published backbone do.
    for name in ("stage4", "stage5"):
        getattr(detection, name).load_state_dict(getattr(attention, name).state_dict())
    return network


def head_unit(
    channels: int,
    *,
    fixed: MakeFixed | None = None,
    unit: str = "lbb",
    activation: Callable[[], nn.Module] = relu,
) -> nn.Module:
    """Make what stands for one 3x3 convolution of the heads, with as many channels in as out.

    Args:
        channels: Channels of the heads.
        fixed: As in `cpd`.
        unit: As in `cpd`.
        activation: As in `cpd`.
    """
    made = None if fixed is None else _Units(fixed, unit, activation).of_heads(bias=True)
    return HeadParts(normalised=False, unit=made).conv3x3(channels, channels, "block")


def initialise_heads(network: CPD, std: float | None) -> None:
    """Draw the weights of the heads' convolutions anew, and set their biases to zero.

    Args:
        network: The network.
        std: Standard deviation; None = He-normal, for trainings too short to grow out of smaller ones.
    """
    if std is None:
        initialise(network.heads())
        return
    for part in network.heads():
        for layer in part.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=std)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)


class _Units:
    """Makes what stands for a 3x3 convolution in CPD-LB."""

    def __init__(self, fixed: MakeFixed, unit: str, activation: Callable[[], nn.Module]) -> None:
        self.fixed, self.unit, self.activation = fixed, unit, activation

    def of_heads(self, *, bias: bool) -> Callable[[int, int, int, str], nn.Module]:
        return lambda first, last, dilation, name: self._made(first, last, 1, dilation, bias, name)

    def of_backbone(self, in_channels: int, out_channels: int, *, stride: int, bias: bool, name: str) -> nn.Module:
        return self._made(in_channels, out_channels, stride, 1, bias, name)

    def of_residual_blocks(
        self, in_channels: int, out_channels: int, *, stride: int, bias: bool, name: str
    ) -> nn.Module:
        return self.fixed(stride, 1)(in_channels, out_channels, 3, name=name)

    def _made(self, first: int, last: int, stride: int, dilation: int, bias: bool, name: str) -> nn.Module:
        fixed = self.fixed(stride, dilation)
        if self.unit == "lbb":
            operations = Operations(conv3x3=fixed, activation=self.activation)
            return Bottleneck(first, last, operations, name=name)
        return nn.Sequential(
            fixed(first, last, 3, name=f"{name}.conv3x3"),
            nn.BatchNorm2d(last),
            self.activation(),
            nn.Conv2d(last, last, 1, bias=bias),
        )
