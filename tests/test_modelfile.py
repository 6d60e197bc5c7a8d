"""The model file: round trips, equal bytes, and everything that must be refused."""

import json
import pickle
import random
import resource
import signal

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lbrn import modelfile, modelformat
from lbrn.errors import InputError
from lbrn.layers import filter_digest
from lbrn.models import build
from lbrn.models.pooling import set_eval_draw
from variant_settings import POSE, tiny

NETWORK = {"stacks": 1, "width": 16, "depth": 1, "joints": 2}


def _spec(variant="lbrn-s", **network):
    return {
        "variant": variant,
        "network": {**tiny(variant, NETWORK), **network},
        "seed": 3,
        "filter_seed": 5,
        "note": "é",
    }


def _network(spec):
    network = build(spec["variant"], seed=spec["seed"], filter_seed=spec["filter_seed"], **spec["network"])
    network(torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)))  # moves the running statistics
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.25)
    return network


@pytest.fixture
def saved(tmp_path):
    spec = _spec()
    path = tmp_path / "model.safetensors"
    modelfile.save(path, _network(spec), spec)
    return path


@pytest.mark.parametrize("variant", POSE)
def test_a_loaded_network_computes_the_same(variant, tmp_path):
    spec = _spec(variant)
    network = _network(spec)
    modelfile.save(tmp_path / "m", network, spec)
    loaded, loaded_spec = modelfile.load(tmp_path / "m")
    pictures = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        pairs = zip(loaded(pictures), network.eval()(pictures), strict=True)
        assert all(torch.equal(ours, theirs) for ours, theirs in pairs)
    assert loaded_spec == spec and not loaded.training


def test_filters_are_not_stored_but_what_they_are_drawn_from(saved):
    with safe_open(saved, "pt") as opened:
        stored, metadata = set(opened.keys()), opened.metadata()
    network = _network(_spec())
    assert stored == set(network.state_dict()) and not any("conv3x3.2" in name for name in stored)
    content = json.loads(metadata["lbrn"])
    assert (content["scheme"], content["filter_seed"], content["format"]) == ("philox-1", 5, 2)
    assert set(content) == {"format", "spec", "scheme", "filter_seed", "filter_digest", "graph", "sha256"}


def test_equal_content_gives_equal_bytes(saved, tmp_path):
    spec = dict(reversed(_spec().items()))
    modelfile.save(tmp_path / "again", _network(spec), spec)
    assert (tmp_path / "again").read_bytes() == saved.read_bytes()


def test_the_draw_that_an_evaluation_chose_is_not_in_the_file(tmp_path):
    spec = _spec("prm")
    network = _network(spec)
    modelfile.save(tmp_path / "a", network, spec)
    set_eval_draw(network, 1)
    modelfile.save(tmp_path / "b", network, spec)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_other_scheme_is_kept(tmp_path):
    spec = _spec()
    network = build("lbrn-s", seed=3, filter_seed=5, scheme="lbcnn-1", **NETWORK)
    modelfile.save(tmp_path / "m", network, spec)
    loaded, _ = modelfile.load(tmp_path / "m")
    assert loaded.stem.before.conv3x3[2].scheme == "lbcnn-1"


def test_every_flipped_byte_is_refused(saved, tmp_path):
    data = saved.read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    places = random.Random(0)
    chosen = [*range(0, 10), *places.sample(range(header), 60), *places.sample(range(header, len(data)), 30)]
    damaged = tmp_path / "damaged"
    for place in chosen:
        changed = bytearray(data)
        changed[place] ^= 1 << places.randrange(8)
        damaged.write_bytes(changed)
        with pytest.raises(InputError, match=r"damaged|did not write|model format"):
            modelfile.load(damaged)


def _rewritten(path, **changes):
    """A file whose stored SHA-256 is right for its changed content."""
    tensors, content = modelformat.read(path)
    kept = {key: value for key, value in (content | changes).items() if value is not None}
    path.write_bytes(modelformat.encode(tensors, kept))


def test_refuses_filters_that_come_out_otherwise(saved):
    _rewritten(saved, filter_digest="0" * 64)
    with pytest.raises(InputError, match=r"fixed filters drawn from seed 5 have digest .* trained with 000000000000"):
        modelfile.load(saved)
    _rewritten(saved, filter_seed=6)
    with pytest.raises(InputError, match="fixed filters drawn from seed 6"):
        modelfile.load(saved)


def test_refuses_a_newer_format(saved):
    _rewritten(saved, format=4)
    with pytest.raises(InputError, match="model format 4, this lbrn reads up to 3: update"):
        modelfile.load(saved)


def test_refuses_tensors_that_do_not_fit_the_spec(saved):
    _rewritten(saved, spec=_spec(joints=3))
    with pytest.raises(InputError, match=r"does not fit its own spec: stacks.0.score.weight has shape"):
        modelfile.load(saved)
    _rewritten(saved, spec=_spec("shn"), filter_digest=filter_digest(build("shn", seed=0, **NETWORK)))
    with pytest.raises(InputError, match=r"does not fit its own spec: .* missing or superfluous"):
        modelfile.load(saved)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no model file"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (pickle.dumps({"weights": [1, 2]}), "pickle"),
        (b"PK\x03\x04" + bytes(100), "torch checkpoint"),
    ],
)
def test_refuses_other_files(tmp_path, content, message):
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(InputError, match=message):
        modelfile.load(tmp_path / "m")


def test_refuses_foreign_safetensors_and_truncated_files(saved, tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "foreign")
    with pytest.raises(InputError, match="lbrn did not write it"):
        modelfile.load(tmp_path / "foreign")
    saved.write_bytes(saved.read_bytes()[:-5])
    with pytest.raises(InputError, match="damaged"):
        modelfile.load(saved)


def test_refuses_to_save_filters_that_the_spec_does_not_give(tmp_path):
    spec = _spec()
    network = build("lbrn-s", seed=3, filter_seed=4, **NETWORK)
    with pytest.raises(InputError, match="spec names filter seed 5"):
        modelfile.save(tmp_path / "m", network, spec)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(saved):
    before = saved.read_bytes()
    limit, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            modelfile.save(saved, _network(_spec()), _spec())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert saved.read_bytes() == before
    assert [entry.name for entry in saved.parent.iterdir()] == [saved.name]
