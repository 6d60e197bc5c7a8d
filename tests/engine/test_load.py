"""Programs out of model files, in a process that cannot import torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.networks import by_torch, difference, moved, pictures
from lbrn import engine, modelfile
from lbrn.errors import InputError
from lbrn.models import build

NETWORK = {"stacks": 2, "width": 16, "depth": 2, "joints": 3}
SCRIPT = """
import sys
sys.modules["torch"] = None
import numpy as np
from lbrn import engine
images = np.load(sys.argv[2])
for threads in (1, 2):
    program = engine.load(sys.argv[1], threads=threads)
    results = program.run(images)
np.savez(sys.argv[3], *results)
"""


def _saved(folder: Path, variant: str):
    network = moved(build(variant, seed=0, **NETWORK))
    spec = {"variant": variant, "network": NETWORK, "seed": 0, "filter_seed": 0}
    modelfile.save(folder / "model.safetensors", network, spec)
    return network, folder / "model.safetensors"


@pytest.mark.parametrize("variant", ["lbrn-s", "lbrn-p"])
def test_without_torch(variant, tmp_path):
    network, path = _saved(tmp_path, variant)
    images = pictures(2, 3, 32, 48)
    np.save(tmp_path / "images.npy", images)
    files = [str(path), str(tmp_path / "images.npy"), str(tmp_path / "results.npz")]
    answer = subprocess.run([sys.executable, "-c", SCRIPT, *files], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    with np.load(files[2]) as results:
        assert difference(list(results.values()), by_torch(network, images)) <= 1e-4


@pytest.mark.parametrize("arithmetic", ["float32", "fixed"])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_as_compiled(arithmetic, threads, tmp_path):
    network, path = _saved(tmp_path, "lbrn-s")
    images = pictures(1, 3, 32, 32)
    compiled = engine.compile(network, arithmetic=arithmetic)
    loaded = engine.load(path, arithmetic=arithmetic, threads=threads)
    assert loaded.steps == compiled.steps
    for ours, theirs in zip(loaded.run(images), compiled.run(images), strict=True):
        assert np.array_equal(ours, theirs)


def test_files_that_cannot_be_used(tmp_path, monkeypatch):
    _, path = _saved(tmp_path, "lbrn-s")
    data = path.read_bytes()
    damaged = bytearray(data)
    damaged[-5] ^= 1
    for content, message in ((data[:1000], "damaged"), (bytes(damaged), "damaged"), (b"<html>", "web page")):
        path.write_bytes(content)
        with pytest.raises(InputError, match=message):
            engine.load(path)
    with pytest.raises(FileNotFoundError):
        engine.load(tmp_path / "none.safetensors")
    path.write_bytes(data)
    with pytest.raises(InputError, match="threads is 0"):
        engine.load(path, threads=0)
    with pytest.raises(InputError, match="arithmetic is 'int4'"):
        engine.load(path, arithmetic="int4")


def test_filters_that_come_out_otherwise_are_refused(tmp_path, monkeypatch):
    _, path = _saved(tmp_path, "lbrn-s")
    from lbrn import ternary

    draw = ternary.draw
    monkeypatch.setattr(ternary, "draw", lambda *arguments, **options: -draw(*arguments, **options))
    with pytest.raises(InputError, match="the fixed filters drawn from seed 0 have digest"):
        engine.load(path)
