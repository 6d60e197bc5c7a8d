"""save and load of networks that people make themselves: round trips, other processes, and what is refused."""

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import nn

import architectures
from engine.networks import moved
from lbrn import LocalBinaryConv2d, engine, load, localize, modelfile, modelformat, save, ternary
from lbrn.errors import InputError
from lbrn.graph import OPERATIONS
from lbrn.graph_network import _FUNCTIONS, _LAYERS, GraphNetwork
from lbrn.layers import fixed_filters
from lbrn.models import build
from variant_settings import POSE, tiny

NETWORK = {"stacks": 1, "width": 16, "depth": 1, "joints": 2}


def _made(name="resnet", **settings):
    torch.manual_seed(4)
    network = architectures.ALL[name]()
    localize(network, **settings)
    return moved(network)


def _pictures():
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def _same(ours, theirs):
    with torch.no_grad():
        return torch.equal(ours(_pictures()), theirs(_pictures()))


@pytest.fixture
def saved(tmp_path):
    network = _made()
    save(network, tmp_path / "model.safetensors")
    return network, tmp_path / "model.safetensors"


@pytest.mark.parametrize("form", ["drop-in", "lbb"])
@pytest.mark.parametrize("name", architectures.ALL)
def test_into_a_network_as_it_was_before_gives_the_same_bits(name, form, tmp_path):
    network = _made(name, form=form, sparsity=0.3, seed=9)
    save(network, tmp_path / "m")
    torch.manual_seed(5)
    fresh = architectures.ALL[name]()
    assert load(tmp_path / "m", into=fresh) is fresh and not fresh.training
    assert _same(fresh, network)
    assert fresh.state_dict().keys() == network.state_dict().keys()


def test_into_a_localized_network_gives_the_same_bits(saved):
    network, path = saved
    fresh = architectures.ResNet()
    localize(fresh)
    assert _same(load(path, into=fresh), network)


@pytest.mark.parametrize("form", ["drop-in", "lbb"])
@pytest.mark.parametrize("name", ["resnet", "vgg", "vgg-bn"])
def test_without_the_class_what_is_computed_is_equal(name, form, tmp_path):
    network = _made(name, form=form)
    save(network, tmp_path / "m")
    loaded = load(tmp_path / "m")
    assert isinstance(loaded, GraphNetwork) and not loaded.training
    with torch.no_grad():
        torch.testing.assert_close(loaded(_pictures()), network(_pictures()), rtol=1e-5, atol=1e-6)
    assert loaded.state_dict().keys() == network.state_dict().keys()
    save(loaded, tmp_path / "again")
    assert _same(load(tmp_path / "again", into=architectures.ALL[name]()), network)


@pytest.mark.parametrize("variant", POSE)
def test_networks_of_the_paper_without_their_spec(variant, tmp_path):
    network = moved(build(variant, seed=3, filter_seed=5, **tiny(variant, NETWORK)))
    save(network, tmp_path / "m")
    loaded = load(tmp_path / "m")
    with torch.no_grad():
        pairs = zip(loaded(_pictures()), network(_pictures()), strict=True)
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * float(theirs.abs().max()))
    if variant != "lbcnn":  # which takes any size
        with pytest.raises(InputError, match=r"pictures of 31x32 px do not fit: both sides must be multiples of"):
            loaded(torch.zeros(1, 3, 32, 31))


def test_every_operation_of_a_graph_has_a_layer_or_function():
    assert {*_LAYERS, *_FUNCTIONS} == OPERATIONS.keys() - {"input", "torch"}


def test_a_network_without_its_class_trains_on(saved):
    loaded = load(saved[1]).train()
    loaded(_pictures()).square().mean().backward()
    assert all(parameter.grad is not None for parameter in loaded.parameters())
    assert loaded.get_submodule("layer1.0.bn1").num_batches_tracked == 1


def test_the_engine_runs_it_without_torch(saved):
    network, path = saved
    with torch.no_grad():
        expected = network(_pictures()).numpy()
    found = engine.load(path).run(_pictures().numpy())
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


def test_a_run_s_model_file_loads_as_the_network_of_the_paper(tmp_path):
    network = moved(build("lbrn-s", seed=3, filter_seed=5, **NETWORK))
    modelfile.save(tmp_path / "m", network, {"variant": "lbrn-s", "network": NETWORK, "seed": 3, "filter_seed": 5})
    for loaded in (load(tmp_path / "m"), load(tmp_path / "m", into=build("lbrn-s", seed=0, filter_seed=5, **NETWORK))):
        with torch.no_grad():
            assert torch.equal(loaded(_pictures())[-1], network(_pictures())[-1])


ELSEWHERE = """
import sys, hashlib, torch
torch.set_num_threads(int(sys.argv[2]))
import architectures
from engine.networks import moved
from lbrn import load, save
network = load(sys.argv[1], into=architectures.ResNet())
for name, value in sorted(network.state_dict().items()):
    print(name, hashlib.sha256(value.numpy().tobytes()).hexdigest())
for name, layer in network.named_modules():
    if hasattr(layer, "sparsity"):
        print(name, hashlib.sha256(layer.weight.numpy().tobytes()).hexdigest())
save(network, sys.argv[3])
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_other_processes_and_thread_counts_read_and_write_the_same_bits(saved, tmp_path, threads):
    network, path = saved
    again = tmp_path / "again"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    answer = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(path), str(threads), str(again)], capture_output=True, text=True,
        check=False, env=environment,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    digests = dict(line.split() for line in answer.stdout.splitlines())
    here = {**network.state_dict(), **{path: layer.weight for path, layer in network.named_modules()
                                       if isinstance(layer, LocalBinaryConv2d)}}  # fmt: skip
    assert digests == {name: hashlib.sha256(value.numpy().tobytes()).hexdigest() for name, value in here.items()}
    assert len(fixed_filters(network)) == 8
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("stored", ["2bit", "float"])
def test_stored_filters_can_be_read_by_others_and_are_checked(stored, tmp_path):
    network = _made(form="lbb", where="layer1.*")
    save(network, tmp_path / "m", filters=stored)
    arrays, name = load_file(tmp_path / "m"), "layer1.0.conv1.fixed.weight"
    layer = network.layer1[0].conv1.fixed_layer
    found = arrays[name] if stored == "float" else ternary.unpack_2bit(arrays[f"{name}.2bit"].tobytes(), (16, 16, 3, 3))
    assert np.array_equal(found, layer.weight.numpy())
    assert _same(load(tmp_path / "m", into=architectures.ResNet()), network)
    assert engine.load(tmp_path / "m").run(_pictures().numpy()).shape == (2, 10)
    if stored == "float":  # all that torch needs is there under torch's own names
        state = {key: torch.from_numpy(value) for key, value in arrays.items()}
        assert network.load_state_dict({key: state[key] for key in network.state_dict()}) is not None
    save(network, tmp_path / "seed")
    assert (tmp_path / "seed").stat().st_size < (tmp_path / "m").stat().st_size


def _rewritten(path, change):
    """A file whose stored SHA-256 is right for its changed tensors and content."""
    from safetensors.numpy import load as load_all

    data = path.read_bytes()
    _, content = modelformat.read(path)
    arrays = load_all(data)
    change(arrays, content)
    path.write_bytes(modelformat.encode(arrays, content))


def test_stored_filters_that_are_others_are_refused(tmp_path):
    save(_made(), tmp_path / "m", filters="float")
    name = "layer1.0.conv1.weight"

    def turned(arrays, content):
        arrays[name] = -arrays[name]

    def halved(arrays, content):
        arrays[name] = arrays[name] / 2

    def gone(arrays, content):
        del arrays[name]

    for change, message in (
        (turned, "stored filters are not those that the network was trained with"),
        (halved, r"stored filters cannot be read \(weights are not ternary"),
        (gone, "stored filters cannot be read"),
    ):
        save(_made(), tmp_path / "m", filters="float")
        _rewritten(tmp_path / "m", change)
        with pytest.raises(InputError, match=message):
            load(tmp_path / "m")


def test_filters_that_come_out_otherwise_are_refused(saved):
    def other_seed(arrays, content):
        content["spec"]["localized"]["layer1.0.conv1"]["seed"] = 1

    _, path = saved
    _rewritten(path, other_seed)
    fresh = architectures.ResNet()
    for into in (None, fresh):
        with pytest.raises(InputError, match=r"the fixed filters drawn from seed 0 have digest"):
            load(path, into=into)
    assert type(fresh.layer1[0].conv1) is nn.Conv2d


class Small(nn.Sequential):
    """Another network."""

    def __init__(self, *layers):
        super().__init__(*layers)
        self.layer1 = nn.ModuleList([nn.Module()])
        self.layer1[0].conv1 = nn.ReLU()


@pytest.mark.parametrize(
    ("into", "message"),
    [
        (nn.Linear(2, 2), r"into=Linear: it has no layer layer1.0.conv1"),
        (Small(), r"into=Small: layer1.0.conv1 is a ReLU, not a convolution"),
        (architectures.ResNet(classes=5), r"into=ResNet: fc.weight has shape \(10, 32\), not \(5, 32\)"),
        (architectures.ResNet(width=8), "the fixed filters drawn from seed 0 have digest"),
        (architectures.ResNet().double(), "has type torch.float32, not torch.float64"),
    ],
)
def test_networks_that_do_not_fit_are_refused_and_left_alone(saved, into, message):
    _, path = saved
    before = {name: value.clone() for name, value in into.state_dict().items()}
    kinds = [type(module) for module in into.modules()]
    with pytest.raises(InputError, match=message):
        load(path, into=into)
    assert [type(module) for module in into.modules()] == kinds
    assert all(torch.equal(value, before[name]) for name, value in into.state_dict().items())


def test_what_cannot_be_traced_needs_its_class(tmp_path):
    save(_made("unet"), tmp_path / "m", filters="2bit")
    for read in (load, engine.load):
        with pytest.raises(InputError, match=r"does not say what the network computes.*lbrn.load\(path, into=network"):
            read(tmp_path / "m")


def test_modelfile_sends_own_networks_to_load(saved):
    with pytest.raises(InputError, match=r"one of its author's own: use lbrn.load"):
        modelfile.load(saved[1])


def test_a_filter_changed_by_hand_is_not_saved(saved, tmp_path):
    network, _ = saved
    network.layer1[0].conv1.weight.neg_()
    with pytest.raises(InputError, match=r"fixed filter 'layer1.0.conv1' is not the one that seed 0 gives"):
        save(network, tmp_path / "m")
    network.layer1[0].conv1.weight.mul_(0.5)
    with pytest.raises(InputError, match="no longer ternary"):
        save(network, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_types_that_a_file_cannot_hold(tmp_path):
    with pytest.raises(InputError, match=r"weight has the type torch.bfloat16.*convert it"):
        save(nn.Linear(2, 2).bfloat16(), tmp_path / "m")
    with pytest.raises(InputError, match="filters cannot be stored as 'pickle'; use one of seed, 2bit, float"):
        save(_made(), tmp_path / "m", filters="pickle")


def test_double_precision_is_kept(tmp_path):
    network = _made().double()
    save(network, tmp_path / "m")
    loaded = load(tmp_path / "m")
    with torch.no_grad():
        torch.testing.assert_close(loaded(_pictures().double()), network(_pictures().double()))
    assert _same(load(tmp_path / "m", into=architectures.ResNet().double()).float(), network.float())


def test_a_network_without_fixed_filters(tmp_path):
    torch.manual_seed(0)
    network = moved(architectures.VGG())
    save(network, tmp_path / "m", filters="2bit")
    assert _same(load(tmp_path / "m", into=architectures.VGG()), network)
    assert engine.load(tmp_path / "m").run(_pictures().numpy()).shape == (2, 5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no model file"),
        (pickle.dumps({"weights": [1, 2]}), "it is a pickle or a torch checkpoint, which lbrn does not open"),
        (b"PK\x03\x04" + bytes(100), "it is a pickle or a torch checkpoint, which lbrn does not open"),
        (b"<html>", "web page"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    for read in (load, engine.load, modelfile.load, lambda path: load(path, into=architectures.ResNet())):
        with pytest.raises(InputError, match=message) as error:
            read(path)
        assert "\n" not in str(error.value)


class Trap:
    """What runs a command when it is unpickled."""

    def __reduce__(self):
        return (os.mkdir, (os.environ["LBRN_TEST_TRAP"],))


def test_a_pickle_is_never_opened(tmp_path, monkeypatch):
    monkeypatch.setenv("LBRN_TEST_TRAP", str(tmp_path / "sprung"))
    path = tmp_path / "model.safetensors"
    torch.save({"x": Trap()}, path)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        path.write_bytes(pickle.dumps(Trap(), protocol))
        with pytest.raises(InputError, match="no model file, or a damaged one"):
            load(path)
    assert not (tmp_path / "sprung").exists()


def test_newer_and_damaged_files_are_refused(saved):
    _, path = saved
    data = path.read_bytes()

    def newer(arrays, content):
        content["format"] = modelformat.FORMAT + 1

    _rewritten(path, newer)
    with pytest.raises(InputError, match=rf"model format 4, this lbrn reads up to {modelformat.FORMAT}: update lbrn"):
        load(path)
    for place in (3, 40, 2000, len(data) - 3):
        changed = bytearray(data)
        changed[place] ^= 4
        path.write_bytes(changed)
        with pytest.raises(InputError, match=r"damaged|did not write|model format"):
            load(path)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="damaged"):
        load(path)
    with pytest.raises(FileNotFoundError):
        load(path.parent / "none.safetensors")
