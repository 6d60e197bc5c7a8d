"""A project in which every command of lbrn really runs, with networks and stand-ins of toy size."""

import io
import json
import logging
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from lbrn import cli
from lbrn.datasets.sources import prepared_folder, raw_folder
from lbrn.reproduction import book, data_specs, project, runs

ROOT = Path(__file__).resolve().parents[1]
SIZES: dict[str, int] = {
    "epochs": 1, "batch": 4, "input": 32, "width": 16, "stacks": 1, "depth": 1, "people_train": 8, "people_test": 4,
}  # fmt: skip
OVERRIDES: dict[str, int | None] = {**SIZES, "lr": None, "images_train": None, "images_test": None}


class Answer(NamedTuple):
    """What a command left: exit status, and both streams."""

    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on the error stream of a command that refused its input."""
        assert "Traceback" not in self.err
        assert self.status == 2, self
        lines = self.err.splitlines()
        assert len(lines) == 1 and lines[0].startswith("lbrn: "), self.err
        return lines[0].removeprefix("lbrn: ")


class Toy:
    """A toy project and the commands typed in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def knobs(self, **changed: Any) -> None:
        """Change knobs in params.yaml."""
        path = self.root / "params.yaml"
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changed, sort_keys=False))

    def book(self) -> book.Book:
        return book.load(project.find(self.root))

    def data_spec(self, name: str = "mpii") -> dict[str, Any]:
        return data_specs.data_spec(self.book(), name)

    def prepared(self, name: str = "mpii") -> Path:
        return prepared_folder(self.data_spec(name), self.root / "data")

    def raw(self, name: str = "mpii") -> Path:
        return raw_folder(self.data_spec(name), self.root / "data")

    def run_spec(self, table: int = 1, column: str = "SHN") -> dict[str, Any]:
        return runs.table_runs(self.book(), table)[column][0]

    def run_folder(self, table: int = 1, column: str = "SHN") -> Path:
        return self.root / "results" / "runs" / runs.run_key(self.run_spec(table, column))

    def lbrn(self, *words: object) -> Answer:
        """Type `lbrn WORDS` in the project; in this process, for loading torch anew takes seconds."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name in ("LBRN_DATA", "LBRN_RUNS", "DVC_ROOT", "MLFLOW_TRACKING_URI"):
                patch.delenv(name, raising=False)
            patch.chdir(self.root)
            patch.setattr(sys, "argv", ["lbrn", *map(str, words)])
            with _own_logging(), pytest.raises(SystemExit) as end:
                cli.main()
        return Answer(int(end.value.code or 0), out.getvalue(), err.getvalue())

    def succeed(self, *words: object) -> str:
        """Type a command that must succeed; its standard output."""
        answer = self.lbrn(*words)
        assert answer.status == 0, answer.err
        return answer.out

    def score_run(self, table: int = 1, column: str = "SHN") -> Path:
        """Train, predict and score a run by its commands, as the workflow's rules do."""
        spec, folder = self.run_spec(table, column), self.run_folder(table, column)
        for name in spec["data"]:
            self.succeed("data", "prepare", name, "--spec", json.dumps(self.data_spec(name)))
        self.succeed("train", folder, "--spec", json.dumps(spec))
        self.succeed("predict", folder)
        self.succeed("score", folder)
        return folder


@contextmanager
def _own_logging() -> Iterator[None]:
    """Log as the program does; pytest's own handlers would keep it from setting up its logging."""
    root, level = logging.getLogger(), logging.getLogger().level
    handlers, root.handlers = root.handlers, []
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)


def make_toy(root: Path, **knobs: Any) -> Toy:
    """Make a toy project with settings of its own and nothing made yet."""
    root.mkdir(parents=True)
    shutil.copyfile(ROOT / "params.yaml", root / "params.yaml")
    for part in ("workflow", "paper"):
        shutil.copytree(ROOT / part, root / part)
    _shrink(root / "workflow" / "scales.yaml")
    toy = Toy(root)
    toy.knobs(**{"columns": ["SHN"], **knobs})
    return toy


def _shrink(scales: Path) -> None:
    """Make scale quick a toy: not by overrides, with which nothing can be published."""
    content = yaml.safe_load(scales.read_text())
    preset = content["quick"]["pose"]
    preset["recipe"] |= {key: SIZES[key] for key in ("epochs", "batch", "input")}
    preset["people"] = {"train": SIZES["people_train"], "test": SIZES["people_test"]}
    preset["network"] = {size: dict.fromkeys(full, SIZES[size]) for size, full in preset["network"].items()}
    preset["stem_width"] = None
    small = content["quick"]["classification"]
    small["recipe"] |= {"epochs": 2, "batch": 8}
    small["images"] = {"train": 20, "test": 20}
    small["network"] = {
        size: dict.fromkeys(full, 8 if size != "blocks" else 1) for size, full in small["network"].items()
    }
    scales.write_text(yaml.safe_dump(content, sort_keys=False))
