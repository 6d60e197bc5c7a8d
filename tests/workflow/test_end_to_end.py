"""From bytes to numbers at toy size: the real Snakemake, the real networks, and a kill in mid-training."""

import csv
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lbrn.reproduction import book, project, runs
from toy_project import OVERRIDES, SIZES
from workflow.workspace import Workspace, make_project

pytestmark = [pytest.mark.project, pytest.mark.slow]

ROWS = ["Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "Total", "#Param (M)", "FLOPs (G)"]
FAMILIES = {"HG-Binary": "hg-binary", "LBRN-S": "lbrn-s", "PRM": "prm"}
"""One network of each family, by its label."""

LONGER = {"epochs": 15, "people_train": 24}


def real(root: Path, columns: list[str], **sizes: int) -> Workspace:
    """A project of toy size in which the rules call the real lbrn."""
    workspace = make_project(root, overrides=OVERRIDES | sizes)
    workspace.knobs(columns=columns)
    del workspace.env["LBRN_COMMAND"]
    return workspace


def spec_of(workspace: Workspace, column: str, table: int = 1) -> dict[str, Any]:
    return runs.table_runs(book.load(project.find(workspace.root)), table)[column][0]


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A project with a network of each family in table 1."""
    workspace = real(tmp_path_factory.mktemp("toy") / "project", [*FAMILIES])
    workspace.snakemake("results/table1.csv")
    return workspace


def test_table_has_numbers_for_every_family(toy: Workspace) -> None:
    path = toy.root / "results" / "table1.csv"
    frame = pd.read_csv(path, comment="#").set_index("row")
    rows = list(csv.DictReader(line for line in path.read_text().splitlines() if not line.startswith("#")))
    assert [row["row"] for row in rows if row["row"] in ROWS] == [name for name in frame.index if name in ROWS] == ROWS
    for label in FAMILIES:
        numbers = frame[label]
        assert numbers[["Shoulder", "Hip"]].between(0, 100).all(), label
        assert numbers["#Param (M)"] == pytest.approx(frame.loc["#Param (M)", f"{label} published"], abs=1.1e-3)
    header = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert any("STAND-IN" in line for line in header) and any("scale: quick" in line for line in header)


def test_each_run_leaves_what_the_design_says(toy: Workspace) -> None:
    folders = sorted((toy.root / "results" / "runs" / "quick" / "mpii").iterdir())
    variants = [folder.name.split("-seed")[0].removesuffix("-s0.5") for folder in folders]
    assert variants == sorted(FAMILIES.values())
    for folder in folders:
        names = {path.name for path in folder.iterdir()}
        assert {"spec.yaml", "history.csv", "done.json", "predictions.npz", "scores.json", "curves.png"} <= names
        assert json.loads((folder / "scores.json").read_text())["people"] == SIZES["people_test"]
    with sqlite3.connect(toy.root / "mlflow.db") as view:
        assert view.execute("select count(*) from runs where status = 'FINISHED'").fetchone() == (len(FAMILIES),)


def test_nothing_is_left_to_do(toy: Workspace) -> None:
    before = {path: path.stat().st_mtime_ns for path in (toy.root / "results").rglob("*.*") if path.is_file()}
    assert "Nothing to be done" in toy.snakemake("results/table1.csv")
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_another_table_trains_on_two_data_sets(toy: Workspace) -> None:
    toy.knobs(columns=["SHN"])
    toy.snakemake("results/table7.csv")
    frame = pd.read_csv(toy.root / "results" / "table7.csv", comment="#").set_index("row")
    assert frame.loc["Shoulder", "SHN"] >= 0
    (folder,) = (toy.root / "results" / "runs" / "quick" / "lsp").iterdir()
    assert set(json.loads((folder / "done.json").read_text())["data"]) == {"lsp", "lspet"}


def test_killed_in_mid_training_it_goes_on_to_the_same_numbers(tmp_path: Path) -> None:
    workspace = real(tmp_path / "project", ["SHN"], **LONGER)
    spec = spec_of(workspace, "SHN")
    folder = workspace.root / "results" / "runs" / runs.run_key(spec)
    kill_after(workspace, folder / "history.csv", epochs=2)
    assert (folder / "history.csv").exists() and not (folder / "done.json").exists()
    live = seen_live(workspace.root / "mlflow.db", folder.name)

    workspace.snakemake("results/table1.csv")
    log = (folder / "train.log").read_text()
    resumed = re.search(r"resumed at step (\d+) of (\d+)", log)
    assert resumed is not None and 0 < int(resumed[1]) < int(resumed[2]), log

    losses = pd.read_csv(folder / "history.csv")["loss"]
    assert len(losses) == LONGER["epochs"] and losses.iloc[-1] < losses.iloc[0]

    undisturbed = workspace.root / "undisturbed"
    for command in (["train", str(undisturbed), "--spec", json.dumps(spec)], ["predict", str(undisturbed)]):
        workspace.run(sys.executable, "-m", "lbrn", *command, PYTHONPATH=str(workspace.root / "src"))
    told, expected = (json.loads((place / "done.json").read_text()) for place in (folder, undisturbed))
    assert told["digests"] == expected["digests"]
    for name in ("model.safetensors", "predictions.npz"):
        assert (folder / name).read_bytes() == (undisturbed / name).read_bytes(), name

    with sqlite3.connect(workspace.root / "mlflow.db") as view:
        assert view.execute("select run_uuid, status from runs").fetchall() == [(live, "FINISHED")]
        steps = view.execute("select step from metrics where key = 'curves/loss' order by step").fetchall()
    assert [step for (step,) in steps] == list(range(1, LONGER["epochs"] + 1))


def kill_after(workspace: Workspace, history: Path, epochs: int) -> None:
    """Begin, shown live, and end Snakemake and its jobs by SIGKILL when a run has trained so many epochs."""
    with (workspace.root / "first.log").open("w") as log:
        process = subprocess.Popen(
            ["snakemake", "--cores", "2", "results/table1.csv"],
            cwd=workspace.root, env=workspace.env | {"LBRN_MLFLOW": "live"}, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    ends = time.monotonic() + 240
    try:
        while not (history.exists() and len(history.read_text().splitlines()) > epochs):
            assert process.poll() is None and time.monotonic() < ends, (workspace.root / "first.log").read_text()
            time.sleep(0.02)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def seen_live(database: Path, name: str) -> str:
    """The id of MLflow's only run once the watcher, which outlives the kill for a moment, has marked it as killed."""
    ends = time.monotonic() + 60
    found: list[tuple[str, str, str]] = []
    while not found or found[0][2] == "RUNNING":
        assert time.monotonic() < ends, f"MLflow shows {found}, but no killed run"
        time.sleep(0.2)
        if database.exists():
            with sqlite3.connect(database) as view:
                found = view.execute("select run_uuid, name, status from runs").fetchall()
    assert [row[1:] for row in found] == [(name, "KILLED")]
    return found[0][0]
