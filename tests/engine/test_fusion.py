"""Random graphs in the engine against the interpreter of graphs: whatever is fused, the values stay."""

import numpy as np
import pytest
import torch
from hypothesis import given, note, settings
from hypothesis import strategies as st
from torch import nn

from engine.networks import ResNet, by_torch, difference, moved, pictures
from lbrn import engine
from lbrn.engine import weights
from lbrn.engine.program import Program
from lbrn.graph import INPUT, Graph, Node
from oracles import graph_run


class Drawn:
    """A graph under construction, with the shape of each value: (channels, height, width), or (channels,) if flat."""

    def __init__(self, seed, side):
        self.random = np.random.default_rng(seed)
        self.nodes = [Node(INPUT, "input", (), {"multiple": 1})]
        self.shapes = {INPUT: (3, *side)}
        self.tensors = {}

    def value(self, fits=lambda shape: True):
        names = [name for name, shape in self.shapes.items() if fits(shape)]
        return str(self.random.choice(names)) if names else None

    def add(self, op, inputs, shape, attributes=None, **tensors):
        name = f"{op}{len(self.nodes)}"
        stored = {role: f"{name}.{role}" for role in tensors}
        self.tensors |= {stored[role]: value.astype(np.float32) for role, value in tensors.items()}
        self.nodes.append(Node(name, op, tuple(inputs), attributes or {}, stored))
        self.shapes[name] = shape

    def normal(self, *shape):
        return self.random.standard_normal(shape) / np.sqrt(max(1, np.prod(shape[1:])))

    def window(self, shape, kernel, *, dilated=True):
        """Settings of a window that fits into a map, and the size of what comes out."""
        padding = [int(self.random.integers(0, side // 2 + 1)) for side in kernel]
        stride, dilation = int(self.random.integers(1, 3)), int(self.random.integers(1, 4)) if dilated else 1
        sides = [
            (side + 2 * pad - dilation * (taps - 1) - 1) // stride + 1
            for side, pad, taps in zip(shape[1:], padding, kernel, strict=True)
        ]
        settings = {"kernel": list(kernel), "stride": [stride] * 2, "padding": padding}
        return (settings | {"dilation": [dilation] * 2} if dilated else settings), sides


def _is_map(shape):
    return len(shape) == 3


def conv(drawn, op="conv"):
    source = drawn.value(_is_map)
    shape = drawn.shapes[source]
    kernel = [int(side) for side in drawn.random.choice([1, 1, 3, 5], 2)]
    settings, sides = drawn.window(shape, kernel)
    if min(sides) < 1:
        return
    groups = int(drawn.random.choice([one for one in (1, 2, 3, shape[0]) if shape[0] % one == 0]))
    outputs = groups * int(drawn.random.integers(1, 5))
    settings["groups"] = groups
    form = [outputs, shape[0] // groups, *kernel]
    tensors = {}
    if op == "ternary_conv":
        sparsity = float(drawn.random.choice([0.0, 0.1, 0.5, 1.0]))
        name = f"filter{len(drawn.nodes)}"
        settings["filter"] = {"name": name, "seed": 1, "sparsity": sparsity, "scheme": "philox-1", "shape": form}
    else:
        tensors["weight"] = drawn.normal(*form)
        if op == "conv" and drawn.random.random() < 0.5:
            tensors["bias"] = drawn.normal(outputs)
    drawn.add(op, [source], (outputs, *sides), settings, **tensors)


def norm(drawn):
    source = drawn.value(_is_map)
    channels = drawn.shapes[source][0]
    drawn.add(
        "batch_norm", [source], drawn.shapes[source], {"eps": 1e-5},
        weight=drawn.normal(channels), bias=drawn.normal(channels), running_mean=drawn.normal(channels),
        running_var=drawn.random.uniform(0.2, 2, channels),
    )  # fmt: skip


def activation(drawn):
    source = drawn.value()
    drawn.add(str(drawn.random.choice(["relu", "relu", "sigmoid"])), [source], drawn.shapes[source])


def total(drawn):
    left = drawn.value()
    right = drawn.value(lambda shape: shape == drawn.shapes[left])
    drawn.add("add", [left, right], drawn.shapes[left])


def join(drawn):
    first = drawn.value(_is_map)
    size = drawn.shapes[first][1:]
    others = [drawn.value(lambda shape: _is_map(shape) and shape[1:] == size) for _ in range(drawn.random.integers(3))]
    drawn.add("cat", [first, *others], (sum(drawn.shapes[name][0] for name in [first, *others]), *size))


def pool(drawn):
    source = drawn.value(_is_map)
    shape = drawn.shapes[source]
    kernel = [(2, 2), (3, 3), (2, 3)][drawn.random.integers(3)]
    settings, sides = drawn.window(shape, kernel, dilated=False)
    if drawn.random.random() < 0.5 and min(shape[1:]) > 1:
        settings, sides = {"kernel": [2, 2], "stride": [2, 2], "padding": [0, 0]}, [side // 2 for side in shape[1:]]
    if min(sides) < 1:
        return
    if drawn.random.random() < 0.6:
        drawn.add("max_pool", [source], (shape[0], *sides), settings)
    else:
        counted = bool(drawn.random.random() < 0.5)
        drawn.add("avg_pool", [source], (shape[0], *sides), settings | {"count_include_pad": counted})


def enlarge(drawn):
    source = drawn.value(lambda shape: _is_map(shape) and max(shape[1:]) <= 20)
    if source is None:
        return
    channels, height, width = drawn.shapes[source]
    factor = int(drawn.random.integers(1, 4))
    large = (channels, factor * height, factor * width)
    drawn.add("upsample_nearest", [source], large, {"scale": factor})
    beside = drawn.value(lambda shape: shape == large)
    if drawn.random.random() < 0.7:
        drawn.add("add", [drawn.nodes[-1].name, beside][:: drawn.random.choice([1, -1])], large)


def resize(drawn):
    source, align = drawn.value(_is_map), bool(drawn.random.random() < 0.5)
    channels, height, width = drawn.shapes[source]
    if drawn.random.random() < 0.5:
        like = drawn.value(_is_map)
        drawn.add("resize_bilinear", [source, like], (channels, *drawn.shapes[like][1:]), {"align_corners": align})
        return
    scale = float(drawn.random.choice([0.5, 0.7, 1.3, 2.0]))
    sides = [int(side * scale) for side in (height, width)]
    if min(sides) >= 1 and max(sides) <= 60:
        drawn.add("resize_bilinear_scale", [source], (channels, *sides), {"scale": scale, "align_corners": align})


def fractional(drawn):
    source = drawn.value(lambda shape: _is_map(shape) and min(shape[1:]) >= 2)
    if source is None:
        return
    channels, height, width = drawn.shapes[source]
    ratios = [0.9, 0.5, 0.75]
    index = int(drawn.random.integers(3))
    sides = [max(1, int(side * ratios[index])) for side in (height, width)]
    settings = {"ratios": ratios, "index": index, "name": "pool", "draw": int(drawn.random.integers(2))}
    drawn.add("fractional_pool", [source], (channels, *sides), settings)


def classify(drawn):
    source = drawn.value(_is_map)
    channels = drawn.shapes[source][0]
    drawn.add("global_avg_pool", [source], (channels, 1, 1))
    drawn.add("flatten", [drawn.nodes[-1].name], (channels,))
    drawn.add("linear", [drawn.nodes[-1].name], (4,), weight=drawn.normal(4, channels), bias=drawn.normal(4))


STEPS = [
    conv, conv, conv, lambda drawn: conv(drawn, "ternary_conv"), lambda drawn: conv(drawn, "binary_conv"), norm, norm,
    norm, activation, activation, total, total, join, pool, enlarge, resize, fractional, classify,
]  # fmt: skip


@st.composite
def drawings(draw):
    """A graph, its tensors, and the size of the pictures."""
    side = (draw(st.integers(2, 24)), draw(st.integers(2, 24)))
    drawn = Drawn(draw(st.integers(0, 10**6)), side)
    for step in draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=14)):
        step(drawn)
    count = draw(st.integers(1, 3))
    outputs = tuple(drawn.value() for _ in range(count)) if count > 1 else (drawn.nodes[-1].name,)
    return Graph(tuple(drawn.nodes), outputs, count > 1), drawn.tensors, side


@settings(max_examples=300, deadline=None)
@given(drawings(), st.integers(1, 3), st.integers(1, 2), st.booleans())
def test_any_graph(drawing, batch, threads, multiply):
    graph, tensors, side = drawing
    note("\n".join(f"{node.name} <- {node.inputs} {dict(node.attributes)}" for node in graph.nodes))
    images = pictures(batch, 3, *side)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "_MULTIPLY_ADD", weights._MULTIPLY_ADD if multiply else 1e9)
        program = Program(graph, tensors, threads=threads)
    given = {name: torch.from_numpy(value) for name, value in tensors.items()}
    expected = graph_run.run(graph, given, torch.from_numpy(images))
    for _ in range(2):
        found = program.run(images)
        assert isinstance(found, list) == graph.is_list
        for ours, theirs in zip(found, expected, strict=True) if graph.is_list else [(found, expected)]:
            assert ours.shape == tuple(theirs.shape)
            assert np.abs(ours - theirs.numpy()).max() <= 1e-4 * float(theirs.abs().max()) + 1e-7


def _kinds(network):
    return [step.kind for step in engine.compile(network.eval()).steps]


def test_what_becomes_one_step():
    conv, norm, relu = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU()
    assert _kinds(nn.Sequential(conv, norm, relu)) == ["dense"]
    assert _kinds(nn.Sequential(norm, relu, conv)) == ["dense"]
    assert _kinds(nn.Sequential(relu, conv, norm, nn.BatchNorm2d(3), nn.Sigmoid(), nn.Conv2d(3, 2, 1))) == ["dense"] * 2
    assert _kinds(nn.Sequential(conv, relu, norm, conv)) == ["dense", "dense"]
    assert _kinds(ResNet()).count("transform") == 0


class Branches(nn.Module):
    """Values that are used more than once must not be changed by what follows one of their uses."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.other = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1)

    def forward(self, x):
        y = self.conv(x)
        normal = self.norm(y)
        active = torch.relu(normal)
        z = self.other(active) + y
        return [y, normal, active, z, torch.relu(z), self.norm(z + z)]


def test_values_with_several_uses():
    network = moved(Branches())
    images = pictures(2, 3, 12, 16)
    assert difference(engine.compile(network).run(images), by_torch(network, images)) <= 1e-5


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_stays_visible(value):
    # A ReLU or a maximum that turned it into a number would hide a broken network.
    network = nn.Sequential(
        nn.Conv2d(3, 4, 1), nn.ReLU(), nn.MaxPool2d(2), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1)
    )
    images = pictures(1, 3, 16, 32)
    images[0, 1, 5, 5] = value
    (expected,) = by_torch(network.eval(), images)
    found = engine.compile(network).run(images)
    assert np.array_equal(np.isfinite(found), np.isfinite(expected))
