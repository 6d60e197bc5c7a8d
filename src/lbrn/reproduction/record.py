"""A run folder as the tracker reads it; knows no MLflow.

Run folders lie three levels below the run store (`<scale>/<dataset>/<variant>-...`); that relative path is the run's
key. A run is finished when it holds `done.json`, which training writes last.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from lbrn.errors import InputError
from lbrn.files import digest, read_json, sha256_file

ATTACHMENTS = ("curves.png", "predictions.png", "scores.json")
LAYOUT = 1
"""Version of the view (`tracked_names`); raise it with them, so that the next `lbrn track` writes every record anew."""
_CONTENT = ("spec.yaml", "done.json", "history.csv", *ATTACHMENTS)


@dataclass(frozen=True)
class Record:
    """One run folder, read only as far as it is asked.

    Attributes:
        key: Path of the folder relative to the run store, with forward slashes.
        folder: The run folder.
    """

    key: str
    folder: Path

    @cached_property
    def spec(self) -> Mapping[str, Any]:
        """The run's complete spec.

        Raises:
            InputError: The file cannot be read.
        """
        return _mapping(self.folder / "spec.yaml")

    @cached_property
    def done(self) -> Mapping[str, Any]:
        """What training left on ending: digests, environment, commit; empty for an unfinished run.

        Raises:
            InputError: The file cannot be read.
        """
        path = self.folder / "done.json"
        return _mapping(path) if path.exists() else {}

    @cached_property
    def scores(self) -> Mapping[str, Any]:
        """The metric matrix; empty before the run is scored.

        Raises:
            InputError: The file cannot be read.
        """
        path = self.folder / "scores.json"
        scores = _mapping(path) if path.exists() else {}
        if scores and scores.get("primary") not in scores.get("metrics", ()):
            raise _unreadable(path, "its primary metric is missing")
        return scores

    @cached_property
    def history(self) -> list[dict[str, str]]:
        """Rows of `history.csv`, one an epoch; a last line still being written is left out.

        Raises:
            InputError: The file cannot be read.
        """
        path = self.folder / "history.csv"
        text = path.read_text() if path.exists() else ""
        rows = list(csv.DictReader(text[: text.rfind("\n") + 1].splitlines()))
        for row in rows:
            if not ({"epoch", "seconds"} <= row.keys() and all(map(_is_number, row.values()))):
                raise _unreadable(path, f"row {row}")
        return rows

    @property
    def attachments(self) -> list[Path]:
        """The files worth opening beside the numbers, as far as they exist: pictures and the whole metric matrix."""
        return [self.folder / name for name in ATTACHMENTS if (self.folder / name).exists()]

    @property
    def finished(self) -> bool:
        """Whether training has ended."""
        return (self.folder / "done.json").exists()

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return float(self.history[-1]["seconds"]) if self.history else 0.0

    @property
    def ended(self) -> float:
        """When training ended, in seconds since 1970: as training noted it, else the file's time."""
        noted = self.done.get("finished")
        return datetime.fromisoformat(noted).timestamp() if noted else (self.folder / "done.json").stat().st_mtime

    def stamp(self) -> str:
        """Return a digest of all content that a finished record shows; independent of modification times."""
        present = [name for name in _CONTENT if (self.folder / name).exists()]
        return digest([LAYOUT, {name: sha256_file(self.folder / name) for name in present}])[:16]


def records(runs_root: Path) -> list[Record]:
    """Return every run folder of a store, finished or not, in the order of the keys."""
    folders = sorted(path.parent for path in Path(runs_root).glob("*/*/*/spec.yaml"))
    return [Record(folder.relative_to(runs_root).as_posix(), folder) for folder in folders]


def _mapping(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(path.read_text()) if path.suffix == ".yaml" else read_json(path)
    except (ValueError, yaml.YAMLError) as error:
        raise _unreadable(path, str(error)) from error
    if not isinstance(content, Mapping):
        raise _unreadable(path, "not a mapping")
    return content


def _unreadable(path: Path, reason: str) -> InputError:
    return InputError(f"{path} cannot be read ({reason}); delete its run folder and run the workflow again")


def _is_number(text: str | None) -> bool:
    # An empty cell is a number not measured in that epoch; None is a cell missing from the line.
    if not text:
        return text is not None
    try:
        float(text)
    except ValueError:
        return False
    return True
