"""A real disk that is really full while a checkpoint is written: one message, nothing lost, nothing half-written."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbrn.files import sha256_file
from lbrn.training.checkpoint import Checkpoints
from lbrn.training.folder import MODEL
from tiny import TinyData
from training.conftest import Finished

DISK = 2 << 20
ROOM = 450 << 10  # for two checkpoints of the tiny LBRN-S and what lies beside them, but not for a third


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty file system of 2 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """As much of a project as training a given spec needs: the marks by which its root is known."""
    root = tmp_path / "project"
    (root / "workflow").mkdir(parents=True)
    for mark in ("params.yaml", "workflow/experiments.yaml"):
        (root / mark).touch()
    return root


def train(project: Path, data: TinyData, spec: dict[str, object], folder: Path) -> subprocess.CompletedProcess[str]:
    arguments = ["train", str(folder), "--spec", json.dumps(spec), "--checkpoint-seconds", "0"]
    environment = os.environ | {"LBRN_DATA": str(data.store)}
    command = [sys.executable, "-m", "lbrn", *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def test_a_full_disk_costs_nothing_but_the_wait(finished: Finished, small_disk: Path, project: Path) -> None:
    folder, ballast = small_disk / "run", small_disk / "ballast"
    ballast.write_bytes(bytes(DISK - ROOM))
    answer = train(project, finished.data, finished.spec, folder)
    assert answer.returncode == 2 and "Traceback" not in answer.stderr
    told = [line for line in answer.stderr.splitlines() if line.startswith("lbrn: ")]
    assert len(told) == 1 and "No space left on device; make room" in told[0]
    state = Checkpoints(folder / "checkpoint").load()
    assert state is not None and state["step"] == 2
    assert sorted(path.name for path in folder.rglob("*")) == [
        ".lock", "checkpoint", "history.csv", "spec.yaml", "step-000000001.pt", "step-000000002.pt",
    ]  # fmt: skip

    ballast.unlink()
    finished.data.train(finished.spec, folder)
    assert sha256_file(folder / MODEL) == sha256_file(finished.folder / MODEL)
