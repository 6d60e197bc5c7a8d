"""Traced graphs compute what their networks do, by an interpreter that knows the graph alone; and what is refused."""

import operator

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lbrn.errors import InputError
from lbrn.graph import Graph
from lbrn.layers import BinaryConv2d, LocalBinaryConv2d, Sign
from lbrn.models import build
from lbrn.models.pooling import set_eval_draw
from lbrn.models.variants import VARIANTS
from lbrn.trace import trace
from oracles import graph_run
from variant_settings import POSE, tiny

NETWORK = {"stacks": 2, "width": 16, "depth": 2, "joints": 3}
SIGMOID = [(name, "sigmoid") for name in POSE if "activation" in VARIANTS[name].defaults]


def _moved(network):
    """The network with weights and statistics that are no longer those of a new one."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.dtype == torch.float32:
                value.add_(torch.rand(value.shape, generator=generator) * 0.1)
    return network.eval()


def _same(network, *, side=16, **options):
    """Trace, run both on random pictures, compare; returns the graph."""
    _moved(network)
    graph = Graph.from_json(trace(network, **options).to_json())
    pictures = torch.randn(2, 3, side, side + 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = network(pictures.clone())
        found = graph_run.run(graph, network.state_dict(), pictures, dict(network.named_modules()))
    assert graph.is_list == isinstance(expected, list | tuple)
    pairs = list(zip(found, expected, strict=True)) if graph.is_list else [(found, expected)]
    for ours, theirs in pairs:
        assert theirs.std() > 0
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6 * float(theirs.abs().max()))
    return graph


@pytest.mark.parametrize(("variant", "activation"), [(name, None) for name in POSE] + SIGMOID)
def test_every_variant(variant, activation):
    settings = tiny(variant, NETWORK) if activation is None else tiny(variant, NETWORK) | {"activation": activation}
    network = build(variant, seed=0, filter_seed=4, **settings)
    graph = _same(network)
    used = {key for node in graph.nodes for key in node.tensors.values()}
    learned = {key for key in network.state_dict() if not key.endswith(("num_batches_tracked", "_extra_state"))}
    assert used == learned
    if variant in POSE:
        assert graph.nodes[0].attributes == {"multiple": 16}
        assert graph.outputs == ("stacks.0.score", "stacks.1.score")
    else:
        assert graph.nodes[0].attributes == {"multiple": 4 if variant.startswith("resnet") else 1}
        assert graph.outputs == ("classes",) and not graph.is_list


def test_names_are_the_paths_of_the_modules():
    network = build("lbrn-s", seed=0, **NETWORK)
    named = {node.name: node for node in trace(network).nodes}
    node = named["stacks.0.hourglass.up.conv3x3.2"]
    assert node.op == "ternary_conv"
    assert node.attributes["filter"] == {
        "name": "stack0.level2.up.conv3x3", "seed": 0, "sparsity": 0.5, "scheme": "philox-1", "shape": [8, 8, 3, 3]
    }  # fmt: skip
    assert {"stem.max_pool2d()", "stacks.0.hourglass.up.add()", "stacks.0.add()", "stacks.0.add()@2"} <= named.keys()


def test_another_evaluation_draw():
    network = build("prm", seed=0, **NETWORK)
    graph = trace(network)
    set_eval_draw(network, 2)
    assert _same(network) == graph.with_draw(2) != graph


def test_what_is_traced_is_the_evaluation_and_the_network_stays_as_it_is():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Dropout(), nn.BatchNorm2d(4).eval()).train()
    network[2].eval()
    assert [node.op for node in trace(network).nodes] == ["input", "conv", "batch_norm"]
    assert [module.training for module in network.modules()] == [True, True, True, False]
    dropping = Inner(lambda m, x: F.dropout(x, 0.5, m.training)).train()
    assert trace(dropping).outputs == ("images",)


class Basic(nn.Module):
    """The block of an ordinary residual network: one ReLU module used twice, and in place."""

    def __init__(self, before, after, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(after, after, 3, padding="same", groups=2)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample = None
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += identity
        return self.relu(out)


class Wide(nn.Module):
    """A bottleneck written with functions."""

    def __init__(self, channels):
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)
        self.middle = nn.Conv2d(4, 4, 3, padding=2, dilation=2)

    def forward(self, x):
        return F.relu(torch.add(self.expand(torch.relu(self.middle(F.relu(self.reduce(x), inplace=True)))), x))


class Residual(nn.Module):
    """A classification network as people write them."""

    def __init__(self, head):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        self.layers = nn.Sequential(Basic(8, 8), Basic(8, 12, 2), Wide(12))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(0.5)
        self.head = head
        self.fc = nn.Linear(12, 5)

    def forward(self, x):
        x = self.layers(self.maxpool(self.stem(x)).contiguous())
        return self.fc(self.dropout(self.head(self, x)))


@pytest.mark.parametrize(
    "head",
    [
        lambda net, x: torch.flatten(net.avgpool(x), 1),
        lambda net, x: net.avgpool(x).view(x.size(0), -1),
        lambda net, x: F.adaptive_avg_pool2d(x, 1).reshape(x.shape[0], -1).relu(),
        lambda net, x: F.dropout(x.mean((-2, -1)), 0.5, net.training),
        lambda net, x: torch.mean(x, [2, 3], keepdim=True).flatten(1),
    ],
)
def test_an_ordinary_residual_network(head):
    graph = _same(Residual(head), side=32)
    assert [node.op for node in graph.nodes if node.name.startswith("fc")] == ["linear"]
    assert {"layers.0.relu", "layers.0.relu@2"} <= {node.name for node in graph.nodes}


class Calls(nn.Module):
    """A network that is one function of two convolutions' maps, the second of half the size."""

    def __init__(self, function):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 2, stride=2)
        self.function = function

    def forward(self, x):
        return self.function(self.first(x), self.second(x))


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: torch.cat([a, F.interpolate(b, scale_factor=2)], dim=1),
        lambda a, b: a + F.interpolate(b, size=a.shape[2:], mode="bilinear", align_corners=False),
        lambda a, b: a + F.interpolate(b, a.size()[-2:], mode="bilinear", align_corners=True),
        lambda a, b: a + F.interpolate(b, (a.size(2), a.size(3)), mode="bilinear"),
        lambda a, b: F.interpolate(b, scale_factor=1.5, mode="bilinear", align_corners=True),
        lambda a, b: F.interpolate(b, scale_factor=(1.5, 1.5), mode="bilinear"),
        lambda a, b: F.avg_pool2d(a, 3, 2, 1) + F.avg_pool2d(a, 3, 2, 1, count_include_pad=False) + b,
        lambda a, b: [F.max_pool2d(a, (3, 2), stride=(1, 2), padding=(1, 0)), b],
        lambda a, b: (operator.iadd(torch.sigmoid(a), a.sigmoid()), b),
        lambda a, b: [a.relu_() + a, b],
        lambda a, b: (torch.relu_(a), a + a)[1],
        lambda a, b: (a.add_(a), a + a)[1],
        lambda a, b: F.max_pool2d(a, 2) + b,
    ],
)
def test_calls(function):
    _same(Calls(function))


class Overwriting(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.relu = nn.Conv2d(3, 4, 1), nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.layer(x)
        return self.relu(x) + x


def test_who_holds_a_tensor_that_a_layer_overwrites_sees_the_result():
    assert _same(Overwriting()).nodes[-1].inputs == ("relu", "relu")


def test_layers():
    padded = {"sparsity": 0.4, "seed": 3}
    _same(
        nn.Sequential(
            LocalBinaryConv2d(3, 6, 3, 2, "valid", 1, 3, name="a", scheme="lbcnn-1", **padded),
            LocalBinaryConv2d(6, 6, (3, 5), 1, "same", 2, name="b", **padded),
            nn.Identity(),
            Sign(),
            BinaryConv2d(6, 4, 2, stride=(1, 2), padding=(0, 1), groups=2),
            nn.AvgPool2d(2, 1, 1, count_include_pad=False),
            nn.Upsample(scale_factor=2),
            nn.Upsample(scale_factor=1.5, mode="bilinear", align_corners=True),
            nn.Sigmoid(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(),
            nn.Linear(4, 7, bias=False),
            nn.ReLU(),
            nn.Linear(7, 2),
        )
    )


def test_what_no_output_needs_is_left_out():
    names = [node.name for node in trace(Calls(lambda a, b: (a + a, b)[1])).nodes]
    assert names == ["images", "second"]


def _hooked():
    layer = nn.ReLU()
    layer.register_forward_hook(lambda module, inputs, output: output + 1)
    return layer


UNSUPPORTED = [
    (lambda: nn.GELU(), r"m.1 \(GELU\) is a kind of module that the graph has no operation for"),
    (lambda: nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), r"m.1 \(Conv2d\) pads with padding_mode 'reflect'"),
    (
        lambda: LocalBinaryConv2d(
            4, 4, 3, padding=1, padding_mode="circular", sparsity=0.5, seed=0, name="a"
        ),
        r"m.1 \(LocalBinaryConv2d\) pads with padding_mode 'circular'",
    ),
    (lambda: nn.Conv2d(4, 4, 2, padding="same"), "pads a kernel of .2, 2. unevenly"),
    (lambda: nn.BatchNorm2d(4, affine=False), "affine=False"),
    (lambda: nn.BatchNorm2d(4, track_running_stats=False), "track_running_stats=False"),
    (lambda: nn.MaxPool2d(2, ceil_mode=True), "ceil_mode"),
    (lambda: nn.MaxPool2d(2, dilation=2), "pools with dilation 2"),
    (lambda: nn.AdaptiveAvgPool2d(2), "pools to 2; only 1"),
    (lambda: nn.Upsample(size=(7, 7)), "enlarges to a given size with mode 'nearest'"),
    (lambda: nn.Upsample(scale_factor=1.5), "enlarges by 1.5 with mode 'nearest'"),
    (lambda: nn.Upsample(size=(7, 7), mode="bilinear"), r"enlarges to the size \(7, 7\)"),
    (lambda: nn.Upsample(scale_factor=2, mode="bicubic"), "enlarges with mode 'bicubic'"),
    (lambda: nn.Linear(32, 3), "works on maps"),
    (lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 1)), r"m.1 \(ParametrizedConv2d\)"),
    (_hooked, r"m.1 \(ReLU\) has hooks"),
]  # fmt: skip


class Inner(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function, self.scale = function, nn.Parameter(torch.tensor(2.0))

    def forward(self, x):
        return self.function(self, x)


CALLED = [
    (lambda m, x: x * 2, r"m.1: call_function 'mul' multiplies by a constant"),
    (lambda m, x: x + 2, r"m.1: call_function 'add' adds a constant"),
    (lambda m, x: torch.add(x, x, alpha=2), "with the factor alpha=2"),
    (lambda m, x: torch.cat([x, x], 2), "joins along dimension 2"),
    (lambda m, x: x + m.scale, r"m.1: get_attr 'm.1.scale' is used directly"),
    (lambda m, x: x if x.sum() > 0 else -x, r"m.1 \(Inner\) cannot be traced: TraceError"),
    (lambda m, x: sum(part for part in x), r"m.1 \(Inner\) cannot be traced"),
    (lambda m, x: x.mean(1), "takes the mean over 1"),
    (lambda m, x: x.flatten(2), "flattens dimensions 2 to -1"),
    (lambda m, x: x.view(x.size(0), 4, -1), "changes the shape"),
    (lambda m, x: x.view(-1, 4), "changes the shape"),
    (lambda m, x: x[:, :2], "takes a part of a value"),
    (lambda m, x: x.mT.relu(), "reads the attribute 'mT'"),
    (lambda m, x: F.dropout(x), "drops at random in evaluation too"),
    (lambda m, x: F.interpolate(x, scale_factor=(1, 2)), "enlarges height and width differently"),
    (lambda m, x: F.interpolate(x, scale_factor=0.5, recompute_scale_factor=True), "recompute_scale_factor"),
    (lambda m, x: F.avg_pool2d(x, 2, divisor_override=3), "divides by 3"),
    (lambda m, x: F.max_pool2d(x, 2, return_indices=True)[0], "max_pool2d_with_indices"),
    (lambda m, x: torch.cat([x, x], axis=1), "arguments that are not known"),
]


class Named(nn.Module):
    """A convolution and a layer, under the name `m`."""

    def __init__(self, layer):
        super().__init__()
        self.m = nn.Sequential(nn.Conv2d(3, 4, 1), layer)

    def forward(self, x):
        return self.m(x)


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@pytest.mark.parametrize(("make", "message"), UNSUPPORTED)
def test_unsupported_layers(make, message):
    network = Named(make())
    with pytest.raises(InputError, match=rf"{message}.*; compile\(..., fallback=\"torch\"\) leaves 'm.1' and its like"):
        trace(network)
    graph = _same(network, allow_opaque=True)
    assert [(node.name, node.op, node.attributes) for node in graph.nodes[2:]] == [("m.1", "torch", {"module": "m.1"})]


@pytest.mark.parametrize(("function", "message"), CALLED)
def test_unsupported_calls(function, message):
    network = Named(Inner(function))
    with pytest.raises(InputError, match=rf"{message}.*; compile\(..., fallback=\"torch\"\) leaves 'm.1' and its like"):
        trace(network)
    graph = trace(network, allow_opaque=True)
    assert [(node.name, node.op, node.attributes) for node in graph.nodes[2:]] == [("m.1", "torch", {"module": "m.1"})]


class Pairs(nn.Module):
    """Gives a list to an unknown module and takes one from it: only the whole can be left to torch."""

    def __init__(self):
        super().__init__()
        self.inner = Inner(lambda m, pair: [value * 2 for value in pair])

    def forward(self, x):
        return self.inner([x, x])[0]


class Keyword(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.GELU()

    def forward(self, x):
        return self.inner(input=x)


@pytest.mark.parametrize("layer", [Pairs, Keyword])
def test_the_smallest_module_with_values_around_it_is_left_to_torch(layer):
    graph = _same(Named(layer()), allow_opaque=True)
    assert [node.name for node in graph.nodes if node.op == "torch"] == ["m.1"]


def test_several_unknown_modules_are_left_to_torch_and_counted():
    network = Named(nn.Sequential(nn.GELU(), nn.Conv2d(4, 4, 1), Inner(lambda m, x: x * m.scale), nn.GELU()))
    graph = _same(network, allow_opaque=True)
    assert [node.name for node in graph.nodes if node.op == "torch"] == ["m.1.0", "m.1.2", "m.1.3"]
    # What follows something refused is not looked at before that is decided, so it is not counted either.
    with pytest.raises(InputError, match=r"m.1.0 \(GELU\) is a kind"):
        trace(network)


class Two(nn.Module):
    def forward(self, images, others):
        return images + others


@pytest.mark.parametrize("allow_opaque", [False, True])
@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            Inner(lambda m, x: x * 2),
            "own forward: call_function 'mul' .*; move it into a module of its own",
        ),
        (Inner(lambda m, x: x if x.sum() > 0 else -x), r"the network's own forward \(Inner\) cannot be traced"),
        (Inner(lambda m, x: {"maps": x}), "returns something else than a tensor or a list of tensors"),
        (Inner(lambda m, x: [x, [x]]), "returns something else than a tensor or a list of tensors"),
        (Inner(lambda m, x: x.shape), "returns something else than a tensor or a list of tensors"),
        (Two(), "'others' is a second input of the network"),
    ],
)
def test_what_cannot_be_split(network, message, allow_opaque):
    with pytest.raises(InputError, match=message):
        trace(network, allow_opaque=allow_opaque)
