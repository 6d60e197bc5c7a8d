"""How far the runs of the wished tables are, from run folders in every state."""

import fcntl
import json
from pathlib import Path

import pytest
import yaml

from lbrn.files import write_json
from lbrn.reproduction import runs, status
from lbrn.reproduction.project import find
from toy_project import Toy, make_toy

pytestmark = pytest.mark.project


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return make_toy(tmp_path / "project", columns=["SHN", "LBRN-S"])


def begun(toy: Toy, column: str, epochs: int, total: int = 10) -> Path:
    """A run folder as training leaves it in the middle."""
    spec = toy.run_spec(1, column)
    folder = toy.run_folder(1, column)
    (folder / "checkpoint").mkdir(parents=True)
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec))
    rows = "".join(f"{epoch},{30.0 * epoch}\n" for epoch in range(1, epochs + 1))
    (folder / "history.csv").write_text("epoch,seconds\n" + rows)
    (folder / ".lock").touch()
    return folder


def finished(folder: Path, *products: str) -> None:
    for name in ("done.json", *products):
        write_json(folder / name, {})


def told(toy: Toy, column: str) -> str:
    key = runs.run_key(toy.run_spec(1, column))
    return next(line for line in toy.succeed("status").splitlines() if key in line).split(": ", 1)[1]


def test_nothing_is_done_at_first(toy: Toy) -> None:
    text = toy.succeed("status")
    assert "table 1: not made; `snakemake --cores 2 results/table1.csv` makes it" in text
    assert "runs: 2 missing" in text and "data: mpii (standin-1): not prepared" in text


def test_a_training_is_seen_by_its_lock_and_left_alone(toy: Toy) -> None:
    toy.root.joinpath("workflow/scales.yaml").write_text(
        toy.root.joinpath("workflow/scales.yaml").read_text().replace("epochs: 1\n", "epochs: 10\n", 1)
    )
    folder = begun(toy, "SHN", 4)
    assert told(toy, "SHN") == "stopped, epoch 4 of 10, about 3 min of training left"
    with (folder / ".lock").open("a+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        if not status.LOCKS.exists():
            pytest.skip("this system does not list locks")
        assert told(toy, "SHN") == "training, epoch 4 of 10, about 3 min of training left"
        assert told(toy, "LBRN-S") == "missing"
    assert told(toy, "SHN").startswith("stopped")


def test_each_step_that_is_lacking_is_named(toy: Toy) -> None:
    folder = begun(toy, "SHN", 1)
    finished(folder)
    assert told(toy, "SHN") == "trained, not predicted"
    finished(folder, "predictions.npz")
    assert told(toy, "SHN") == "predicted, not scored"
    finished(folder, "scores.json")
    assert "runs: 1 done, 1 missing" in toy.succeed("status")


def test_a_table_of_other_runs_is_not_called_made(toy: Toy) -> None:
    keys = [runs.run_key(toy.run_spec(1, column)) for column in ("SHN", "LBRN-S")]
    path = toy.root / "results/table1.json"
    write_json(path, {"cells": [{"runs": keys}]})
    assert "table 1: made\n" in toy.succeed("status")
    toy.knobs(seeds=[1])
    assert "table 1: made from other runs than params.yaml now names" in toy.succeed("status")
    path.write_text("{}")
    assert "is not a table written by lbrn" in toy.lbrn("status").complaint


def test_a_finished_run_has_nothing_left(toy: Toy) -> None:
    folder = begun(toy, "SHN", 1)
    finished(folder, "scores.json")
    state = status.run_state(toy.run_spec(), find(toy.root))
    assert (state.state, state.epochs, state.total) == (status.DONE, 1, 1)
    assert json.loads((folder / "done.json").read_text()) == {}
