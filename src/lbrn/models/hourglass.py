"""The stacked hourglass (Newell et al. 2016; section 4.1 of the paper), whatever its residual blocks are."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lbrn.errors import InputError
from lbrn.models.blocks import relu

BlockMaker = Callable[[int, int, str], nn.Module]
"""Makes a residual block from channels in, channels out and its name."""


class PlaceMaker(Protocol):
    """Makes the module for one place of an hourglass."""

    def __call__(self, place: str, level: int, name: str) -> nn.Module:
        """Make the module for `up`, `down`, `bottom` or `back` at a level; it keeps channels and size."""
        ...


class Hourglass(nn.Module):
    """One level of an hourglass, with the levels below it inside.

    The upper path keeps the size; the lower path is pooled to half, processed, enlarged by nearest neighbour and
    added. Level n contains level n - 1; level 1 contains one more block in its place.
    """

    def __init__(self, level: int, make: PlaceMaker, *, name: str) -> None:
        """Make levels `level` to 1.

        Args:
            level: Number of poolings, >= 1.
            make: Makes the module of each place.
            name: Prefix of the modules' names.
        """
        super().__init__()
        prefix = f"{name}.level{level}"
        self.up = make("up", level, f"{prefix}.up")
        self.down = make("down", level, f"{prefix}.down")
        self.inner: nn.Module
        if level > 1:
            self.inner = Hourglass(level - 1, make, name=name)
        else:
            self.inner = make("bottom", level, f"{prefix}.bottom")
        self.back = make("back", level, f"{prefix}.back")

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape; H and W must be divisible by 2**level."""
        upper: Tensor = self.up(features)
        lower = self.back(self.inner(self.down(F.max_pool2d(features, 2))))
        return upper + F.interpolate(lower, scale_factor=2.0, mode="nearest")


class Stem(nn.Module):
    """From the picture to features at a quarter of its side: 7x7 stride 2, a block, max-pooling, two more blocks."""

    def __init__(self, width: int, before: nn.Module, after: Sequence[nn.Module]) -> None:
        """Make the stem.

        Args:
            width: Channels of the 7x7 convolution.
            before: The block at half the side.
            after: The blocks at a quarter of the side.
        """
        super().__init__()
        self.entry = nn.Sequential(nn.Conv2d(3, width, 7, stride=2, padding=3), nn.BatchNorm2d(width), relu())
        self.before = before
        self.after = nn.Sequential(*after)

    def forward(self, images: Tensor) -> Tensor:
        """Map (N, 3, S, S) to (N, C, S/4, S/4)."""
        features: Tensor = self.after(F.max_pool2d(self.before(self.entry(images)), 2))
        return features


class Stack(nn.Module):
    """One hourglass with its head, and the way back into the features unless it is the last."""

    def __init__(self, hourglass: nn.Module, neck: nn.Module, width: int, joints: int, *, last: bool) -> None:
        """Make the stack.

        Args:
            hourglass: Keeps (N, width, H, W).
            neck: What follows the hourglass; keeps the shape as well.
            width: Channels.
            joints: Channels of the heatmaps.
            last: Whether no further stack follows.
        """
        super().__init__()
        self.hourglass = hourglass
        self.neck = neck
        # Here the convolution comes before its normalisation, other than inside the blocks.
        self.features = nn.Sequential(nn.Conv2d(width, width, 1), nn.BatchNorm2d(width), relu())
        self.score = nn.Conv2d(width, joints, 1)
        self.remap_features = None if last else nn.Conv2d(width, width, 1)
        self.remap_score = None if last else nn.Conv2d(joints, width, 1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, width, H, W) to heatmaps (N, joints, H, W) and the features for the next stack."""
        own = self.features(self.neck(self.hourglass(features)))
        score: Tensor = self.score(own)
        if self.remap_features is None or self.remap_score is None:
            return score, features
        return score, features + self.remap_features(own) + self.remap_score(score)


class Pictures(nn.Module):
    """The way in: refuses pictures that poolings do not divide, and lays out their numbers for a CPU's convolutions.

    A module of its own, so that `lbrn.trace` passes it by as a whole: it looks at sizes and computes nothing.
    """

    def __init__(self, multiple: int) -> None:
        """Take what both sides must be multiples of."""
        super().__init__()
        self.multiple = multiple

    def forward(self, images: Tensor) -> Tensor:
        """Return the same pictures, channels last in memory.

        Raises:
            InputError: A side is not a multiple.
        """
        if images.shape[-1] % self.multiple or images.shape[-2] % self.multiple:
            sides = "x".join(str(side) for side in images.shape[-2:])
            raise InputError(f"pictures of {sides} px do not fit: both sides must be multiples of {self.multiple}")
        return images.contiguous(memory_format=torch.channels_last)


class StackedHourglass(nn.Module):
    """Stem and stacks; every stack's heatmaps come out and are to be supervised."""

    def __init__(self, stem: nn.Module, stacks: Sequence[Stack], depth: int) -> None:
        """Put the parts together.

        Args:
            stem: From pictures to features.
            stacks: One or more.
            depth: Poolings of each hourglass, to check sizes.
        """
        super().__init__()
        self.pictures = Pictures(4 << depth)
        self.stem = stem
        self.stacks = nn.ModuleList(stacks)

    def heads(self) -> Iterator[nn.Parameter]:
        """Weights and biases of the convolutions that make the heatmaps."""
        for stack in self.stacks:
            yield from cast(Stack, stack).score.parameters()

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map pictures (N, 3, S, S) to one tensor of heatmaps (N, joints, S/4, S/4) for each stack.

        Raises:
            InputError: A side is not a multiple of 4 * 2**depth.
        """
        features = self.stem(self.pictures(images))
        scores = []
        for stack in self.stacks:
            score, features = stack(features)
            scores.append(score)
        return scores


def stacked_hourglass(
    make: BlockMaker,
    *,
    stacks: int,
    width: int,
    depth: int,
    joints: int,
    stem_width: int | None = None,
    up_blocks: bool = True,
    back_blocks: bool = True,
) -> StackedHourglass:
    """Make a stacked hourglass that has the same kind of residual block everywhere.

    At full size with bottlenecks these are the 1464 parameter tensors that the paper quotes: its second block after
    the pooling already goes from 128 to 256 channels.

    Args:
        make: Makes the blocks.
        stacks: Hourglasses one behind the other.
        width: Channels of the stacks.
        depth: Poolings of each hourglass (paper: 4).
        joints: Number of heatmaps.
        stem_width: Channels towards which the stem widens (a quarter, half, all of it); `width` where not given.
        up_blocks: Whether there are blocks on the paths that keep the size, or nothing.
        back_blocks: Whether there are blocks on the way back up, or nothing: then the hourglass is an encoder, the maps
            of which are enlarged and added.
    """
    wide = stem_width or width
    after = [make(wide // 2, wide, "stem.1"), make(wide, width, "stem.2")]
    stem = Stem(wide // 4, make(wide // 4, wide // 2, "stem.0"), after)

    empty = {place for place, blocks in (("up", up_blocks), ("back", back_blocks)) if not blocks}

    def place(place: str, level: int, name: str) -> nn.Module:
        return nn.Identity() if place in empty else make(width, width, name)

    parts = [
        Stack(
            Hourglass(depth, place, name=f"stack{index}"),
            make(width, width, f"stack{index}.neck"),
            width,
            joints,
            last=index == stacks - 1,
        )
        for index in range(stacks)
    ]
    return StackedHourglass(stem, parts, depth)
