"""Locks of killed workflows go, those of living ones stay."""

import subprocess
import sys
from pathlib import Path

import pytest

HOLD = """
import sys
from pathlib import Path
from lbrn.reproduction import stale_locks
stale_locks.clear(Path(sys.argv[1]))
print("holds", flush=True)
sys.stdin.read()
"""


def begin(folder: Path) -> subprocess.Popen[str]:
    """A workflow that has cleared what is stale and lives until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "holds\n"
    return process


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    (tmp_path / "locks").mkdir()
    lock = tmp_path / "locks" / "0.output.lock"
    lock.write_text("results/table1.csv\n")
    return lock


def test_the_lock_of_a_killed_workflow_goes(tmp_path: Path, lock: Path) -> None:
    content = lock.read_text()
    first = begin(tmp_path)
    assert not lock.exists()
    lock.write_text(content)
    first.kill()
    first.communicate()
    second = begin(tmp_path)
    assert not lock.exists()
    second.communicate()


def test_the_lock_of_a_living_workflow_stays_however_many_there_are(tmp_path: Path, lock: Path) -> None:
    content = lock.read_text()
    first = begin(tmp_path)
    lock.write_text(content)
    second = begin(tmp_path)
    assert lock.exists()
    first.communicate()
    third = begin(tmp_path)
    assert lock.exists()
    second.communicate()
    third.communicate()
    begin(tmp_path).communicate()
    assert not lock.exists()
