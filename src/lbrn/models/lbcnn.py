"""LBCNN, the ancestor of the local-binary block (Juefei-Xu, Boddeti and Savvides 2017): fixed filters, then 1x1 ones.

A unit normalises its p channels, convolves them with m fixed filters, m >= p, and learns only the 1x1 convolution that
takes the m maps back to p; there is no bottleneck, no second normalisation, and no map is ever halved.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from lbrn.models.blocks import relu
from lbrn.models.convolutions import Convolution

UnitMaker = Callable[[str], nn.Module]
"""Makes a unit from its name."""


class LocalBinaryUnit(nn.Module):
    """Normalisation, fixed 3x3 convolution, activation, learned 1x1 convolution with bias, and the identity."""

    def __init__(
        self, width: int, filters: int, conv3x3: Convolution, activation: Callable[[], nn.Module], *, name: str
    ) -> None:
        """Make the unit.

        Args:
            width: Channels in and out, p.
            filters: Fixed filters, m.
            conv3x3: Makes the fixed convolution.
            activation: Makes the activation between the convolutions.
            name: Name of the unit; its fixed convolution is called `<name>.conv3x3`.
        """
        super().__init__()
        fixed = conv3x3(width, filters, 3, name=f"{name}.conv3x3")
        self.change = nn.Sequential(nn.BatchNorm2d(width), fixed, activation(), nn.Conv2d(filters, width, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, width, H, W) to the same shape."""
        change: Tensor = self.change(features)
        return features + change


class LBCNN(nn.Module):
    """A learned 3x3 convolution, the units at full resolution, the mean, a hidden layer, the classes."""

    def __init__(self, make: UnitMaker, *, classes: int, width: int, blocks: int, hidden: int) -> None:
        """Make the network.

        Args:
            make: Makes the units.
            classes: Number of classes.
            width: Channels between the units.
            blocks: Number of units.
            hidden: Numbers of the hidden layer.
        """
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), relu())
        self.units = nn.Sequential(*(make(f"unit{number + 1}") for number in range(blocks)))
        self.hidden = nn.Linear(width, hidden)
        self.classes = nn.Linear(hidden, classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """Give the scores of the classes, (N, classes), of pictures (N, 3, H, W)."""
        features = self.units(self.stem(pictures)).mean((2, 3))
        scores: Tensor = self.classes(F.relu(self.hidden(features)))
        return scores
