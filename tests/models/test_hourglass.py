"""Hourglass, stack and their recursion against the definition."""

import torch
import torch.nn.functional as F
from torch import nn

from lbrn.models.hourglass import Hourglass, Stack, stacked_hourglass

FEATURES = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))


class Scale(nn.Module):
    """Multiplies; which place got which number shows the wiring."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, values):
        return values * self.factor


def test_recursion_of_the_hourglass():
    factors = {}

    def make(place, level, name):
        factors[place, level] = 1.0 + len(factors) / 10
        assert name == f"h.level{level}.{place}"
        return Scale(factors[place, level])

    hourglass = Hourglass(2, make, name="h")

    def expected(level, values):
        low = F.max_pool2d(values, 2, 2) * factors["down", level]
        middle = expected(level - 1, low) if level > 1 else low * factors["bottom", level]
        low = middle * factors["back", level]
        enlarged = low.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        return values * factors["up", level] + enlarged

    torch.testing.assert_close(hourglass(FEATURES), expected(2, FEATURES))
    assert len(factors) == 3 * 2 + 1


def test_head_and_way_back():
    stack = Stack(Scale(2.0), Scale(3.0), 4, 5, last=False).eval()
    score, after = stack(FEATURES)
    own = torch.relu(stack.features[1](stack.features[0](6.0 * FEATURES)))
    torch.testing.assert_close(score, stack.score(own))
    torch.testing.assert_close(after, FEATURES + stack.remap_features(own) + stack.remap_score(score))


def test_the_last_stack_has_no_way_back():
    stack = Stack(Scale(2.0), Scale(3.0), 4, 5, last=True)
    assert stack.remap_features is None and stack.remap_score is None
    assert stack(FEATURES)[0].shape == (2, 5, 8, 8)


def test_one_set_of_code_asks_for_every_block_once():
    asked = []

    def make(first, last, name):
        asked.append((first, last, name))
        return nn.Conv2d(first, last, 1)

    network = stacked_hourglass(make, stacks=2, width=32, depth=3, joints=4)
    assert [entry[:2] for entry in asked[:2]] == [(16, 32), (32, 32)] and (8, 16, "stem.0") in asked
    names = [entry[2] for entry in asked]
    assert len(names) == len(set(names)) == 3 + 2 * (3 * 3 + 1 + 1)
    assert network.pictures.multiple == 32
