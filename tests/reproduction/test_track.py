"""`lbrn track`: each finished run once in MLflow, with its present content."""

import json
import os
import sqlite3
from pathlib import Path

import pytest

from lbrn.reproduction.track import track
from reproduction import run_folders as folders
from reproduction.mlflow_view import active, metric, query, start, tags


def test_a_record_holds_all_that_the_run_folder_says(view_root: Path) -> None:
    folder = folders.finished(view_root / "runs", folders.spec(), total=78.12)
    track(view_root / "runs", view_root)
    [(name, status, run)] = active(view_root)
    assert (name, status) == (folder.name, "FINISHED")
    assert query(view_root, "SELECT start_time, end_time FROM runs") == [(1767323045000 - 116400, 1767323045000)]
    assert metric(view_root, "pckh_at_0.5_total", run) == [(0, 78.12)]
    assert metric(view_root, "per_joint/pckh_at_0.5_head", run) == [(0, 92.12)]
    assert metric(view_root, "other_definitions/pckh_at_0.1-mean14_total", run) == [(0, 19.53)]
    losses = metric(view_root, "curves/valid_loss", run)
    assert losses == [(epoch, pytest.approx(0.012 * 0.8**epoch)) for epoch in range(1, 13)]
    parameters = dict(query(view_root, "SELECT key, value FROM params"))  # type: ignore[arg-type]
    assert parameters["recipe.augmentation.rotation"] == "30" and parameters["variant"] == "shn"
    noted = tags(view_root, run)
    assert noted["lbrn.key"] == f"quick/mpii/{folder.name}"
    assert noted["mlflow.source.git.commit"] == "0123456789ab+"
    assert noted["data.mpii"] == "ef" * 32 and noted["environment.packages.torch"] == "2.13.0"
    assert str(noted["mlflow.note.content"]).startswith("pckh@0.5-mean14 = 78.12 on mpii, 1000 people")
    assert query(view_root, "SELECT name, digest FROM datasets") == [("mpii", "1a2b3c4d")]


def test_a_curve_of_more_than_one_batch_is_logged_whole(view_root: Path) -> None:
    folders.finished(view_root / "runs", folders.spec(), epochs=600)
    track(view_root / "runs", view_root)
    assert len(metric(view_root, "curves/loss", active(view_root)[0][2])) == 600


def test_twice_is_once_and_the_second_time_imports_no_mlflow(view_root: Path) -> None:
    for seed in range(3):
        folders.finished(view_root / "runs", folders.spec(seed=seed))
    assert len(track(view_root / "runs", view_root).logged) == 3
    before = active(view_root)
    call = "print(len(track(Path(sys.argv[1]), Path(sys.argv[2])).unchanged), 'mlflow' in sys.modules)"
    again = start(view_root, call)
    assert again.communicate()[0].split() == ["3", "False"]
    assert active(view_root) == before


def test_touched_files_are_the_same_content(view_root: Path) -> None:
    folder = folders.finished(view_root / "runs", folders.spec())
    track(view_root / "runs", view_root)
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    assert track(view_root / "runs", view_root).logged == []


def test_changed_scores_replace_the_record(view_root: Path) -> None:
    folder = folders.finished(view_root / "runs", folders.spec(), total=70.0)
    other = folders.finished(view_root / "runs", folders.spec("prm"))
    track(view_root / "runs", view_root)
    folders.write_scores(folder, 71.5)
    assert track(view_root / "runs", view_root).logged == [f"quick/mpii/{folder.name}"]
    runs = {str(name): run for name, _, run in active(view_root)}
    assert set(runs) == {folder.name, other.name} and len(active(view_root)) == 2
    assert metric(view_root, "pckh_at_0.5_total", runs[folder.name]) == [(0, 71.5)]


def test_a_doubled_record_is_reduced_to_one(view_root: Path) -> None:
    folders.finished(view_root / "runs", folders.spec())
    track(view_root / "runs", view_root)
    run = str(active(view_root)[0][2])
    with sqlite3.connect(view_root / "mlflow.db") as connection:
        for table in ("runs", "tags"):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] != "run_uuid"]
            names = ", ".join(columns)
            copy = f"INSERT INTO {table} (run_uuid, {names}) SELECT 'copy', {names} FROM {table} WHERE run_uuid = ?"
            connection.execute(copy, (run,))
    assert len(active(view_root)) == 2
    track(view_root / "runs", view_root)
    assert len(active(view_root)) == 1


def test_unfinished_runs_are_left_out(view_root: Path) -> None:
    folder = folders.begin(view_root / "runs", folders.spec(), epochs=3)
    summary = track(view_root / "runs", view_root)
    assert summary.unfinished == [f"quick/mpii/{folder.name}"] and active(view_root) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("history.csv", "epoch,loss,seconds\n1,half a num,2\n"),
        ("scores.json", "{"),
        ("scores.json", '{"primary": "x"}'),
    ],
)
def test_an_unreadable_run_is_named_and_the_others_are_logged(view_root: Path, name: str, content: str) -> None:
    broken = folders.finished(view_root / "runs", folders.spec())
    good = folders.finished(view_root / "runs", folders.spec("prm"))
    (broken / name).write_text(content)
    summary = track(view_root / "runs", view_root)
    assert summary.logged == [f"quick/mpii/{good.name}"]
    assert len(summary.problems) == 1 and str(broken / name) in summary.problems[0]
    assert [name for name, _, _ in active(view_root)] == [good.name]


def test_the_dvc_experiment_is_noted(view_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_EXP_NAME", "spare-sloe")
    folders.finished(view_root / "runs", folders.spec())
    track(view_root / "runs", view_root)
    assert tags(view_root, active(view_root)[0][2])["dvc.exp"] == "spare-sloe"


def test_the_saved_view_sorts_by_the_primary_metric(view_root: Path) -> None:
    folders.finished(view_root / "runs", folders.spec())
    track(view_root / "runs", view_root)
    [(value,)] = query(view_root, "SELECT value FROM experiment_tags WHERE key = 'mlflow.sharedViewState.scores'")
    state = json.loads(json.loads(str(value))["state"])
    assert state["orderByKey"] == "metrics.`pckh_at_0.5_total`" and not state["orderByAsc"]
