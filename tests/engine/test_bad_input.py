"""What a caller can get wrong with the engine: one message that names the value and the rule."""

import numpy as np
import pytest
import torch
from torch import nn

from engine.networks import moved, pictures
from lbrn import engine
from lbrn.engine.program import Program
from lbrn.errors import InputError
from lbrn.graph import INPUT, Graph, Node
from lbrn.models import build

ONES = np.ones((2, 3, 3, 3), np.int8)
NETWORK = {"stacks": 1, "width": 16, "depth": 2, "joints": 3}


@pytest.mark.parametrize(
    ("filters", "settings", "message"),
    [
        (2 * ONES, {}, "filters must be .* of -1, 0 and \\+1"),
        (0.5 * ONES, {}, "filters must be"),
        (ONES[0], {}, "filters must be an array .outputs, channels, height, width."),
        (ONES[:0], {}, "filters must be"),
        (np.where(ONES, np.nan, 0), {}, "filters must be"),
        (ONES, {"threads": 0}, "threads is 0; give an integer of 1 or more"),
        (ONES, {"threads": 1.5}, "threads is 1.5"),
        (ONES, {"threads": True}, "threads is True"),
        (ONES, {"arithmetic": "int8"}, "arithmetic is 'int8'; use one of float32, fixed"),
        (ONES, {"path": "fast"}, "path is 'fast'; use one of auto, direct, shared, dense"),
        (ONES, {"stride": 0}, "stride is 0; give an integer of 1 or more"),
        (ONES, {"stride": (1, 2)}, r"stride is \(1, 2\)"),
        (ONES, {"padding": -1}, "padding is -1; give an integer of 0 or more"),
        (ONES, {"dilation": 0}, "dilation is 0"),
    ],
)
def test_settings_of_a_convolution(filters, settings, message):
    with pytest.raises(InputError, match=message):
        engine.TernaryConvolution(filters, **settings)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((1, 3, 8, 8)), r"the input is float64; .*images.astype\(np.float32\)"),
        (np.zeros((1, 3, 8, 8), np.uint8), "the input is uint8"),
        (np.zeros((1, 3, 8, 8), ">f4"), "the input is >f4"),
        ([[1.0]], "the input is list"),
        (torch.zeros(1, 3, 8, 8), "the input is torch.float32"),
        (np.zeros((3, 8, 8), np.float32), r"the input has shape \(3, 8, 8\); give \(images, 3, height, width\)"),
        (np.zeros((1, 4, 8, 8), np.float32), r"the input has shape \(1, 4, 8, 8\); give \(images, 3"),
        (np.zeros((0, 3, 8, 8), np.float32), r"the input has shape \(0, 3, 8, 8\)"),
        (np.zeros((1, 3, 0, 8), np.float32), r"the input has shape \(1, 3, 0, 8\)"),
        (np.zeros((1, 3, 2, 8), np.float32), "a map of 2x8 is smaller than the kernel"),
    ],
)
def test_input_of_a_convolution(images, message):
    with pytest.raises(InputError, match=message):
        engine.TernaryConvolution(ONES)(images)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("threads", [1, 2])
def test_fixed_point_refuses_what_is_no_number(value, threads):
    convolve = engine.TernaryConvolution(ONES, arithmetic="fixed", threads=threads, path="direct")
    images = pictures(2, 3, 16, 16)
    before = convolve(images)
    broken = images.copy()
    broken[1, 2, 15, 15] = value
    with pytest.raises(InputError, match=r"fixed point: the convolution met a value that is not finite; .*float32"):
        convolve(broken)
    assert np.array_equal(convolve(images), before)
    result = engine.TernaryConvolution(ONES, threads=threads, path="direct")(broken)
    assert np.isfinite(result[0]).all() and not np.isfinite(result[1, :, -1, -1]).any()


def _program(**settings):
    return engine.compile(moved(build("lbrn-s", seed=0, **NETWORK)), **settings)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_fixed_point_names_the_layer(value):
    network = moved(build("lbrn-s", seed=0, **(NETWORK | {"width": 256})))
    program = engine.compile(network, arithmetic="fixed")
    images = pictures(1, 3, 32, 32)
    images[0, 0, 3, 3] = value
    first = next(step.name for step in program.steps if step.kind == "ternary")
    with pytest.raises(InputError, match=f"fixed point: {first} met a value that is not finite"):
        program.run(images)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threads": 0}, "threads is 0"),
        ({"threads": "2"}, "threads is '2'"),
        ({"arithmetic": "float16"}, "arithmetic is 'float16'"),
        ({"fallback": "onnx"}, "fallback is 'onnx'; use 'torch' or None"),
    ],
)
def test_settings_of_a_program(settings, message):
    with pytest.raises(InputError, match=message):
        _program(**settings)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((1, 3, 32, 32)), "the input is float64"),
        (np.zeros((1, 1, 32, 32), np.float32), r"shape \(1, 1, 32, 32\); give \(images, 3, height, width\)"),
        (np.zeros((3, 32, 32), np.float32), r"shape \(3, 32, 32\)"),
        (np.zeros((1, 3, 40, 36), np.float32), "pictures of 36x40 px do not fit: .* multiples of 16"),
        (torch.zeros(1, 3, 32, 32), "the input is torch.float32"),
    ],
)
def test_input_of_a_program(images, message):
    with pytest.raises(InputError, match=message):
        _program().run(images)


class Uneven(nn.Module):
    """Maps whose sizes agree for even sides only."""

    def __init__(self, how):
        super().__init__()
        self.smaller, self.last, self.how = nn.Conv2d(3, 3, 1, stride=2), nn.Conv2d(3, 3, 1), how

    def forward(self, x):
        larger = nn.functional.interpolate(self.smaller(x), scale_factor=2)
        return {
            "add": lambda: x + larger,
            "residual": lambda: self.last(larger) + x,
            "cat": lambda: torch.cat([x, larger], 1),
        }[self.how]()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("add", r"add\(\): cannot add maps"),
        ("residual", "last: cannot add maps"),
        ("cat", r"cat\(\): cannot join maps"),
    ],
)
@pytest.mark.parametrize("side", [9, 15, 31, 33])
def test_sizes_that_do_not_agree(how, message, side):
    # Reading on beyond the smaller map is what the kernels would do.
    program = engine.compile(Uneven(how))
    program.run(pictures(1, 3, side + 1, side + 1))
    with pytest.raises(InputError, match=message):
        program.run(pictures(1, 3, side, side))
    with pytest.raises(RuntimeError):
        Uneven(how)(torch.zeros(1, 3, side, side))


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Conv2d(3, 3, 5)),
        nn.Sequential(nn.Conv2d(3, 3, 1), nn.MaxPool2d(7)),
        nn.Sequential(nn.Conv2d(3, 3, 3, stride=2), nn.Conv2d(3, 3, 3)),
    ],
)
def test_maps_smaller_than_a_kernel(network):
    name = f"{len(network) - 1}: a map of"
    with pytest.raises(InputError, match=name):
        engine.compile(network).run(pictures(1, 3, 4, 4))


@pytest.mark.parametrize(
    ("network", "channels"),
    [
        (nn.Sequential(nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 3, 1)), 5),
        (nn.Sequential(nn.Conv2d(6, 3, 1, groups=3)), 6),
        (nn.Sequential(nn.BatchNorm2d(4), nn.Sigmoid()), 4),
    ],
)
def test_the_number_of_channels_is_that_of_the_first_layer(network, channels):
    program = engine.compile(network.eval())
    assert program.run(pictures(1, channels, 8, 8)).shape[0] == 1
    with pytest.raises(InputError, match=rf"give \(images, {channels}, height, width\)"):
        program.run(pictures(1, channels + 1, 8, 8))


def test_any_number_of_channels_where_no_layer_asks():
    program = engine.compile(nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)))
    for channels in (1, 7):
        assert program.run(pictures(1, channels, 8, 8)).shape == (1, channels, 4, 4)


@pytest.mark.parametrize("later", [nn.Conv2d(5, 2, 1), nn.Conv2d(5, 2, 3, padding=1), nn.BatchNorm2d(5)])
def test_channels_that_do_not_agree(later):
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Sigmoid(), nn.MaxPool2d(2), later, nn.Sigmoid())
    with pytest.raises(InputError, match=r"4: takes 5 channels, but 4 come in|5: takes 5 channels, but 4 come in"):
        engine.compile(network.eval()).run(pictures(1, 3, 8, 8))


class Flattening(nn.Module):
    def forward(self, x):
        return torch.flatten(x, 1)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Flattening(), r"1.flatten\(\): the engine flattens maps of one pixel only"),
        (nn.Conv2d(4, 4, 3, stride=(1, 2)), "1: the engine takes the same stride in both directions, not .1, 2."),
        (nn.Conv2d(4, 4, 3, dilation=(1, 2)), "1: the engine takes the same dilation in both"),
        (nn.MaxPool2d(2, stride=(1, 2)), "1: the engine takes the same stride"),
        (nn.GELU(), r"1 \(GELU\) is a kind of module"),
    ],
)
def test_layers_that_the_engine_does_not_know(layer, message):
    with pytest.raises(InputError, match=message):
        engine.compile(nn.Sequential(nn.Conv2d(3, 4, 1), layer)).run(pictures(1, 3, 8, 8))


CONV = {"kernel": [3, 3], "stride": [1, 1], "padding": [1, 1], "dilation": [1, 1], "groups": 1}
WEIGHT = {"weight": "w"}
NORM = {role: role for role in ("weight", "bias", "running_mean", "running_var")}
FOUR = dict.fromkeys(NORM, np.ones(4, np.float32))


@pytest.mark.parametrize(
    ("node", "tensors", "message"),
    [
        (("conv", CONV, WEIGHT), {}, "x: its weight, the tensor w, is missing"),
        (
            ("conv", CONV, WEIGHT),
            {"w": np.ones((4, 3, 5, 5))},
            "x: its weight has the shape .4, 3, 5, 5.; it must be any x any x 3 x 3",
        ),
        (("conv", CONV, WEIGHT), {"w": np.ones((4, 3))}, "x: its weight has the shape .4, 3.; it must be any"),
        (("conv", CONV, WEIGHT), {"w": np.ones((4, 2, 3, 3))}, r"give \(images, 2, height, width\)"),
        (
            ("conv", CONV | {"groups": 3}, WEIGHT),
            {"w": np.ones((4, 1, 3, 3))},
            "x: 4 outputs cannot be cut into 3 groups",
        ),
        (
            ("conv", CONV, WEIGHT | {"bias": "b"}),
            {"w": np.ones((4, 3, 3, 3)), "b": np.ones(3)},
            "x: its bias has the shape .3,.; it must be 4",
        ),
        (("batch_norm", {"eps": 1e-5}, NORM), FOUR, r"give \(images, 4, height, width\)"),
        (
            ("batch_norm", {"eps": 1e-5}, NORM),
            FOUR | {"bias": np.ones(3)},
            "x: its bias has the shape .3,.; it must be 4",
        ),
        (("linear", {}, WEIGHT), {"w": np.ones((4, 3, 1))}, "x: its weight has the shape"),
        (
            ("max_pool", {"kernel": [2, 2], "stride": [2, 2], "padding": [2, 2]}, {}),
            {},
            "x: a padding of .2, 2. is more than half of a .2, 2. window",
        ),
        (
            ("fractional_pool", {"ratios": [0.5], "index": 1, "name": "p", "draw": 0}, {}),
            {},
            "x: its index 1 is beyond its 1 ratios",
        ),
        (("resize_bilinear_scale", {"scale": 0.1, "align_corners": True}, {}), {}, "x: a map of 8x8 is smaller"),
        (
            (
                "ternary_conv",
                CONV | {"filter": {"name": "f", "seed": 0, "sparsity": 1, "scheme": "philox-1", "shape": [4, 3, 5, 5]}},
                {},
            ),
            {},
            r"x: a filter of the shape \[4, 3, 5, 5\] has no \[3, 3\] taps",
        ),
        (("torch", {"module": "m"}, {}), {}, "m: only torch can run this layer"),
    ],
)
def test_graphs_that_do_not_hold_together(node, tensors, message):
    """As a damaged or hostile model file could have: kernels check nothing, so all is checked before."""
    op, attributes, stored = node
    graph = Graph(
        (Node(INPUT, "input", (), {"multiple": 1}), Node("x", op, (INPUT,), attributes, stored)), ("x",), False
    )
    arrays = {name: np.asarray(value, np.float32) for name, value in tensors.items()}
    with pytest.raises(InputError, match=message):
        Program(graph, arrays).run(pictures(1, 3, 8, 8))
