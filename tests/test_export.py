"""lbrn export: the same network in every form."""

import json

import numpy as np
import onnx
import pytest
import torch
from torch import nn

import architectures
from lbrn import localize, modelfile, modelformat, networkfile
from lbrn.errors import InputError
from lbrn.export import export
from lbrn.models import build
from test_onnxfile import assert_same, by_onnxruntime, by_torch, pictures

NETWORK = {"stacks": 1, "width": 16, "depth": 1, "joints": 2}
SPEC = {"variant": "lbrn-s", "network": NETWORK, "seed": 3, "filter_seed": 5, "task": "pose", "recipe": {"input": 32}}


@pytest.fixture
def saved(tmp_path):
    network = build("lbrn-s", seed=3, filter_seed=5, **NETWORK)
    modelfile.save(tmp_path / "model.safetensors", network, SPEC)
    return network.eval(), tmp_path / "model.safetensors"


def test_as_seed_it_is_the_same_file(saved, tmp_path):
    _, path = saved
    out = export(path, "seed", tmp_path / "out")
    assert out == tmp_path / "out" and out.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("form", ["2bit", "float"])
def test_with_stored_filters_it_loads_as_the_same_network(saved, tmp_path, form):
    network, path = saved
    out = export(path, form, tmp_path / "out", preparation={"mean_rgb": [0.5, 0.25, 0.125]})
    loaded, spec = modelfile.load(out)
    images = pictures(1, 32)
    assert spec == SPEC and all(map(np.array_equal, by_torch(loaded, images), by_torch(network, images)))
    assert modelformat.read(out)[1]["preparation"] == {"mean_rgb": [0.5, 0.25, 0.125]}
    again = export(out, "seed", tmp_path / "again")
    assert set(modelformat.read(again)[1]) == {*modelformat.read(path)[1], "preparation"}
    assert again.stat().st_size < out.stat().st_size


def test_every_form_has_the_size_that_its_weights_need(tmp_path):
    """Weights alone, by hand: 4 bytes a learned one and statistic, and 0, 1/4 or 4 bytes a fixed one."""
    network = nn.Sequential(nn.Conv2d(64, 64, 1, bias=False), nn.Conv2d(64, 128, 3, padding=1, bias=False))
    localize(network, form="lbb")
    networkfile.save(network, tmp_path / "m.safetensors")
    fixed, learned = 64 * 128 * 9, 64 * 64 + 128 * 128 + 4 * 128
    expected = {"seed": 4 * learned, "2bit": 4 * learned + fixed // 4, "float": 4 * (learned + fixed)}
    for form, size in expected.items():
        found = export(tmp_path / "m.safetensors", form, tmp_path / form).stat().st_size
        assert size < found < size + 5000, form


def test_onnx_of_a_run_has_its_size_and_says_what_it_is(saved, tmp_path):
    network, path = saved
    out = export(path, "onnx", tmp_path / "n.onnx", preparation={"mean_rgb": [0, 0, 0]})
    assert_same(by_onnxruntime(out, pictures(2, 32)), by_torch(network, pictures(2, 32)))
    about = {prop.key: json.loads(prop.value) for prop in onnx.load(out).metadata_props}
    assert about == {"spec": SPEC, "preparation": {"mean_rgb": [0, 0, 0]}}


def test_onnx_of_a_network_of_one_s_own_needs_the_size(tmp_path):
    network = architectures.ResNet(channels=1)
    localize(network)
    networkfile.save(network, tmp_path / "m.safetensors")
    with pytest.raises(InputError, match=r"does not say how large its pictures are; give their side, as --size 224"):
        export(tmp_path / "m.safetensors", "onnx", tmp_path / "n.onnx")
    out = export(tmp_path / "m.safetensors", "onnx", tmp_path / "n.onnx", size=8)
    images = pictures(1, 8)[:, :1]
    assert_same(by_onnxruntime(out, images), by_torch(network.eval(), images))


def test_names_are_made_of_the_model_s_in_the_current_folder(saved, tmp_path, monkeypatch):
    _, path = saved
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    export(path, "2bit")
    export(path, "onnx")
    assert sorted(file.name for file in (tmp_path / "here").iterdir()) == ["model.2bit.safetensors", "model.onnx"]


@pytest.mark.parametrize(
    ("form", "settings", "message"),
    [
        ("int8", {}, "format 'int8' is unknown; use one of seed, 2bit, float, onnx"),
        ("2bit", {"size": 64}, "takes pictures of any size: leave --size out"),
    ],
)
def test_bad_wishes(saved, tmp_path, form, settings, message):
    with pytest.raises(InputError, match=message):
        export(saved[1], form, tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_the_model_is_not_overwritten(saved):
    _, path = saved
    before = path.read_bytes()
    with pytest.raises(InputError, match="is the model itself; give another name with --out"):
        export(path, "2bit", path.parent / "." / path.name)
    assert path.read_bytes() == before


def test_a_file_without_a_graph_says_what_to_do(saved, tmp_path):
    _, path = saved
    arrays, content = modelformat.read(path)
    old = {key: content[key] for key in content if key not in ("graph", "sha256")} | {"format": 1}
    path.write_bytes(modelformat.encode(arrays, old))
    with pytest.raises(InputError, match=r"has model format 1, .* save it again"):
        export(path, "2bit", tmp_path / "out")
    assert export(path, "seed", tmp_path / "out").read_bytes() == path.read_bytes()


def test_torch_reads_the_float_file_by_itself(saved, tmp_path):
    from safetensors.torch import load_file

    network, path = saved
    stored = load_file(export(path, "float", tmp_path / "out"))
    fixed = {name: layer.weight for name, layer in network.named_modules() if hasattr(layer, "sparsity")}
    assert fixed and all(torch.equal(stored[f"{name}.weight"], weight) for name, weight in fixed.items())
