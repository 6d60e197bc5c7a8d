"""The training loop: what a run leaves behind, what it refuses, and how it fails."""

import csv
import itertools
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from lbrn import modelfile, ternary
from lbrn.errors import InputError, LbrnError
from lbrn.files import read_json, sha256_file
from lbrn.layers import fixed_filters
from lbrn.training import folder as run_folder
from lbrn.training import loop
from lbrn.training.checkpoint import Checkpoints
from tiny import Spec, TinyData
from training.conftest import Finished


class StoppedError(Exception):
    """Raised in place of a step."""


def train_until(data: TinyData, spec: Spec, folder: Path, step: int) -> None:
    """Train, and stop at the beginning of a step; checkpoints after every step before it."""
    task, calls = data.task(spec), itertools.count()
    batch = task.batch

    def stopping(epoch: int, indices: Any) -> Any:
        if next(calls) == step:
            raise StoppedError
        return batch(epoch, indices)

    task.batch = stopping
    with pytest.raises(StoppedError):
        loop.train(task, spec, folder, data=data.digests(spec), checkpoint_seconds=0)


def order_of_samples(data: TinyData, spec: Spec, folder: Path) -> list[list[int]]:
    """The samples of the first steps."""
    task, seen = data.task(spec), []

    def recording(epoch: int, indices: Any) -> Any:
        seen.append(indices.tolist())
        raise StoppedError

    task.batch = recording
    with pytest.raises(StoppedError):
        loop.train(task, spec, folder, data=data.digests(spec))
    return seen


def test_the_order_of_samples_hangs_on_the_training_seed_alone(tiny_data: TinyData, tmp_path: Path) -> None:
    runs = [{"seed": 0, "filter_seed": 0}, {"seed": 0, "filter_seed": 1}, {"seed": 1, "filter_seed": 0}]
    specs = [tiny_data.spec("lbrn-s", **run) for run in runs] + [tiny_data.spec("shn", seed=0)]
    first, other_filters, other, twin = (
        order_of_samples(tiny_data, spec, tmp_path / str(place)) for place, spec in enumerate(specs)
    )
    assert first == other_filters == twin != other


def flip_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def state_of_files(folder: Path) -> dict[str, tuple[int, str]]:
    return {p.name: (p.stat().st_mtime_ns, sha256_file(p)) for p in folder.rglob("*") if p.is_file()}


def test_curves_have_one_row_an_epoch(finished: Finished) -> None:
    with (finished.folder / "history.csv").open(newline="") as stream:
        reader = csv.DictReader(stream)
        rows = [{key: float(value) for key, value in row.items()} for row in reader]
    assert reader.fieldnames == ["epoch", "loss", "valid_loss", "valid_pck", "lr", "seconds"]
    assert [row["epoch"] for row in rows] == [1, 2]
    assert all(0 < row["loss"] < 1 and 0 < row["valid_loss"] < 1 and 0 <= row["valid_pck"] <= 100 for row in rows)
    # One cycle over 6 steps from 3e-3 / 25, its top at 0.3 * 5 = 1.5 and its end at 3e-3 / 1e4: steps 2 and 5.
    falling = 3e-7 + (3e-3 - 3e-7) * (1 + math.cos(math.pi * 0.5 / 3.5)) / 2
    assert [row["lr"] for row in rows] == pytest.approx([falling, 3e-7])
    assert 0 < rows[0]["seconds"] < rows[1]["seconds"]
    assert (finished.folder / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_finished_run_says_what_it_was_made_from(finished: Finished) -> None:
    done = read_json(finished.folder / "done.json")
    network, spec = modelfile.load(finished.folder / "model.safetensors")
    assert spec == finished.spec == run_folder.read_spec(finished.folder)
    assert done["digests"]["weights"] == sha256_file(finished.folder / "model.safetensors")
    assert done["digests"]["filters"] == ternary.digest(fixed_filters(network))
    assert done["data"] == {"mpii": read_json(finished.data.folder("mpii") / "info.json")["digest"]}
    assert done["environment"]["threads"] == 1
    assert done["seconds"] > 0


def test_training_a_finished_run_does_nothing(finished: Finished, tmp_path: Path) -> None:
    run = finished.copy(tmp_path / "run")
    (run.folder / ".predictions.abc.tmp.npz").touch()  # another process is predicting
    before = state_of_files(run.folder)
    run.data.train(run.spec, run.folder)
    assert state_of_files(run.folder) == before


def test_training_changes_weights_and_leaves_the_fixed_filters_alone(
    tiny_data: TinyData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, trained = tiny_data.spec("lbrn-p", recipe={"epochs": 1}), []
    monkeypatch.setattr(loop.modelfile, "save", lambda path, network, spec: trained.append(network) or path.touch())
    tiny_data.train(spec, tmp_path)
    before = tiny_data.task(spec).build()
    filters = fixed_filters(trained[0])
    assert len(filters) > 10
    for name, values in fixed_filters(before).items():
        np.testing.assert_array_equal(filters[name], values)
    after = dict(trained[0].named_parameters())
    assert all(not torch.equal(after[name], value) for name, value in before.named_parameters() if "weight" in name)


def test_the_loss_falls(tiny_data: TinyData, tmp_path: Path) -> None:
    still = {"scale_jitter": 0.0, "rotation_probability": 0.0, "flip_probability": 0.0, "colour": [1.0, 1.0]}
    spec = tiny_data.spec("shn", recipe=still | {"epochs": 20, "lr": 0.02})
    tiny_data.train(spec, tmp_path, checkpoint_seconds=1000)
    losses = [row["loss"] for row in run_folder.read_history(tmp_path)]
    assert losses[-1] < 0.75 * losses[0]


def test_every_epoch_visits_every_sample_once_in_an_order_of_seed_and_epoch(
    tiny_data: TinyData, tmp_path: Path
) -> None:
    orders = {}
    for seed in (0, 1):
        spec = tiny_data.spec("hg-binary", seed=seed, recipe={"batch": 5})
        task, asked = tiny_data.task(spec), {0: [], 1: []}
        batch = task.batch
        task.batch = lambda epoch, indices, of=asked, batch=batch: of[epoch].append(indices) or batch(epoch, indices)
        loop.train(task, spec, tmp_path / str(seed), data={}, checkpoint_seconds=1000)
        for epoch, batches in asked.items():
            assert [len(indices) for indices in batches] == [5, 5, 2]
            orders[seed, epoch] = tuple(np.concatenate(batches).tolist())
    assert all(sorted(order) == list(range(12)) for order in orders.values())
    assert len(set(orders.values())) == 4


def test_a_loss_that_is_no_number_stops_at_once_and_names_its_samples(tiny_data: TinyData, tmp_path: Path) -> None:
    spec = tiny_data.spec("shn", recipe={"lr": 1e30})
    task, asked = tiny_data.task(spec), []
    batch = task.batch
    task.batch = lambda epoch, indices: asked.append(indices.tolist()) or batch(epoch, indices)
    with pytest.raises(loop.DivergedError, match=r"the loss became (nan|inf) at step 1 .*diverged.json; try a smaller"):
        loop.train(task, spec, tmp_path, data={}, checkpoint_seconds=0)
    assert len(asked) == 2  # the first step spoils the weights, the second finds out
    assert read_json(tmp_path / "diverged.json") == {"step": 1, "samples": asked[1]}
    assert not (tmp_path / "done.json").exists() and not (tmp_path / "model.safetensors").exists()
    state = Checkpoints(tmp_path / "checkpoint").load()
    assert state is not None and state["step"] == 1


def test_checkpoints_come_by_the_clock_and_at_the_end_of_each_epoch(
    tiny_data: TinyData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tiny_data.spec("shn", recipe={"batch": 2})
    task, clock, saved = tiny_data.task(spec), [0.0], []
    batch, save = task.batch, Checkpoints.save

    def slow(epoch: int, indices: Any) -> Any:
        clock[0] += 10
        return batch(epoch, indices)

    task.batch = slow
    stopped = SimpleNamespace(monotonic=lambda: clock[0], strftime=lambda *_: "", gmtime=lambda: None)
    monkeypatch.setattr(loop, "time", stopped)
    monkeypatch.setattr(Checkpoints, "save", lambda self, step, state: saved.append(step) or save(self, step, state))
    loop.train(task, spec, tmp_path, data={}, checkpoint_seconds=35)
    assert saved == [4, 6, 10, 12]
    assert [row["seconds"] for row in run_folder.read_history(tmp_path)] == [60, 120]


def test_a_damaged_checkpoint_costs_one_interval_and_no_bit(finished: Finished, tmp_path: Path) -> None:
    train_until(finished.data, finished.spec, tmp_path, step=4)
    flip_byte(tmp_path / "checkpoint" / "step-000000004.pt")
    finished.data.train(finished.spec, tmp_path)
    model = run_folder.MODEL
    assert sha256_file(tmp_path / model) == sha256_file(finished.folder / model)


def test_without_a_whole_checkpoint_it_stops_with_one_message(finished: Finished, tmp_path: Path) -> None:
    train_until(finished.data, finished.spec, tmp_path, step=2)
    for path in (tmp_path / "checkpoint").iterdir():
        flip_byte(path)
    with pytest.raises(InputError, match=r"is damaged .* remove .*checkpoint to train from the beginning"):
        finished.data.train(finished.spec, tmp_path)


REFUSED = r"were made with other fixed filters or other data than this run now has; remove that folder"


def test_checkpoints_of_other_data_are_refused(tiny_data: TinyData, tmp_path: Path) -> None:
    spec = tiny_data.spec("shn")
    train_until(tiny_data, spec, tmp_path, step=1)
    with pytest.raises(LbrnError, match=REFUSED):
        loop.train(tiny_data.task(spec), spec, tmp_path, data={"mpii": "another digest"})


def test_checkpoints_of_other_filters_are_refused(
    tiny_data: TinyData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tiny_data.spec("lbrn-s")
    train_until(tiny_data, spec, tmp_path, step=1)
    draw = ternary.draw
    monkeypatch.setattr(ternary, "draw", lambda *shape, **seed: -draw(*shape, **seed))
    with pytest.raises(LbrnError, match=REFUSED):
        tiny_data.train(spec, tmp_path)


def test_only_one_process_trains_a_run(tiny_data: TinyData, tmp_path: Path) -> None:
    spec = tiny_data.spec("shn")
    with run_folder.exclusive(tmp_path):
        before = state_of_files(tmp_path)
        with pytest.raises(InputError, match="is being trained by another process; wait for it or stop it"):
            tiny_data.train(spec, tmp_path)
        assert state_of_files(tmp_path) == before


def test_another_run_in_the_same_folder_is_refused(tiny_data: TinyData, tmp_path: Path) -> None:
    train_until(tiny_data, tiny_data.spec("shn"), tmp_path, step=1)
    with pytest.raises(InputError, match=r"describes another run than the one asked for"):
        tiny_data.train(tiny_data.spec("shn", seed=1), tmp_path)
