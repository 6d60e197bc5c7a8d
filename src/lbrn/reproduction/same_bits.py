"""`lbrn dev same-bits REV`: does changed code still train the same bits as the code of another revision?"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbrn.errors import InputError, LbrnError
from lbrn.files import sha256_file
from lbrn.reproduction import book as settings
from lbrn.reproduction import code_version, data_specs, params, runs
from lbrn.reproduction.book import Book
from lbrn.reproduction.params import Params
from lbrn.reproduction.project import Project

TINY = {"epochs": 1, "people_train": 24, "people_test": 8, "images_train": 24, "images_test": 10}
ALL_COMMANDS = """
import json, sys
from lbrn.cli import app
for command in json.loads(sys.argv[1]):
    app(command, standalone_mode=False)
"""
"""One process for all commands of a code tree: most of a tiny training is loading torch."""

ALL_VARIANTS = "from lbrn.models.variants import VARIANTS; print(*VARIANTS)"

COMPARED = ("model.safetensors", "predictions.npz")


@dataclass(frozen=True)
class Comparison:
    """What old and new code made of one tiny run.

    Attributes:
        task: What the network is for.
        variant: The network.
        old: SHA-256 of weights and predictions under the other revision.
        new: The same under the present code.
    """

    task: str
    variant: str
    old: tuple[str, ...]
    new: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether all bits are the same."""
        return self.old == self.new


def same_bits(revision: str, project: Project) -> list[Comparison]:
    """Train a tiny run of each variant of the tables with the code of a revision and with the present code.

    Where all bits of a task are equal, the present training code is recorded as that of its present version, so that no
    finished run becomes stale; else the version in `runs.TRAIN_VERSION` has to be raised, which retrains. All tables
    are tried, on stand-ins, whatever params.yaml says; but variants that the revision does not have yet are left out.

    Args:
        revision: A git revision.
        project: The project.

    Raises:
        InputError: The revision does not exist, or the running lbrn is not that of the project.
        LbrnError: A training failed under one of the two codes.
    """
    _check(revision, project)
    tiny = settings.load(project, _tiny(params.load(project.root)))
    with tempfile.TemporaryDirectory() as place, _worktree(project.root, revision, Path(place)) as old:
        specs = tried(tiny, _variants(old / "src"))
        data = [data_specs.data_spec(tiny, name) for name in sorted({name for spec in specs for name in spec["data"]})]
        trees = {Path(place) / "old": old / "src", Path(place) / "new": project.root / "src"}
        with ThreadPoolExecutor() as pool:  # of waiting only: each code runs in a process of its own
            outcomes = list(pool.map(lambda store: _outcome(trees[store], store, data, specs), trees))
    found = [Comparison(spec["task"], spec["variant"], *pair) for spec, *pair in zip(specs, *outcomes, strict=True)]
    same = {comparison.task for comparison in found} - {one.task for one in found if not one.equal}
    if same:
        code_version.hold(pieces=same)
    return found


def tried(tiny: Book, known: Collection[str]) -> list[runs.Spec]:
    """The first run of each variant in the tables.

    Args:
        tiny: The settings.
        known: Variants that both codes have.
    """
    chosen: dict[str, runs.Spec] = {}
    for number in tiny.tables:
        for specs in runs.table_runs(tiny, number).values():
            if specs[0]["variant"] in known:
                chosen.setdefault(specs[0]["variant"], specs[0])
    return list(chosen.values())


def _variants(source: Path) -> set[str]:
    """Names of the variants that a code tree has."""
    return set(_run([sys.executable, "-c", ALL_VARIANTS], {"PYTHONPATH": str(source)}).split())


def _tiny(knobs: Params) -> Params:
    sources = {name: "embedded" for name in type(knobs.sources).model_fields}
    chosen = {
        "scale": "quick",
        "seeds": (0,),
        "columns": None,
        "datasets": None,
        "sources": knobs.sources.model_copy(update=sources),
    }
    overrides = dict.fromkeys(type(knobs.overrides).model_fields) | TINY
    return knobs.model_copy(update=chosen | {"overrides": knobs.overrides.model_copy(update=overrides)})


def _check(revision: str, project: Project) -> None:
    if (project.root / "src" / "lbrn").resolve() != code_version.PACKAGE:
        raise InputError(f"{code_version.PACKAGE} is running, not the code of {project.root}: use `./run lbrn` there")
    if subprocess.run(_git(project.root, "rev-parse", "--quiet", "--verify", f"{revision}^{{commit}}"), check=False,
                      capture_output=True).returncode:  # fmt: skip
        raise InputError(f"revision {revision!r} is not in the repository {project.root}; give a commit, tag or branch")


@contextmanager
def _worktree(root: Path, revision: str, place: Path) -> Iterator[Path]:
    folder = place / "checkout"
    _run(_git(root, "worktree", "add", "--detach", "--quiet", str(folder), revision), {})
    try:
        yield folder
    finally:
        _run(_git(root, "worktree", "remove", "--force", str(folder)), {})


def _git(root: Path, *words: str) -> list[str]:
    return ["git", "-C", str(root), *words]


def _outcome(
    source: Path, store: Path, data: list[dict[str, Any]], specs: list[dict[str, Any]]
) -> list[tuple[str, ...]]:
    """Digests of what a code tree makes of each spec, from drawing the data to the predictions."""
    folders = [store / "runs" / runs.run_key(spec) for spec in specs]
    commands = [["data", "prepare", spec["name"], "--spec", json.dumps(spec)] for spec in data]
    for run, spec in zip(folders, specs, strict=True):
        commands += [["train", str(run), "--spec", json.dumps(spec)], ["predict", str(run)]]
    environment = {"PYTHONPATH": str(source), "LBRN_DATA": str(store / "data"), "OMP_NUM_THREADS": "1"}
    _run([sys.executable, "-c", ALL_COMMANDS, json.dumps(commands)], environment)
    return [tuple(sha256_file(run / name) for name in COMPARED) for run in folders]


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    if done.returncode:
        tree = environment.get("PYTHONPATH", command[0])
        raise LbrnError(f"{tree} failed:\n{done.stderr.strip()[-1500:]}")
    return done.stdout
