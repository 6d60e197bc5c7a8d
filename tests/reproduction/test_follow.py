"""`lbrn track --follow`: runs in MLflow while they train, ending in the same record."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lbrn.reproduction.track import Follower, track
from reproduction import run_folders as folders
from reproduction.mlflow_view import PROGRAM, active, metric, running, start, wait_for


def test_only_new_epochs_of_a_running_run_are_sent(view_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    sent: list[set[int]] = []
    log_batch = MlflowClient.log_batch

    def spy(client: MlflowClient, run_id: str, **entries: list[Any]) -> object:
        if entries.get("metrics"):
            sent.append({point.step for point in entries["metrics"]})
        return log_batch(client, run_id, **entries)

    monkeypatch.setattr(MlflowClient, "log_batch", spy)
    follower = Follower(view_root / "runs", view_root)
    folder = folders.begin(view_root / "runs", folders.spec(), epochs=2)
    follower.tick()
    follower.tick()
    folders.write_history(folder, 5)
    follower.tick()
    assert sent == [{1, 2}, {3, 4, 5}]


def test_a_growing_run_is_followed_and_becomes_the_finished_record(view_root: Path) -> None:
    folders.begin(view_root / "runs", folders.spec("prm"), epochs=5)  # broken off long ago: not shown as running
    follower = Follower(view_root / "runs", view_root)
    folder = folders.begin(view_root / "runs", folders.spec(), epochs=2)
    follower.tick()
    [(name, status, run)] = active(view_root)
    assert (name, status) == (folder.name, "RUNNING")
    folders.write_history(folder, 5)
    with (folder / "history.csv").open("a") as stream:
        stream.write("6,0.00")  # a line half written
    follower.tick()
    assert [step for step, _ in metric(view_root, "curves/loss", run)] == [1, 2, 3, 4, 5]
    folders.write_history(folder, 12)
    folders.end(folder)
    follower.tick()
    assert active(view_root) == [(folder.name, "FINISHED", run)]
    assert [step for step, _ in metric(view_root, "curves/loss", run)] == list(range(1, 13))
    assert track(view_root / "runs", view_root).unchanged == [f"quick/mpii/{folder.name}"]


def test_a_run_that_begins_anew_with_other_numbers_replaces_the_live_record(view_root: Path) -> None:
    follower = Follower(view_root / "runs", view_root)
    folder = folders.begin(view_root / "runs", folders.spec(), epochs=3)
    follower.tick()
    first = active(view_root)
    folders.write_history(folder, 4, total=50.0)
    follower.tick()
    assert len(active(view_root)) == 1 and active(view_root) != first
    assert len(metric(view_root, "curves/loss", active(view_root)[0][2])) == 4


def test_follow_ends_on_sigterm_and_a_later_sync_completes_the_record(view_root: Path) -> None:
    watcher = start(view_root, "print('up', flush=True); follow(Path(sys.argv[1]), Path(sys.argv[2]), 0.2)")
    assert watcher.stdout is not None and watcher.stdout.readline() == "up\n"
    time.sleep(0.5)
    folder = folders.begin(view_root / "runs", folders.spec(), epochs=2)
    wait_for(lambda: [status for _, status, _ in active(view_root)] == ["RUNNING"])
    watcher.send_signal(signal.SIGTERM)
    _, errors = watcher.communicate(timeout=120)
    assert (watcher.returncode, errors) == (0, "")
    [(_, status, run)] = active(view_root)
    assert status == "KILLED"
    folders.write_history(folder, 12)
    folders.end(folder)
    track(view_root / "runs", view_root)
    assert active(view_root) == [(folder.name, "FINISHED", run)]


def test_follow_ends_with_its_parent(view_root: Path) -> None:
    inner = f"{PROGRAM} follow(Path(sys.argv[1]), Path(sys.argv[2]), 0.2, parent=int(sys.argv[3]))"
    outer = (
        "import os, subprocess, sys;"
        f"command = [sys.executable, '-c', {inner!r}, *sys.argv[1:], str(os.getpid())];"
        "print(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid)"
    )
    command = [sys.executable, "-c", outer, str(view_root / "runs"), str(view_root)]
    watcher = int(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    try:
        wait_for(lambda: not running(watcher), 60)
    finally:
        if running(watcher):
            os.kill(watcher, signal.SIGKILL)


def test_follow_survives_a_dead_server_and_says_so_once(view_root: Path) -> None:
    watcher = start(
        view_root,
        "print('up', flush=True); follow(Path(sys.argv[1]), Path(sys.argv[2]), 0.1, uri='http://127.0.0.1:9')",
    )
    assert watcher.stdout is not None and watcher.stdout.readline() == "up\n"
    time.sleep(0.5)
    folders.begin(view_root / "runs", folders.spec(), epochs=2)
    time.sleep(1.0)
    assert watcher.poll() is None
    watcher.terminate()
    _, errors = watcher.communicate(timeout=120)
    assert watcher.returncode == 0 and errors.count("does not answer") == 1
