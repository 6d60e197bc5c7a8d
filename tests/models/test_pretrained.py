"""Published backbones load by torchvision's names into both branches; what does not fit is refused."""

import pickle

import pytest
import torch
from safetensors.torch import save_file

from lbrn.errors import InputError
from lbrn.files import sha256_file
from lbrn.models.cpd import cpd
from lbrn.models.cpd.pretrained import PUBLISHED, load_backbone, places

WIDTH = 8


def torchvision_like(backbone):
    """A state dict with torchvision's names and the shapes of a narrow network."""
    generator = torch.Generator().manual_seed(3)
    stored = {}

    def conv(name, first, last, side, bias):
        stored[f"{name}.weight"] = torch.randn(last, first, side, side, generator=generator)
        if bias:
            stored[f"{name}.bias"] = torch.randn(last, generator=generator)

    def norm(name, width):
        for role in ("weight", "bias", "running_mean", "running_var"):
            stored[f"{name}.{role}"] = torch.rand(width, generator=generator)
        stored[f"{name}.num_batches_tracked"] = torch.tensor(0)

    if backbone == "vgg16":
        # torchvision's features by number: convolutions, each with a ReLU behind it, and a pooling behind each block.
        numbers = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
        widths = [1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 8, 8, 8]
        channels = 3
        for number, factor in zip(numbers, widths, strict=True):
            conv(f"features.{number}", channels, factor * WIDTH, 3, True)
            channels = factor * WIDTH
        stored["classifier.0.weight"] = torch.zeros(2, 2)
        return stored
    conv("conv1", 3, WIDTH, 7, False)
    norm("bn1", WIDTH)
    channels = WIDTH
    for layer, blocks in enumerate((3, 4, 6, 3)):
        middle = WIDTH << layer
        for block in range(blocks):
            name = f"layer{layer + 1}.{block}"
            for number, (first, last, side) in enumerate(
                ((channels, middle, 1), (middle, middle, 3), (middle, 4 * middle, 1)), start=1
            ):
                conv(f"{name}.conv{number}", first, last, side, False)
                norm(f"{name}.bn{number}", last)
            if block == 0:
                conv(f"{name}.downsample.0", channels, 4 * middle, 1, False)
                norm(f"{name}.downsample.1", 4 * middle)
            channels = 4 * middle
    stored["fc.weight"] = torch.zeros(2, 2)
    return stored


@pytest.mark.parametrize("backbone", ["vgg16", "resnet50"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_every_tensor_of_the_backbone_is_filled(backbone, suffix, tmp_path):
    stored, path = torchvision_like(backbone), tmp_path / f"weights{suffix}"
    (torch.save if suffix == ".pth" else save_file)(stored, path)
    network = cpd(backbone, width=WIDTH, head=8)
    heads = [value.clone() for part in network.heads() for value in part.state_dict().values()]
    load_backbone(network, backbone, path, sha256=sha256_file(path)[:8])
    filled = {
        f"{ours}.{role}" for ours in places(network, backbone) for role in network.get_submodule(ours).state_dict()
    }
    own = {key for key in network.state_dict() if key.startswith("shared.") or ".stage" in key}
    assert filled == own
    for ours, theirs in places(network, backbone).items():
        assert torch.equal(network.get_submodule(ours).weight, stored[f"{theirs}.weight"])
    used = set(places(network, backbone).values())
    assert {key.rpartition(".")[0] for key in stored} - used == {"classifier.0" if backbone == "vgg16" else "fc"}
    after = [value for part in network.heads() for value in part.state_dict().values()]
    assert all(torch.equal(*pair) for pair in zip(heads, after, strict=True))


def test_what_does_not_fit_is_refused_and_nothing_changed(tmp_path):
    stored, path = torchvision_like("vgg16"), tmp_path / "weights.pth"
    stored["features.28.weight"] = torch.zeros(1, 1, 3, 3)
    torch.save(stored, path)
    network = cpd("vgg16", width=WIDTH, head=8)
    before = network.shared.block1.conv1.weight.clone()
    with pytest.raises(InputError, match=r"features\.28\.weight must have the shape \(64, 64, 3, 3\)"):
        load_backbone(network, "vgg16", path)
    with pytest.raises(InputError, match="was asked for"):
        load_backbone(network, "vgg16", path, sha256="0" * 64)
    with pytest.raises(InputError, match="does not exist"):
        load_backbone(network, "vgg16", tmp_path / "absent.pth")
    assert torch.equal(network.shared.block1.conv1.weight, before)


class Evil:
    def __reduce__(self):
        return (print, ("code ran",))


def test_files_that_run_code_are_refused(tmp_path, capsys):
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps({"features.0.weight": Evil()}))
    with pytest.raises(InputError, match="cannot be read as a state dict"):
        load_backbone(cpd("vgg16", width=WIDTH, head=8), "vgg16", path)
    torch.save([torch.zeros(1)], path)
    with pytest.raises(InputError, match="holds no state dict"):
        load_backbone(cpd("vgg16", width=WIDTH, head=8), "vgg16", path)
    assert "code ran" not in capsys.readouterr().out


def test_published_names_end_with_their_checksums():
    assert all(len(url.rpartition("-")[2].removesuffix(".pth")) == 8 for url in PUBLISHED.values())
