"""CPD and CPD-LB in the engine: dilated and strided fixed filters, 1xk kernels, attention; compiled equals torch."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from engine.networks import by_torch, calibrated, difference, pictures
from lbrn import engine
from lbrn.errors import InputError
from lbrn.models.attention import HolisticAttention, Stretch
from lbrn.models.convolutions import fixed_convolution
from lbrn.models.cpd import cpd
from lbrn.models.cpd.network import initialise_heads
from lbrn.trace import trace
from oracles import graph_run


def fixed(stride, dilation):
    return fixed_convolution(0.5, 3, stride=stride, dilation=dilation)


def network(backbone, **settings):
    torch.manual_seed(0)
    made = cpd(backbone, width=8, head=8, **settings)
    # Published heads begin so small that their maps say nothing.
    initialise_heads(made, None)
    side = 32 if backbone == "vgg16" else 64
    return calibrated(made, torch.randn(4, 3, side, side))


def exactly(made, images):
    """What torch returns in double precision."""
    with torch.no_grad():
        return [one.float().numpy() for one in copy.deepcopy(made).double()(torch.from_numpy(images).double())]


KINDS = {
    "cpd-vgg16": ("vgg16", {}),
    "cpd-lb-vgg16": ("vgg16", {"fixed": fixed}),
    "cpd-lb-resnet50": ("resnet50", {"fixed": fixed}),
    "cpd-lb-resnet50-everything": ("resnet50", {"fixed": fixed, "scope": "everything"}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("threads", [1, 2])
def test_compiled_equals_torch(kind, threads):
    backbone, settings = KINDS[kind]
    made = network(backbone, **settings)
    program = engine.compile(made, threads=threads)
    assert program.fallbacks == []
    side = 32 if backbone == "vgg16" else 64
    for shape in ((1, 3, 2 * side, 3 * side), (2, 3, side, side)):
        images = pictures(*shape)
        exact = exactly(made, images)
        # Normalised by the few values of small maps, ResNet-50 enlarges roundings: torch's own are the measure.
        assert difference(program.run(images), exact) <= 1e-5 + 4 * difference(by_torch(made, images), exact)
        assert difference(by_torch(made, images), exact) <= 1e-3


def test_fixed_filters_run_as_additions():
    program = engine.compile(network("vgg16", fixed=fixed))
    assert sum(step.ternary for step in program.steps) == 40


@pytest.mark.parametrize("kind", KINDS)
def test_the_graph_is_the_network(kind):
    backbone, settings = KINDS[kind]
    made = network(backbone, **settings).double()
    graph = trace(made)
    assert not [node.op for node in graph.nodes if node.op == "torch"]
    images = torch.from_numpy(pictures(2, 3, 64, 64)).double()
    with torch.no_grad():
        expected, found = made(images), graph_run.run(graph, made.state_dict(), images)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9 * float(theirs.abs().max()))


@pytest.mark.parametrize("shape", [(1, 5, 7, 13), (3, 1, 16, 16), (2, 9, 8, 24)])
@pytest.mark.parametrize("threads", [1, 2])
def test_pairs_of_maps(shape, threads):
    class Pairs(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = nn.Conv2d(shape[1], 1, 1)
            self.same = nn.Conv2d(shape[1], shape[1], 3, padding=1)
            self.stretch = Stretch()

        def forward(self, x):
            single, whole = self.one(x), self.same(x)
            narrow = self.stretch(single)
            return [x * narrow, narrow * whole, torch.maximum(whole, x), torch.maximum(single, x), self.stretch(whole)]

    made = Pairs().eval()
    images = pictures(*shape)
    program = engine.compile(made, threads=threads)
    assert difference(program.run(images), by_torch(made, images)) <= 1e-6


def test_attention_alone():
    class Attended(nn.Module):
        def __init__(self):
            super().__init__()
            self.enter, self.focus = nn.Conv2d(3, 1, 3, padding=1), HolisticAttention()
            self.focus.reset()

        def forward(self, x):
            return self.focus(torch.sigmoid(self.enter(x)), x)

    made = Attended().eval()
    images = pictures(2, 3, 40, 33)
    assert difference([engine.compile(made).run(images)], by_torch(made, images)) <= 1e-5


def test_what_is_no_number_stays_none():
    made = nn.Sequential(Stretch())
    images = pictures(1, 2, 8, 8)
    images[0, 1, 3, 3] = np.nan
    found = engine.compile(made).run(images)
    assert np.isnan(found[0, 1]).all() and np.isfinite(found[0, 0]).all()


def test_maps_that_do_not_fit_are_refused():
    class Wrong(nn.Module):
        def __init__(self, channels, stride):
            super().__init__()
            self.other = nn.Conv2d(3, channels, 1, stride)

        def forward(self, x):
            return x * self.other(x)

    for channels, stride in ((2, 1), (3, 2)):
        with pytest.raises(InputError, match="not of one size and alike in channels"):
            engine.compile(Wrong(channels, stride)).run(pictures(1, 3, 8, 8))


def test_constants_are_refused():
    class Doubled(nn.Module):
        def forward(self, x):
            return x * 2

    with pytest.raises(InputError, match="multiplies by a constant"):
        engine.compile(nn.Sequential(Doubled()))
