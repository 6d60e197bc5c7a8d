"""Networks for the engine's tests, whose statistics are no longer those of new ones."""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lbrn.layers import LocalBinaryConv2d


def moved(network, seed=0):
    """The network with other weights and statistics than a new one's, in evaluation."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.dtype == torch.float32:
                value.add_(torch.rand(value.shape, generator=generator) * 0.1)
    return network.eval()


def calibrated(network, images):
    """The network with the statistics of some pictures, in evaluation."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = None  # the mean of all
    with torch.no_grad():
        network.train()(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return network.eval()


def pictures(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def by_torch(network, images):
    """What torch returns, as arrays: a list whatever it is."""
    with torch.no_grad():
        results = network(torch.from_numpy(images.copy()))
    return [one.numpy() for one in (results if isinstance(results, list | tuple) else [results])]


def by_torch_in_fixed_point(network, images, program):
    """What torch returns if it rounds, as the program does, what goes into the ternary convolutions to 8 bits."""
    rounding = copy.deepcopy(network)

    def round_input(module, inputs):
        (x,) = inputs
        step = (x.abs().max() / 127).clamp_min(2.0**-100)
        return (torch.round(x / step) * step,)

    for step in program.steps:
        if step.kind == "ternary":
            rounding.get_submodule(step.name).register_forward_pre_hook(round_input)
    return by_torch(rounding, images)


def difference(found, expected):
    """Largest difference of lists of arrays, in parts of the largest magnitude."""
    assert len(found) == len(expected)
    parts = []
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape and ours.dtype == np.float32
        assert theirs.std() > 0, "a constant proves nothing"
        parts.append(float(np.abs(ours - theirs).max() / np.abs(theirs).max()))
    return max(parts)


class BasicBlock(nn.Module):
    """A residual block as ResNet-18 has it, or with fixed ternary filters."""

    def __init__(self, first, last, stride, name=None):
        super().__init__()
        self.conv1 = nn.Conv2d(first, last, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(last)
        self.conv2 = (
            LocalBinaryConv2d(last, last, 3, padding=1, sparsity=0.3, seed=0, name=name)
            if name
            else nn.Conv2d(last, last, 3, 1, 1, bias=False)
        )
        self.bn2 = nn.BatchNorm2d(last)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = (
            nn.Sequential(nn.Conv2d(first, last, 1, stride, bias=False), nn.BatchNorm2d(last))
            if stride > 1 or first != last
            else nn.Identity()
        )

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class ResNet(nn.Module):
    """Stem, pooling, stages of basic blocks, mean, classes."""

    def __init__(self, fixed=False):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 7, 2, 3, bias=False), nn.BatchNorm2d(16)
        self.pool = nn.MaxPool2d(3, 2, 1)
        names = [f"block{number}" if fixed else None for number in range(4)]
        self.layers = nn.Sequential(
            BasicBlock(16, 16, 1, names[0]), BasicBlock(16, 32, 2, names[1]), BasicBlock(32, 32, 1, names[2]),
            BasicBlock(32, 48, 2, names[3]),
        )  # fmt: skip
        self.mean, self.classes = nn.AdaptiveAvgPool2d(1), nn.Linear(48, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.bn1(self.conv1(x))))
        return self.classes(torch.flatten(self.mean(self.layers(x)), 1))


class Assorted(nn.Module):
    """Grouped, depthwise, dilated and uneven convolutions, joined maps, mean pooling, learned and fixed filters."""

    def __init__(self):
        super().__init__()
        self.grouped = nn.Conv2d(3, 12, 3, padding=1, groups=3)
        self.depthwise = nn.Conv2d(12, 12, 3, padding=1, groups=12)
        self.dilated = nn.Conv2d(12, 6, 3, padding=5, dilation=5)
        self.uneven = nn.Conv2d(12, 6, (1, 5), padding=(0, 2))
        self.fixed = LocalBinaryConv2d(12, 9, 3, padding=3, dilation=3, groups=3, sparsity=0.5, seed=0, name="a")
        self.norm = nn.BatchNorm2d(21)
        self.mean = nn.AvgPool2d(3, 2, 1)
        self.last = nn.Conv2d(21, 4, 2, stride=2)

    def forward(self, x):
        x = self.depthwise(torch.relu(self.grouped(x)))
        x = torch.cat([self.dilated(x), torch.sigmoid(self.uneven(x)), self.fixed(torch.relu(x))], 1)
        small = self.mean(torch.relu(self.norm(x)))
        return small, self.last(F.interpolate(small, scale_factor=2)), F.max_pool2d(x, (3, 2), stride=2, padding=(1, 0))
