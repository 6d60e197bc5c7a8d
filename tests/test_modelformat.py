"""The model file without torch: what it is read as, its graph and filters; and files from before there were graphs."""

import base64
import bz2
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from lbrn import modelfile, modelformat
from lbrn.errors import InputError
from lbrn.graph import Graph
from lbrn.layers import fixed_filters
from lbrn.models import build
from lbrn.models.variants import VARIANTS
from lbrn.trace import trace
from oracles import graph_run
from variant_settings import tiny

NETWORK = {"stacks": 1, "width": 16, "depth": 1, "joints": 2}
SPEC = {"variant": "lbrn-s", "network": NETWORK, "seed": 3, "filter_seed": 5, "note": "é"}


def _network(variant="lbrn-s"):
    """A network with weights that are sure to be the same on every machine."""
    network = build(variant, seed=3, filter_seed=5, **NETWORK)
    with torch.no_grad():
        for place, (name, value) in enumerate(network.state_dict().items()):
            if value.dtype == torch.float32:
                value.copy_((torch.arange(value.numel()).reshape(value.shape) % 7 + place) / 8)
            elif not name.endswith("_extra_state"):
                value.fill_(place)
    return network


@pytest.fixture
def saved(tmp_path):
    modelfile.save(tmp_path / "model.safetensors", _network(), SPEC)
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("variant", VARIANTS)
def test_tensors_and_graph_alone_give_what_the_network_gives(variant, tmp_path):
    network = build(variant, seed=3, filter_seed=5, **tiny(variant, NETWORK))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():  # a new binary network has sums of exactly zero, whose signs hang on the last bit
        for value in network.state_dict().values():
            if value.dtype == torch.float32:
                value.add_(torch.rand(value.shape, generator=generator) * 0.01)
    modelfile.save(tmp_path / "m", network, SPEC | {"variant": variant})
    tensors, content = modelformat.read(tmp_path / "m")
    pictures = torch.randn(1, 3, 32, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = network.eval()(pictures)[-1]
    values = {name: torch.tensor(value) for name, value in tensors.items()}
    found = graph_run.run(modelformat.graph(content), values, pictures)[-1]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6 * float(expected.abs().max()))


def test_filters_are_drawn_again(saved):
    expected = fixed_filters(_network())
    found = modelformat.filters(modelformat.read(saved)[1])
    assert found.keys() == expected.keys() and len(found) > 3
    assert all(np.array_equal(found[name], expected[name]) for name in found)


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from pathlib import Path
from lbrn import modelformat
tensors, content = modelformat.read(Path(sys.argv[1]))
graph, filters = modelformat.graph(content), modelformat.filters(content)
print(len(tensors), len(graph.nodes), len(filters), tensors["stacks.0.score.bias"].tolist())
"""


def test_all_of_it_without_torch(saved):
    answer = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, str(saved)], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    network = _network()
    counts = [len(network.state_dict()), len(trace(network).nodes), len(fixed_filters(network))]
    assert answer.stdout.split(" ", 3) == [*map(str, counts), f"{network.stacks[0].score.bias.tolist()}\n"]


def _old(path):
    """What lbrn wrote before format 2, with the digest that it wrote into this very file."""
    tensors, content = modelformat.read(path)
    old = {key: content[key] for key in ("spec", "scheme", "filter_seed", "filter_digest")} | {"format": 1}
    path.write_bytes(modelformat.encode(tensors, old))
    return modelformat.read(path)[1]


def test_files_of_format_1_are_read(saved):
    content = _old(saved)
    assert content["filter_digest"] == "03f834bf16a01fae11424f80fc71b26d3d9238b9caef8ad232782a0ade08e4ab"
    assert content["sha256"] == "5dc3ce2d1bdbed2f1e92eed1b580042be7bcb9e51c976eb4bc2435c61a005d89"
    network, spec = modelfile.load(saved)
    assert torch.equal(network.stacks[0].score.bias, _network().stacks[0].score.bias)
    for refuses in (modelformat.graph, modelformat.filters):
        with pytest.raises(InputError, match=r"model.safetensors has model format 1, .* load it once .* save it again"):
            refuses(content, saved)
    modelfile.save(saved, network, spec)
    assert modelformat.graph(modelformat.read(saved)[1]) == trace(_network())


def _packed(data):
    return base64.b64encode(bz2.compress(json.dumps(data).encode())).decode()


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (None, "has a damaged graph"),
        ("???", "has a damaged graph"),
        (base64.b64encode(b"abc").decode(), "has a damaged graph"),
        (base64.b64encode(bz2.compress(b"{")).decode(), "has a damaged graph"),
        (base64.b64encode(bz2.compress(b"{}" * 99)[:-9]).decode(), "no graph of a network, or a damaged one"),
        (_packed({}), "no graph of a network, or a damaged one"),
        (_packed({"nodes": [["images", "gelu", [], {}, {}]], "outputs": [0], "is_list": False}), "begins with"),
    ],
)
def test_damaged_graphs(packed, message, saved):
    content = modelformat.read(saved)[1]
    with pytest.raises(InputError, match=message):
        modelformat.graph(content | {"graph": packed})


def test_a_graph_that_would_fill_the_memory(saved, monkeypatch):
    content = modelformat.read(saved)[1]
    monkeypatch.setattr(modelformat, "_LARGEST_GRAPH", 1000)
    with pytest.raises(InputError, match="no graph of a network"):
        modelformat.graph(content)


def test_filters_that_come_out_otherwise(saved):
    content = modelformat.read(saved)[1]
    with pytest.raises(InputError, match=r"^f.s: the fixed filters drawn from seed 5 have digest 03f8.* with 000000"):
        modelformat.filters(content | {"filter_digest": "0" * 64}, "f.s")
    data = modelformat.graph(content).to_json()
    for node in data["nodes"]:
        if node[1] == "ternary_conv":
            node[3]["filter"]["seed"] += 1
    with pytest.raises(InputError, match="the fixed filters drawn from seed 5 have digest"):
        modelformat.filters(content | {"graph": modelformat.pack_graph(Graph.from_json(data))})
