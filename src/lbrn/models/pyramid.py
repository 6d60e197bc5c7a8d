"""PyraNet (Yang et al. 2017): hourglasses of pyramid residual modules; the paper's PRM and LBRN-P."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from lbrn.models.blocks import Bottleneck, Operations, preactivated_skip, relu
from lbrn.models.hourglass import Hourglass, Stack, StackedHourglass, Stem
from lbrn.models.pooling import FractionalPooling

RATIOS = tuple(2 ** (-scale / 4) for scale in (1, 2, 3, 4))


class ReducedConvolution(nn.Module):
    """A convolution on a reduced map, enlarged bilinearly (corners aligned) to the full one."""

    counts_at_full_size = True
    """The paper counts the operations of these convolutions as if the map were not reduced (`lbrn.cost`)."""

    def __init__(self, convolution: nn.Module) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, reduced: Tensor, full: Tensor) -> Tensor:
        """Convolve (N, D, h, w) and enlarge to the height and width of `full`.

        Args:
            reduced: (N, D, h, w), what is convolved.
            full: Any map of the wanted height and width; only its shape is used.

        Returns:
            (N, D', H, W).
        """
        return F.interpolate(self.convolution(reduced), size=full.shape[-2:], mode="bilinear", align_corners=True)


class Pyramid(nn.Module):
    """The pyramid branch: one shared 1x1 convolution, four scales with a 3x3 convolution each, their sum, 1x1."""

    def __init__(
        self, channels: tuple[int, int, int], operations: Operations, *, name: str, seed: int, activated: bool
    ) -> None:
        """Make the branch.

        Args:
            channels: In, inside (D), and out.
            operations: Convolutions and activation.
            name: Name of the branch.
            seed: Training seed, for the pooling's random regions.
            activated: Whether normalisation and activation come before the first convolution.
        """
        super().__init__()
        first, inside, last = channels
        self.reduce = operations.step(first, inside, 1, name=f"{name}.reduce", activated=activated)
        self.normalise = nn.Sequential(nn.BatchNorm2d(inside), operations.activation())
        self.pool = FractionalPooling(RATIOS, name=name, seed=seed)
        # No normalisation or activation between the pooling and these convolutions.
        self.scales = nn.ModuleList(
            ReducedConvolution(operations.conv3x3(inside, inside, 3, name=f"{name}.scale{index}"))
            for index in range(1, len(RATIOS) + 1)
        )
        self.expand = operations.step(inside, last, 1, name=f"{name}.expand")

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, H, W)."""
        full = self.normalise(self.reduce(features))
        scales = [scale(reduced, full) for scale, reduced in zip(self.scales, self.pool(full), strict=True)]
        total = scales[0]
        for scale in scales[1:]:
            total = total + scale
        branch: Tensor = self.expand(total)
        return branch


class PyramidBlock(nn.Module):
    """The pyramid residual module with addition (PRM-B): a bottleneck with the pyramid beside its first two steps."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        operations: Operations,
        *,
        name: str,
        inside: int,
        seed: int = 0,
        activated: bool = True,
        skip: nn.Module | None = None,
    ) -> None:
        """Make the block.

        Args:
            in_channels: Channels in.
            out_channels: Channels out.
            operations: Convolutions and activation of both branches.
            name: Name of the block.
            inside: Channels D of the pyramid.
            seed: Training seed, for the pooling's random regions.
            activated: Whether both branches begin with normalisation and activation (not in the stem's first block).
            skip: The other path; identity, or normalisation, ReLU and 1x1 where the channels change, if not given.
        """
        super().__init__()
        middle = out_channels // 2
        self.reduce = operations.step(in_channels, middle, 1, name=f"{name}.reduce", activated=activated)
        self.conv3x3 = operations.step(middle, middle, 3, name=f"{name}.conv3x3")
        self.pyramid = Pyramid(
            (in_channels, inside, middle), operations, name=f"{name}.pyramid", seed=seed, activated=activated
        )
        self.expand = operations.step(middle, out_channels, 1, name=f"{name}.expand")
        if skip is None:
            skip = nn.Identity() if in_channels == out_channels else preactivated_skip(in_channels, out_channels)
        self.skip = skip

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H, W)."""
        merged = self.conv3x3(self.reduce(features)) + self.pyramid(features)
        shortcut: Tensor = self.skip(features)
        change: Tensor = self.expand(merged)
        return shortcut + change


@dataclass(frozen=True)
class PyramidPlaces:
    """Makes the modules of PyraNet: pyramid blocks at the larger maps, plain bottlenecks at the smaller ones.

    Attributes:
        operations: Convolutions and activation of all blocks.
        cardinality_width: D is the channels of a block divided by this (paper: 8; the release of PyraNet: 9).
        seed: Training seed.
        width: Channels of the hourglass.
    """

    operations: Operations
    cardinality_width: int
    seed: int
    width: int

    def pyramid_block(
        self, in_channels: int, out_channels: int, name: str, *, activated: bool = True, skip: nn.Module | None = None
    ) -> PyramidBlock:
        """Make one pyramid block.

        Args:
            in_channels: Channels in.
            out_channels: Channels out; the pyramid branch has `out_channels / cardinality_width` inside.
            name: Name of the block.
            activated: False leaves out the first normalisation and activation, for an input that has just had both.
            skip: The other path; the block's own where not given.
        """
        inside = max(1, out_channels // self.cardinality_width)
        return PyramidBlock(
            in_channels, out_channels, self.operations, name=name, inside=inside, seed=self.seed, activated=activated,
            skip=skip,
        )  # fmt: skip

    def __call__(self, place: str, level: int, name: str) -> nn.Module:
        """Make the module of an hourglass's place; see `lbrn.models.hourglass.PlaceMaker`."""
        # The way back has a convolution in its skip everywhere: it limits the growth of the variance.
        skip = preactivated_skip(self.width, self.width) if place == "back" else None
        if level >= (2 if place == "up" else 3):
            return self.pyramid_block(self.width, self.width, name, skip=skip)
        return Bottleneck(self.width, self.width, self.operations, name=name, skip=skip)


def pyranet(
    operations: Operations,
    *,
    stacks: int,
    width: int,
    depth: int,
    joints: int,
    cardinality_width: int,
    seed: int,
    stem_width: int | None = None,
) -> StackedHourglass:
    """Make PyraNet.

    Args:
        operations: Convolutions and activation of all blocks.
        stacks: Hourglasses one behind the other (paper: 2).
        width: Channels of the stacks.
        depth: Poolings of each hourglass (paper: 4).
        joints: Number of heatmaps.
        cardinality_width: A block's channels divided by this are those of its pyramid.
        seed: Training seed, for the random regions of the pooling.
        stem_width: Channels towards which the stem widens; `width` where not given.
    """
    make = PyramidPlaces(operations, cardinality_width, seed, width)
    half = (stem_width or width) // 2
    # The stem's first convolution ends in normalisation and ReLU, so the first block does not begin with them.
    before = make.pyramid_block(half // 2, half, "stem.0", activated=False)
    after = [make.pyramid_block(half, half, "stem.1"), make.pyramid_block(half, width, "stem.2")]
    parts = [
        Stack(
            Hourglass(depth, make, name=f"stack{index}"),
            nn.Sequential(nn.BatchNorm2d(width), relu()),
            width,
            joints,
            last=index == stacks - 1,
        )
        for index in range(stacks)
    ]
    return StackedHourglass(Stem(half // 2, before, after), parts, depth)
