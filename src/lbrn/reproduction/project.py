"""Where things are: the project's root, the main checkout, and the two stores."""

import os
from dataclasses import dataclass
from pathlib import Path

from lbrn.errors import InputError

MARKS = ("params.yaml", "workflow/experiments.yaml")


@dataclass(frozen=True)
class Project:
    """A checkout of the project.

    Attributes:
        root: The folder with params.yaml: settings, workflow and the finished tables.
        main: The main checkout. It differs from `root` only in a temporary workspace of a DVC experiment, which shares
            the stores of the main one, so that nothing is trained twice and nothing is lost with the workspace.
        runs: The run store, one folder a run.
        data: The data store, raw and prepared.
    """

    root: Path
    main: Path
    runs: Path
    data: Path

    @property
    def lock(self) -> Path:
        """The file data.lock: checksums of downloads that nobody published."""
        return self.main / "data.lock"

    def run(self, key: str) -> Path:
        """Folder of a run, from its key (`runs.run_key`)."""
        return self.runs / key

    def raw(self, key: str) -> Path:
        """Folder of fetched bytes, from `runs.raw_key`."""
        return self.data / "raw" / key

    def prepared(self, key: str) -> Path:
        """Folder of a prepared dataset, from `runs.data_key`."""
        return self.data / "prepared" / key


def find(start: Path | None = None) -> Project:
    """Find the project by walking up from a folder.

    The run store is $LBRN_RUNS or results/runs of the main checkout, the data store $LBRN_DATA or its data folder; the
    main checkout is $DVC_ROOT (set by DVC in every stage, also in its temporary workspaces) or the root itself.

    Args:
        start: Where to begin; the current folder by default.

    Raises:
        InputError: No folder on the way up is a project.
    """
    root = find_root(start)
    if root is not None:
        return _project(root)
    raise InputError(
        f"{(start or Path.cwd()).resolve()} is not inside an lbrn project (a folder with {MARKS[0]} and {MARKS[1]}); "
        f"run this command in a checkout of the project's repository"
    )


def find_root(start: Path | None = None) -> Path | None:
    """Find the project's root by walking up from a folder; None where no folder on the way is a project.

    Args:
        start: Where to begin; the current folder by default.
    """
    start = (start or Path.cwd()).resolve()
    return next(
        (folder for folder in (start, *start.parents) if all((folder / mark).is_file() for mark in MARKS)), None
    )


def _project(root: Path) -> Project:
    main = Path(os.environ.get("DVC_ROOT") or root).resolve()
    return Project(
        root=root,
        main=main,
        runs=_store("LBRN_RUNS", main / "results" / "runs"),
        data=_store("LBRN_DATA", main / "data"),
    )


def _store(variable: str, default: Path) -> Path:
    return Path(os.environ.get(variable) or default).absolute()
