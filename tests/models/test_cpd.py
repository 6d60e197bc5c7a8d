"""CPD and CPD-LB: published counts, where fixed filters stand, initial weights, shapes, gradients."""

import pytest
import torch
from torch import nn

from lbrn import modelfile
from lbrn.cost import ledger
from lbrn.errors import InputError
from lbrn.layers import LocalBinaryConv2d, fixed_layers
from lbrn.models import build, costs
from lbrn.models.attention import HolisticAttention, Stretch, gaussian
from lbrn.models.convolutions import fixed_convolution
from lbrn.models.cpd import cpd
from lbrn.models.cpd.network import initialise_heads
from lbrn.models.variants import VARIANTS

SMALL = {"width": 8, "head": 8}
SIDE = {"vgg16": 32, "resnet50": 64}


def fixed(stride, dilation):
    return fixed_convolution(0.5, 3, stride=stride, dilation=dilation)


def make(backbone, **settings):
    torch.manual_seed(0)
    return cpd(backbone, **{**SMALL, **settings})


def trainable(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.fixture
def no_draws(monkeypatch):
    """Full-size networks are counted without drawing the numbers in them."""
    monkeypatch.setattr(nn.init, "kaiming_normal_", lambda tensor, **_: tensor)
    monkeypatch.setattr(nn.init, "kaiming_uniform_", lambda tensor, **_: tensor)


@pytest.mark.parametrize(("backbone", "total", "macs"), [("vgg16", 29_232_771, 59.35), ("resnet50", 47_851_075, 17.66)])
def test_the_published_totals(no_draws, backbone, total, macs):
    network = cpd(backbone, width=64, head=32)
    assert trainable(network) == total
    costs = ledger(network, (3, 352, 352))
    assert costs.trainable == total and costs.fixed == 0
    assert costs.macs / 1e9 == pytest.approx(macs, abs=0.01)


@pytest.mark.parametrize(
    ("backbone", "unit", "scope", "units", "millions", "fixed_millions"),
    [
        # Worked out by hand for the units of LBCNN.
        ("vgg16", "lbcnn", "heads", 40, 28.38, 0.94),
        ("vgg16", "lbcnn", "everything", 40 + 18, 4.09, 0.94 + 27.68),
        ("resnet50", "lbcnn", "heads", 40, 47.00, 0.94),
        ("resnet50", "lbcnn", "everything", 40 + 25, 27.52, 0.94 + 21.93),
        ("vgg16", "lbb", "heads", 40, 28.42, 0.19),
    ],
)
def test_the_totals_with_fixed_filters(no_draws, backbone, unit, scope, units, millions, fixed_millions):
    network = cpd(backbone, width=64, head=32, fixed=fixed, unit=unit, scope=scope)
    layers = fixed_layers(network)
    assert len(layers) == units
    assert trainable(network) / 1e6 == pytest.approx(millions, abs=0.006)
    assert sum(layer.weight.numel() for layer in layers.values()) / 1e6 == pytest.approx(fixed_millions, abs=0.006)


@pytest.mark.parametrize("backbone", ["vgg16", "resnet50"])
def test_each_3x3_of_the_heads_is_replaced_and_nothing_else(backbone):
    plain, local = make(backbone), make(backbone, fixed=fixed)
    shapes = [sorted(_kernels(part)) for network in (plain, local) for part in network.heads()]
    before, after = ([one for part in half for one in part] for half in (shapes[:4], shapes[4:]))
    assert before.count((3, 3)) == 40 and after.count((3, 3)) == 0
    assert [one for one in before if min(one) == 1 != max(one)] == [one for one in after if min(one) == 1 != max(one)]
    assert [sorted(_kernels(part)) for part in plain.backbone()] == [
        sorted(_kernels(part)) for part in local.backbone()
    ]


def _kernels(part):
    return [layer.kernel_size for layer in part.modules() if isinstance(layer, nn.Conv2d)]


def test_dilations_go_into_the_fixed_filters_and_strides_too():
    layers = fixed_layers(make("resnet50", fixed=fixed, scope="everything"))
    dilated = {
        name: layer.geometry["dilation"] for name, layer in layers.items() if layer.geometry["dilation"] != (1, 1)
    }
    assert len(dilated) == 18 and set(dilated.values()) == {(3, 3), (5, 5), (7, 7)}
    assert all(f"spread{pair[0]}" in name for name, pair in dilated.items())
    strided = [name for name, layer in layers.items() if layer.geometry["stride"] == (2, 2)]
    assert len(strided) == 5, "layer2 once, layer3 and layer4 twice each"
    assert all(layer.geometry["padding"] == layer.geometry["dilation"] for layer in layers.values())


@pytest.mark.parametrize("backbone", ["vgg16", "resnet50"])
@pytest.mark.parametrize("settings", [{}, {"fixed": fixed}, {"fixed": fixed, "unit": "lbcnn", "scope": "everything"}])
def test_two_maps_of_the_pictures_size(backbone, settings):
    network = make(backbone, **settings).eval()
    side = SIDE[backbone]
    with torch.no_grad():
        attention, result = network(torch.randn(2, 3, side, 2 * side))
    assert attention.shape == result.shape == (2, 1, side, 2 * side)
    with pytest.raises(InputError, match="multiples"):
        network(torch.randn(1, 3, side - 8, side))


def test_all_but_the_fixed_filters_learn():
    network = make("vgg16", fixed=fixed, scope="everything")
    before = {name: layer.weight.clone() for name, layer in fixed_layers(network).items()}
    initialise_heads(network, None)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    sum(map_.square().mean() for map_ in network(torch.randn(2, 3, 32, 32))).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    optimiser.step()
    for name, layer in fixed_layers(network).items():
        assert isinstance(layer, LocalBinaryConv2d) and torch.equal(layer.weight, before[name])


def test_both_branches_begin_alike_in_the_backbone_only():
    network = make("resnet50")
    for name in ("stage4", "stage5"):
        states = [getattr(branch, name).state_dict() for branch in (network.attention, network.detection)]
        assert all(torch.equal(*pair) for pair in zip(*(state.values() for state in states), strict=True))


def test_initial_heads():
    network = make("vgg16")
    weight = network.attention.fields[0].near.weight
    assert float(weight.detach().std()) == pytest.approx(0.01, rel=0.2)
    assert float(network.attention.fields[0].near.bias.detach().abs().max()) == 0


def test_the_blur_begins_as_a_gaussian_of_unit_sum():
    kernel = gaussian()
    assert kernel.shape == (31, 31) and float(kernel.sum()) == pytest.approx(1, abs=1e-6)
    assert torch.equal(kernel, kernel.T) and torch.allclose(kernel, kernel.flip(0))
    # Bins of 8/31 sigma: neighbours of the centre differ by exp(-(8/31)^2 / 2), nearly.
    assert float(kernel[15, 16] / kernel[15, 15]) == pytest.approx(0.9672, abs=0.001)
    assert isinstance(make("vgg16").focus.blur.weight, nn.Parameter)


def test_attention_keeps_features_where_it_or_its_blur_is_strong():
    focus = HolisticAttention()
    focus.reset()
    attention = torch.zeros(1, 1, 64, 64)
    attention[..., 30:34, 30:34] = 0.4
    with torch.no_grad():
        weights = focus(attention, torch.ones(1, 2, 64, 64))
    assert float(weights.max()) == pytest.approx(1, abs=1e-4), "the blurred map is stretched to 1"
    assert float(weights[0, 0, 0, 0]) == 0
    assert torch.equal(weights[:, 0], weights[:, 1])


def test_stretch_of_a_constant_is_nothing():
    assert torch.equal(Stretch()(torch.full((1, 2, 3, 3), 5.0)), torch.zeros(1, 2, 3, 3))


NAMES = [name for name, variant in VARIANTS.items() if variant.task == "saliency"]


@pytest.mark.parametrize("name", NAMES)
def test_variants_build_save_and_load_alike(name, tmp_path):
    network, again = (build(name, seed=3, filter_seed=5, **SMALL) for _ in range(2))
    assert all(
        torch.equal(*pair)
        for pair in zip(
            network.state_dict().values(),
            again.state_dict().values(),
            strict=True,
        )
    )
    spec = {"variant": name, "network": SMALL, "seed": 3, "filter_seed": 5}
    modelfile.save(tmp_path / "m", network, spec)
    loaded, _ = modelfile.load(tmp_path / "m")
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(loaded(images)[1], network.eval()(images)[1])


@pytest.mark.parametrize("name", NAMES)
def test_costs_of_one_unit_and_the_whole_network(name, no_draws):
    block, network = costs.block_ledger(name), costs.network_ledger(name)
    local = "-lb-" in name
    # 3x3 of 32 channels, or the ninth of it in two 1x1.
    assert block.trainable == (1024 if local else 9216) and block.flops_paper == 2 * 88 * 88 * block.trainable
    assert block.fixed == (9 * 16 * 16 if local else 0)
    assert network.trainable == {"cpd-vgg16": 29_232_771, "cpd-resnet50": 47_851_075}.get(name, network.trainable)


@pytest.mark.parametrize(("setting", "value"), [("scope", "backbone"), ("unit", "conv"), ("head", 3), ("stacks", 2)])
def test_impossible_settings_are_refused(setting, value):
    with pytest.raises(InputError, match=setting):
        build("cpd-lb-vgg16", seed=0, **{setting: value})
