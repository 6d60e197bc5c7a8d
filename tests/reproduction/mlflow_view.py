"""Looking into the MLflow view of a test through SQLite, and running the tracker in processes of their own."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PROGRAM = (
    "import logging, sys; from pathlib import Path; from lbrn.reproduction.track import track, follow;"
    "logging.basicConfig(level=logging.INFO);"
)


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


def wait_for(condition: Callable[[], object], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
