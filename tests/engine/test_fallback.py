"""What the engine does not know: refused by name, or left to torch."""

import numpy as np
import pytest
import torch
from torch import nn

from engine.networks import by_torch, difference, pictures
from lbrn import engine
from lbrn.errors import InputError


class Unknown(nn.Module):
    """Layers that only torch can run, between maps and between flat values."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.gelu = nn.GELU()
        self.norm = nn.GroupNorm(2, 6)
        self.last = nn.Conv2d(6, 5, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flat = nn.Sequential(nn.Flatten(), nn.LayerNorm(5), nn.Linear(5, 7), nn.GELU(), nn.Linear(7, 2))

    def forward(self, x):
        maps = self.last(self.norm(self.gelu(self.first(x))) + self.first(x))
        return [maps, self.flat(self.pool(maps))]


def test_an_unknown_layer_is_named():
    with pytest.raises(InputError, match=r"gelu \(GELU\) .* fallback=\"torch\""):
        engine.compile(Unknown())


@pytest.mark.parametrize("threads", [1, 2])
def test_torch_runs_what_the_engine_does_not_know(threads):
    network = Unknown().eval()
    program = engine.compile(network, fallback="torch", threads=threads)
    assert program.fallbacks == ["gelu", "norm", "flat.1", "flat.2", "flat.3", "flat.4"]
    assert [step.name for step in program.steps if step.kind == "torch"] == program.fallbacks
    for shape in ((2, 3, 16, 24), (1, 3, 9, 11), (2, 3, 16, 24)):
        images = pictures(*shape)
        assert difference(program.run(images), by_torch(network, images)) <= 1e-4


class Reshaping(nn.Module):
    """Torch gives back another number of channels, another size, or flat values."""

    def forward(self, x):
        return nn.functional.pixel_shuffle(x, 2)


class Mean(nn.Module):
    def forward(self, x):
        return x.amax((2, 3))


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Sequential(nn.Conv2d(3, 8, 1), Reshaping(), nn.Conv2d(2, 3, 3)),
        lambda: nn.Sequential(nn.Conv2d(3, 8, 1), Mean()),
        lambda: nn.Sequential(nn.GELU(), nn.Conv2d(3, 8, 1)),
        lambda: nn.Sequential(nn.Softplus()),
    ],
)
def test_shapes_that_torch_changes(make):
    network = make().eval()
    images = pictures(2, 3, 10, 8)
    program = engine.compile(network, fallback="torch")
    assert difference([program.run(images)], by_torch(network, images)) <= 1e-5


def test_what_torch_runs_is_a_copy_in_evaluation():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.PReLU(4), nn.Dropout(), nn.RReLU())
    network.train()
    images = pictures(1, 3, 8, 8)
    program = engine.compile(network, fallback="torch")
    assert network[3].training, "the caller's network keeps its mode"
    expected = by_torch(network.eval(), images)
    assert difference([program.run(images)], expected) <= 1e-5
    with torch.no_grad():
        network[1].weight.zero_()
    assert difference([program.run(images)], expected) <= 1e-5


class Pair(nn.Module):
    def forward(self, x):
        return x * 2, x


class ToOneDimension(nn.Module):
    def forward(self, x):
        return x * x.new_ones(()).expand(1, *x.shape)


class OtherBatch(nn.Module):
    def forward(self, x):
        return x.repeat(5, 1, 1, 1)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (OtherBatch(), r"1: torch returns the shape .*5, 4, 8, 8"),
        (ToOneDimension(), r"1: torch returns the shape .*1, 1, 4, 8, 8"),
        (Pair(), r"1 returns a tuple"),
    ],
)
def test_what_cannot_go_on_from_torch(layer, message):
    network = nn.Sequential(nn.Conv2d(3, 4, 1), layer)
    program = engine.compile(network, fallback="torch")
    with pytest.raises(InputError, match=message):
        program.run(pictures(1, 3, 8, 8))


def test_nothing_is_left_to_torch_where_nothing_needs_it():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU()).eval()
    images = pictures(1, 3, 8, 8)
    ours, theirs = engine.compile(network, fallback="torch"), engine.compile(network)
    assert ours.fallbacks == [] and np.array_equal(ours.run(images), theirs.run(images))
