"""The run folder: lock, spec, history, provenance."""

import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest

from lbrn.errors import InputError
from lbrn.training import folder


def test_spec_round_trip_and_refusal_of_another(tmp_path: Path) -> None:
    spec = {"task": "pose", "network": {"sparsity": 0.5, "activation": "relu"}, "recipe": {"colour": [0.8, 1.2]}}
    folder.write_spec(tmp_path, spec)
    folder.write_spec(tmp_path, spec)
    assert folder.read_spec(tmp_path) == spec
    with pytest.raises(InputError, match=r"spec.yaml describes another run"):
        folder.write_spec(tmp_path, spec | {"seed": 1})


@pytest.mark.parametrize("content", [None, "[1, 2", "just text"])
def test_unreadable_spec_is_one_clear_message(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "spec.yaml").write_text(content)
    with pytest.raises(InputError, match=r"is not a run folder|is damaged"):
        folder.read_spec(tmp_path)


def test_history_round_trip(tmp_path: Path) -> None:
    rows = [{"epoch": 1, "loss": 0.1 + 0.2}, {"epoch": 2, "loss": 1e-9}]
    folder.write_history(tmp_path, rows)
    assert folder.read_history(tmp_path) == rows
    assert (tmp_path / "history.csv").read_text().splitlines()[0] == "epoch,loss"


def test_one_process_a_run(tmp_path: Path) -> None:
    lines = (
        "from pathlib import Path",
        "from lbrn.training.folder import exclusive",
        "with exclusive(Path({!r})): pass",
    )
    code = "\n".join(lines).format(str(tmp_path))
    with folder.exclusive(tmp_path):
        held = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert held.returncode != 0 and "is being trained by another process" in held.stderr
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_environment_names_versions_and_threads() -> None:
    made_with = folder.environment(threads=3)
    assert made_with["threads"] == 3
    assert made_with["packages"]["torch"].startswith("2.")
    assert made_with["cores"] == multiprocessing.cpu_count()


def test_waiting_for_the_other_process(tmp_path: Path) -> None:
    lines = ("from pathlib import Path", "from lbrn.training.folder import exclusive")
    lines += ("with exclusive(Path({!r}), wait=True): print('mine')",)
    waiting = [sys.executable, "-c", "\n".join(lines).format(str(tmp_path))]
    with folder.exclusive(tmp_path):
        other = subprocess.Popen(waiting, stdout=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(2)
    assert other.communicate(timeout=60)[0] == "mine\n"
