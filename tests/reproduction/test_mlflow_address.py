"""The MLflow view itself: parallel first contact, lost, ruined, moved, or a server that is down."""

import shutil
import socket
import time
from pathlib import Path

import pytest

from lbrn.reproduction.mlflow_address import TrackingError, tracking_uri
from lbrn.reproduction.track import track
from reproduction import run_folders as folders
from reproduction.mlflow_view import active, query, start


def test_eight_processes_make_one_database_with_every_run_once(view_root: Path) -> None:
    (view_root / "mlflow.db").unlink()
    for seed in range(4):
        folders.finished(view_root / "runs", folders.spec(seed=seed))
    processes = [start(view_root, "track(Path(sys.argv[1]), Path(sys.argv[2]))") for _ in range(8)]
    errors = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 8 and errors == [""] * 8
    assert [status for _, status, _ in active(view_root)] == ["FINISHED"] * 4


def test_a_lost_database_and_a_moved_root_are_refilled(view_root: Path, empty_database: Path) -> None:
    folder = folders.finished(view_root / "runs", folders.spec())
    track(view_root / "runs", view_root)
    shutil.copyfile(empty_database, view_root / "mlflow.db")
    track(view_root / "runs", view_root)
    assert [name for name, _, _ in active(view_root)] == [folder.name]
    moved = view_root / "moved"
    moved.mkdir()
    for name in ("mlflow.db", "mlartifacts", "runs"):
        shutil.move(view_root / name, moved / name)
    assert track(moved / "runs", moved).logged == []
    [(address,)] = query(moved, "SELECT artifact_uri FROM runs")
    assert str(view_root) not in str(address)
    picture = moved / "mlartifacts" / str(address).removeprefix("mlflow-artifacts:/") / "curves.png"
    assert picture.read_bytes() == (moved / "runs" / "quick" / "mpii" / folder.name / "curves.png").read_bytes()


def test_a_ruined_database_is_one_clear_message(view_root: Path) -> None:
    folders.finished(view_root / "runs", folders.spec())
    (view_root / "mlflow.db").write_bytes(b"not a database, but not empty either" * 100)
    with pytest.raises(TrackingError, match=r"mlflow\.db.*delete the file"):
        track(view_root / "runs", view_root)


def test_a_dead_server_costs_seconds(view_root: Path) -> None:
    folders.finished(view_root / "runs", folders.spec())
    began = time.monotonic()
    with pytest.raises(TrackingError, match="does not answer"):
        track(view_root / "runs", view_root, uri="http://127.0.0.1:9")
    assert time.monotonic() - began < 10


def test_a_server_that_accepts_and_never_answers_costs_seconds(view_root: Path) -> None:
    folders.finished(view_root / "runs", folders.spec())
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        with pytest.raises(TrackingError, match="does not answer"):
            track(view_root / "runs", view_root, uri=f"http://127.0.0.1:{server.getsockname()[1]}")
        assert time.monotonic() - began < 10


def test_the_address_is_anchored_in_the_main_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///other.db")
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/other.db"
    assert tracking_uri(tmp_path, "http://server:5000") == "http://server:5000"
