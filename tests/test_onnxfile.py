"""ONNX files: ONNX Runtime computes from them what torch does."""

import builtins

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

import architectures
from engine.networks import moved
from lbrn import localize, onnxfile
from lbrn.errors import InputError
from lbrn.models import build

TINY = {"stacks": 2, "width": 16, "depth": 1, "joints": 2}


def pictures(count, side, seed=0):
    return np.random.default_rng(seed).standard_normal((count, 3, side, side)).astype(np.float32)


def by_onnxruntime(path, images):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: images})


def by_torch(network, images):
    with torch.inference_mode():
        outputs = network(torch.from_numpy(images))
    return [output.numpy() for output in (outputs if isinstance(outputs, list) else [outputs])]


def assert_same(found, wanted):
    assert len(found) == len(wanted)
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())
        assert theirs.std() > 0


@pytest.mark.parametrize("variant", ["shn", "lbrn-s", "lbrn-p", "binary"])
def test_networks_of_the_paper(variant, tmp_path):
    # A new binary network has sums of exactly zero, whose signs hang on the last bit.
    network = moved(build(variant, seed=0, **TINY))
    onnxfile.write(network, pictures(1, 32), tmp_path / "n.onnx", about={"spec": "{}"})
    for count in (1, 3):  # any number of pictures
        images = pictures(count, 32, seed=count)
        assert_same(by_onnxruntime(tmp_path / "n.onnx", images), by_torch(network, images))
    model = onnx.load(tmp_path / "n.onnx")
    assert [value.name for value in model.graph.input] == ["images"]
    assert [value.name for value in model.graph.output] == ["output0", "output1"]
    assert [(prop.key, prop.value) for prop in model.metadata_props] == [("spec", "{}")]


@pytest.mark.parametrize("form", ["drop-in", "lbb"])
@pytest.mark.parametrize("name", architectures.ALL)
def test_converted_networks(name, form, tmp_path):
    torch.manual_seed(0)
    network = architectures.ALL[name]()
    localize(network, form=form)
    network.eval()
    onnxfile.write(network, pictures(1, 32), tmp_path / "n.onnx", about={})
    assert_same(by_onnxruntime(tmp_path / "n.onnx", pictures(2, 32)), by_torch(network, pictures(2, 32)))


def test_fractional_pooling_becomes_what_onnx_has(tmp_path):
    pyramid, images = build("lbrn-p", seed=0, **TINY).eval(), pictures(2, 32)
    onnxfile.export(pyramid, images, tmp_path / "n.onnx")
    assert_same(by_onnxruntime(tmp_path / "n.onnx", images), by_torch(pyramid, images))
    assert onnxfile.has_pooling(pyramid)  # left as it was


class Odd(nn.Module):
    def forward(self, x):
        return torch.linalg.matrix_exp(x)


def test_what_onnx_cannot_say_leaves_no_file(tmp_path):
    with pytest.raises(InputError, match="this network cannot be written as ONNX: "):
        onnxfile.write(Odd(), pictures(1, 4), tmp_path / "n.onnx", about={})
    assert list(tmp_path.iterdir()) == []


def test_without_the_package(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *others, **more):
        if name == "onnx":
            raise ImportError(name)
        return real(name, *others, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"need the package onnx; install it by `pip install 'lbrn\[onnx\]'`"):
        onnxfile.write(nn.ReLU(), pictures(1, 4), tmp_path / "n.onnx", about={})
