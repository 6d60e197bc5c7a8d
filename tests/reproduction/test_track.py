"""`lbrn track`: each finished run once in MLflow, whatever happens to the database, the server or the run."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lbrn.reproduction.mlflow_address import TrackingError, tracking_uri
from lbrn.reproduction.track import Follower, track
from reproduction import run_folders as folders

PROGRAM = "import sys; from pathlib import Path; from lbrn.reproduction.track import track, follow;"


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with tables and no runs; making one takes MLflow seconds."""
    from lbrn.reproduction.mlflow_store import Store

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    Store(f"sqlite:///{path}")
    return path


@pytest.fixture
def root(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    shutil.copyfile(empty_database, tmp_path / "mlflow.db")
    yield tmp_path


def query(root: Path, statement: str, *values: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(root / "mlflow.db") as connection:
        return connection.execute(statement, values).fetchall()


def active(root: Path) -> list[tuple[object, ...]]:
    return query(root, "SELECT name, status, run_uuid FROM runs WHERE lifecycle_stage = 'active' ORDER BY name")


def metric(root: Path, name: str, run: object) -> list[tuple[object, ...]]:
    """Step and value of every point."""
    statement = "SELECT step, value FROM metrics WHERE key = ? AND run_uuid = ? ORDER BY step"
    return query(root, statement, name, str(run))


def tags(root: Path, run: object) -> dict[object, object]:
    return dict(query(root, "SELECT key, value FROM tags WHERE run_uuid = ?", str(run)))  # type: ignore[arg-type]


def start(root: Path, call: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", f"{PROGRAM} {call}", str(root / "runs"), str(root)]
    variables = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"} | environment
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def running(process: int) -> bool:
    """Whether a process exists and is more than an unburied zombie."""
    status = Path(f"/proc/{process}/status")
    return status.exists() and "\nState:\tZ" not in status.read_text()


def wait_for(condition: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def test_a_record_holds_all_that_the_run_folder_says(root: Path) -> None:
    folder = folders.finished(root / "runs", folders.spec(), total=78.12)
    track(root / "runs", root)
    [(name, status, run)] = active(root)
    assert (name, status) == (folder.name, "FINISHED")
    assert query(root, "SELECT start_time, end_time FROM runs") == [(1767323045000 - 116400, 1767323045000)]
    assert metric(root, "pckh_at_0.5_total", run) == [(0, 78.12)]
    assert metric(root, "per_joint/pckh_at_0.5_head", run) == [(0, 92.12)]
    assert metric(root, "other_definitions/pckh_at_0.1-mean14_total", run) == [(0, 19.53)]
    losses = metric(root, "curves/valid_loss", run)
    assert losses == [(epoch, pytest.approx(0.012 * 0.8**epoch)) for epoch in range(1, 13)]
    parameters = dict(query(root, "SELECT key, value FROM params"))  # type: ignore[arg-type]
    assert parameters["recipe.augmentation.rotation"] == "30" and parameters["variant"] == "shn"
    noted = tags(root, run)
    assert noted["lbrn.key"] == f"quick/mpii/{folder.name}"
    assert noted["mlflow.source.git.commit"] == "0123456789ab+"
    assert noted["data.mpii"] == "ef" * 32 and noted["environment.packages.torch"] == "2.13.0"
    assert str(noted["mlflow.note.content"]).startswith("pckh@0.5-mean14 = 78.12 on mpii, 1000 people")
    assert query(root, "SELECT name, digest FROM datasets") == [("mpii", "1a2b3c4d")]


def test_a_curve_of_more_than_one_batch_is_logged_whole(root: Path) -> None:
    folders.finished(root / "runs", folders.spec(), epochs=600)
    track(root / "runs", root)
    assert len(metric(root, "curves/loss", active(root)[0][2])) == 600


def test_twice_is_once_and_the_second_time_imports_no_mlflow(root: Path) -> None:
    for seed in range(3):
        folders.finished(root / "runs", folders.spec(seed=seed))
    assert len(track(root / "runs", root).logged) == 3
    before = active(root)
    call = "print(len(track(Path(sys.argv[1]), Path(sys.argv[2])).unchanged), 'mlflow' in sys.modules)"
    again = start(root, call)
    assert again.communicate()[0].split() == ["3", "False"]
    assert active(root) == before


def test_touched_files_are_the_same_content(root: Path) -> None:
    folder = folders.finished(root / "runs", folders.spec())
    track(root / "runs", root)
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    assert track(root / "runs", root).logged == []


def test_changed_scores_replace_the_record(root: Path) -> None:
    folder = folders.finished(root / "runs", folders.spec(), total=70.0)
    other = folders.finished(root / "runs", folders.spec("prm"))
    track(root / "runs", root)
    folders.write_scores(folder, 71.5)
    assert track(root / "runs", root).logged == [f"quick/mpii/{folder.name}"]
    runs = {str(name): run for name, _, run in active(root)}
    assert set(runs) == {folder.name, other.name} and len(active(root)) == 2
    assert metric(root, "pckh_at_0.5_total", runs[folder.name]) == [(0, 71.5)]


def test_a_doubled_record_is_reduced_to_one(root: Path) -> None:
    folders.finished(root / "runs", folders.spec())
    track(root / "runs", root)
    run = str(active(root)[0][2])
    with sqlite3.connect(root / "mlflow.db") as connection:
        for table in ("runs", "tags"):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] != "run_uuid"]
            names = ", ".join(columns)
            copy = f"INSERT INTO {table} (run_uuid, {names}) SELECT 'copy', {names} FROM {table} WHERE run_uuid = ?"
            connection.execute(copy, (run,))
    assert len(active(root)) == 2
    track(root / "runs", root)
    assert len(active(root)) == 1


def test_unfinished_runs_are_left_out(root: Path) -> None:
    folder = folders.begin(root / "runs", folders.spec(), epochs=3)
    summary = track(root / "runs", root)
    assert summary.unfinished == [f"quick/mpii/{folder.name}"] and active(root) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("history.csv", "epoch,loss,seconds\n1,half a num,2\n"),
        ("scores.json", "{"),
        ("scores.json", '{"primary": "x"}'),
    ],
)
def test_an_unreadable_run_is_named_and_the_others_are_logged(root: Path, name: str, content: str) -> None:
    broken = folders.finished(root / "runs", folders.spec())
    good = folders.finished(root / "runs", folders.spec("prm"))
    (broken / name).write_text(content)
    summary = track(root / "runs", root)
    assert summary.logged == [f"quick/mpii/{good.name}"]
    assert len(summary.problems) == 1 and str(broken / name) in summary.problems[0]
    assert [name for name, _, _ in active(root)] == [good.name]


def test_eight_processes_make_one_database_with_every_run_once(root: Path) -> None:
    (root / "mlflow.db").unlink()
    for seed in range(4):
        folders.finished(root / "runs", folders.spec(seed=seed))
    processes = [start(root, "track(Path(sys.argv[1]), Path(sys.argv[2]))") for _ in range(8)]
    errors = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, errors
    assert [status for _, status, _ in active(root)] == ["FINISHED"] * 4


def test_a_lost_database_and_a_moved_root_are_refilled(root: Path, empty_database: Path) -> None:
    folder = folders.finished(root / "runs", folders.spec())
    track(root / "runs", root)
    shutil.copyfile(empty_database, root / "mlflow.db")
    track(root / "runs", root)
    assert [name for name, _, _ in active(root)] == [folder.name]
    moved = root / "moved"
    moved.mkdir()
    for name in ("mlflow.db", "mlartifacts", "runs"):
        shutil.move(root / name, moved / name)
    assert track(moved / "runs", moved).logged == []
    [(address,)] = query(moved, "SELECT artifact_uri FROM runs")
    assert str(root) not in str(address)
    picture = moved / "mlartifacts" / str(address).removeprefix("mlflow-artifacts:/") / "curves.png"
    assert picture.read_bytes() == (moved / "runs" / "quick" / "mpii" / folder.name / "curves.png").read_bytes()


def test_a_ruined_database_is_one_clear_message(root: Path) -> None:
    folders.finished(root / "runs", folders.spec())
    (root / "mlflow.db").write_bytes(b"not a database, but not empty either" * 100)
    with pytest.raises(TrackingError, match=r"mlflow\.db.*delete the file"):
        track(root / "runs", root)


def test_a_dead_server_costs_seconds(root: Path) -> None:
    folders.finished(root / "runs", folders.spec())
    began = time.monotonic()
    with pytest.raises(TrackingError, match="does not answer"):
        track(root / "runs", root, uri="http://127.0.0.1:9")
    assert time.monotonic() - began < 10


def test_a_server_that_accepts_and_never_answers_costs_seconds(root: Path) -> None:
    folders.finished(root / "runs", folders.spec())
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        with pytest.raises(TrackingError, match="does not answer"):
            track(root / "runs", root, uri=f"http://127.0.0.1:{server.getsockname()[1]}")
        assert time.monotonic() - began < 10


def test_the_address_is_anchored_in_the_main_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///other.db")
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/other.db"
    assert tracking_uri(tmp_path, "http://server:5000") == "http://server:5000"


def test_the_dvc_experiment_is_noted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_EXP_NAME", "spare-sloe")
    folders.finished(root / "runs", folders.spec())
    track(root / "runs", root)
    assert tags(root, active(root)[0][2])["dvc.exp"] == "spare-sloe"


def test_the_saved_view_sorts_by_the_primary_metric(root: Path) -> None:
    folders.finished(root / "runs", folders.spec())
    track(root / "runs", root)
    [(value,)] = query(root, "SELECT value FROM experiment_tags WHERE key = 'mlflow.sharedViewState.scores'")
    state = json.loads(json.loads(str(value))["state"])
    assert state["orderByKey"] == "metrics.`pckh_at_0.5_total`" and not state["orderByAsc"]


def test_only_new_epochs_of_a_running_run_are_sent(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    sent: list[set[int]] = []
    log_batch = MlflowClient.log_batch

    def spy(client: MlflowClient, run_id: str, **entries: list[Any]) -> object:
        if entries.get("metrics"):
            sent.append({point.step for point in entries["metrics"]})
        return log_batch(client, run_id, **entries)

    monkeypatch.setattr(MlflowClient, "log_batch", spy)
    follower = Follower(root / "runs", root)
    folder = folders.begin(root / "runs", folders.spec(), epochs=2)
    follower.tick()
    follower.tick()
    folders.write_history(folder, 5)
    follower.tick()
    assert sent == [{1, 2}, {3, 4, 5}]


def test_a_growing_run_is_followed_and_becomes_the_finished_record(root: Path) -> None:
    folders.begin(root / "runs", folders.spec("prm"), epochs=5)  # broken off long ago: not shown as running
    follower = Follower(root / "runs", root)
    folder = folders.begin(root / "runs", folders.spec(), epochs=2)
    follower.tick()
    [(name, status, run)] = active(root)
    assert (name, status) == (folder.name, "RUNNING")
    folders.write_history(folder, 5)
    with (folder / "history.csv").open("a") as stream:
        stream.write("6,0.00")  # a line half written
    follower.tick()
    assert [step for step, _ in metric(root, "curves/loss", run)] == [1, 2, 3, 4, 5]
    folders.write_history(folder, 12)
    folders.end(folder)
    follower.tick()
    assert active(root) == [(folder.name, "FINISHED", run)]
    assert [step for step, _ in metric(root, "curves/loss", run)] == list(range(1, 13))
    assert track(root / "runs", root).unchanged == [f"quick/mpii/{folder.name}"]


def test_a_run_that_begins_anew_with_other_numbers_replaces_the_live_record(root: Path) -> None:
    follower = Follower(root / "runs", root)
    folder = folders.begin(root / "runs", folders.spec(), epochs=3)
    follower.tick()
    first = active(root)
    folders.write_history(folder, 4, total=50.0)
    follower.tick()
    assert len(active(root)) == 1 and active(root) != first
    assert len(metric(root, "curves/loss", active(root)[0][2])) == 4


def test_follow_ends_on_sigterm_and_a_later_sync_completes_the_record(root: Path) -> None:
    watcher = start(root, "print('up', flush=True); follow(Path(sys.argv[1]), Path(sys.argv[2]), 0.2)")
    assert watcher.stdout is not None and watcher.stdout.readline() == "up\n"
    time.sleep(0.5)
    folder = folders.begin(root / "runs", folders.spec(), epochs=2)
    wait_for(lambda: [status for _, status, _ in active(root)] == ["RUNNING"])
    watcher.send_signal(signal.SIGTERM)
    _, errors = watcher.communicate(timeout=20)
    assert (watcher.returncode, errors) == (0, "")
    [(_, status, run)] = active(root)
    assert status == "KILLED"
    folders.write_history(folder, 12)
    folders.end(folder)
    track(root / "runs", root)
    assert active(root) == [(folder.name, "FINISHED", run)]


def test_follow_ends_with_its_parent(root: Path) -> None:
    inner = f"{PROGRAM} follow(Path(sys.argv[1]), Path(sys.argv[2]), 0.2, parent=int(sys.argv[3]))"
    outer = (
        "import os, subprocess, sys;"
        f"command = [sys.executable, '-c', {inner!r}, *sys.argv[1:], str(os.getpid())];"
        "print(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid)"
    )
    command = [sys.executable, "-c", outer, str(root / "runs"), str(root)]
    watcher = int(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    try:
        wait_for(lambda: not running(watcher), 20)
    finally:
        if running(watcher):
            os.kill(watcher, signal.SIGKILL)


def test_follow_survives_a_dead_server_and_says_so_once(root: Path) -> None:
    watcher = start(
        root, "print('up', flush=True); follow(Path(sys.argv[1]), Path(sys.argv[2]), 0.1, uri='http://127.0.0.1:9')"
    )
    assert watcher.stdout is not None and watcher.stdout.readline() == "up\n"
    time.sleep(0.5)
    folders.begin(root / "runs", folders.spec(), epochs=2)
    time.sleep(1.0)
    assert watcher.poll() is None
    watcher.terminate()
    _, errors = watcher.communicate(timeout=20)
    assert watcher.returncode == 0 and errors.count("does not answer") == 1
