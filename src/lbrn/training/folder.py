"""The run folder: which files it holds, who may write to it, and what is recorded about how it was made."""

import csv
import fcntl
import logging
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from lbrn.errors import InputError
from lbrn.files import atomic_path, write_text

SPEC, HISTORY, DONE = "spec.yaml", "history.csv", "done.json"
MODEL, PREDICTIONS, SCORES = "model.safetensors", "predictions.npz", "scores.json"
log = logging.getLogger(__name__)

RECORDED_PACKAGES = ("lbrn", "torch", "numpy", "pillow", "scipy")


@contextmanager
def exclusive(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a run folder alone; the lock ends with the process, also when it is killed.

    Args:
        folder: The run folder.
        wait: Wait for a process that holds it, instead of refusing.

    Raises:
        InputError: Another process holds it, and it is not to be waited for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                raise InputError(f"run {folder} is being trained by another process; wait for it or stop it") from None
            log.info("run %s is being trained by another process; waiting for it", folder)
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def remove_temporaries(folder: Path) -> None:
    """Remove the half-written files of killed processes; only for who holds an unfinished run."""
    for path in folder.rglob(".*.tmp.*"):  # as `files.atomic_path` names them
        path.unlink()


def write_spec(folder: Path, spec: Mapping[str, Any]) -> None:
    """Record the run's complete spec.

    Raises:
        InputError: The folder already holds a run of another spec.
    """
    path = folder / SPEC
    if path.exists():
        if read_spec(folder) != dict(spec):
            raise InputError(f"{path} describes another run than the one asked for; give each run a folder of its own")
        return
    write_text(path, yaml.safe_dump(dict(spec), sort_keys=False))


def read_spec(folder: Path) -> dict[str, Any]:
    """Read the spec of a run folder.

    Raises:
        InputError: There is none, or it cannot be read.
    """
    path = folder / SPEC
    try:
        spec = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{folder} is not a run folder: {SPEC} cannot be read ({error.__class__.__name__})") from error
    if not isinstance(spec, dict):
        raise InputError(f"{path} is damaged; remove the folder and train again")
    return spec


def write_history(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the training curves, one row an epoch."""
    with atomic_path(folder / HISTORY) as temporary, temporary.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_history(folder: Path) -> list[dict[str, float]]:
    """Read the training curves."""
    with (folder / HISTORY).open(newline="") as stream:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(stream)]


def environment(threads: int) -> dict[str, Any]:
    """What a run was made with: versions, machine and commit; provenance, never identity.

    Args:
        threads: Threads that torch may use.
    """
    return {
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in RECORDED_PACKAGES},
        "machine": platform.machine(),
        "system": platform.system(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "threads": threads,
        "commit": _git_commit(),
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def _git_commit() -> str:
    """The commit of the package's own checkout, with "+" when its sources differ; "" for an installed wheel."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else ""
