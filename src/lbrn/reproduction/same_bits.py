"""`lbrn dev same-bits REV`: does changed code still train the same bits as the code of another revision?"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbrn.errors import LbrnError
from lbrn.files import sha256_file
from lbrn.reproduction import book as settings
from lbrn.reproduction import code_version, data_specs, params, runs
from lbrn.reproduction.params import Overrides
from lbrn.reproduction.project import Project

TINY = Overrides(epochs=1, people_train=24, people_test=8)
COMPARED = ("model.safetensors", "predictions.npz")


@dataclass(frozen=True)
class Comparison:
    """What old and new code made of one tiny run.

    Attributes:
        variant: The network.
        old: SHA-256 of weights and predictions under the other revision.
        new: The same under the present code.
    """

    variant: str
    old: tuple[str, ...]
    new: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether all bits are the same."""
        return self.old == self.new


def same_bits(revision: str, project: Project, table: int = 1) -> list[Comparison]:
    """Train a tiny run of each of a table's variants with the code of a revision and with the present code.

    Where all bits are equal, the present code is recorded as that of the present versions, so that no finished run
    becomes stale; else the version in `runs.TRAIN_VERSION` has to be raised, which retrains.

    Args:
        revision: A git revision.
        project: The project.
        table: Whose variants are tried.

    Raises:
        LbrnError: The revision does not exist, or a training failed under one of the two.
    """
    knobs = params.load(project.root).model_copy(update={"scale": "quick", "overrides": TINY, "seeds": (0,)})
    tiny = settings.load(project, knobs)
    specs = [spec for column in runs.table_runs(tiny, table).values() for spec in column]
    data = list(data_specs.table_data(tiny, table).values())
    with tempfile.TemporaryDirectory() as place, _worktree(project.root, revision, Path(place)) as old:
        there = _outcome(old / "src", Path(place) / "old", data, specs)
        here = _outcome(project.root / "src", Path(place) / "new", data, specs)
    found = [Comparison(spec["variant"], *pair) for spec, *pair in zip(specs, there, here, strict=True)]
    if all(comparison.equal for comparison in found):
        code_version.hold()
    return found


@contextmanager
def _worktree(root: Path, revision: str, place: Path) -> Iterator[Path]:
    folder = place / "checkout"
    _run(["git", "-C", str(root), "worktree", "add", "--detach", "--quiet", str(folder), revision], {})
    try:
        yield folder
    finally:
        _run(["git", "-C", str(root), "worktree", "remove", "--force", str(folder)], {})


def _outcome(
    source: Path, store: Path, data: list[dict[str, Any]], specs: list[dict[str, Any]]
) -> list[tuple[str, ...]]:
    """Digests of what a code tree makes of each spec, from drawing the data to the predictions."""
    environment = {"PYTHONPATH": str(source), "LBRN_DATA": str(store / "data"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "lbrn"]
    for spec in data:
        _run([*command, "data", "prepare", spec["name"], "--spec", json.dumps(spec)], environment)
    digests = []
    for spec in specs:
        run = store / "runs" / runs.run_key(spec)
        _run([*command, "train", str(run), "--spec", json.dumps(spec)], environment)
        _run([*command, "predict", str(run)], environment)
        digests.append(tuple(sha256_file(run / name) for name in COMPARED))
    return digests


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LbrnError(f"`{' '.join(command[:6])} ...` failed: {done.stderr.strip()[-600:]}")
