"""What all networks are made of: the residual bottleneck, which takes its convolutions and activation as arguments."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from lbrn.layers import Sign
from lbrn.models.convolutions import Convolution, binary_convolution, real_convolution
from lbrn.models.paths import BOTTLENECK, Part


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

    With fixed 3x3 convolutions it is the paper's local-binary block (LBB); with binary ones, HG-Binary's block. The
    ablations leave parts of it out.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        operations: Operations,
        *,
        name: str,
        path: Sequence[Part] = BOTTLENECK,
        skip: nn.Module | None = None,
    ) -> None:
        """Make the block.

        Args:
            in_channels: Channels in.
            out_channels: Channels out; half of them are the bottleneck.
            operations: Convolutions and activation.
            name: Name of the block; its convolutions are called `<name>.reduce`, `.conv3x3` and `.expand`.
            path: Its convolutions in their order.
            skip: The other path; `plain_skip` where not given.
        """
        super().__init__()
        self.path = tuple(part.name for part in path)
        channels = in_channels
        for part in path:
            made = out_channels // 2 if part.narrow else out_channels
            self.add_module(part.name, operations.step(channels, made, part.kernel, name=f"{name}.{part.name}"))
            channels = made
        self.skip = plain_skip(in_channels, out_channels) if skip is None else skip

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H, W)."""
        change = features
        for name in self.path:
            change = getattr(self, name)(change)
        shortcut: Tensor = self.skip(features)
        return shortcut + change
