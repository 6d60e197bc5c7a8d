"""What a run says that a table needs: its scores, and what training recorded. Imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbrn.errors import InputError
from lbrn.files import read_json

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """One finished and scored run.

    Attributes:
        key: Its folder's path inside the run store.
        spec: Its complete spec.
        done: What training recorded (`done.json`).
        scores: The matrix of metrics (`scores.json`).
    """

    key: str
    spec: Spec
    done: Mapping[str, Any]
    scores: Mapping[str, Any]

    def score(self, metric: str, row: str) -> float | None:
        """A number of a metric, in percent; None where nothing was labelled.

        Args:
            metric: Id of a metric, such as `pckh@0.5-mean14`.
            row: Joint group or `Total`.

        Raises:
            InputError: The run was scored without this metric or row.
        """
        try:
            value = self.scores["metrics"][metric][row]
        except KeyError:
            raise InputError(
                f"run {self.key} has no score {row!r} of {metric}; score it again with `lbrn score` on its folder"
            ) from None
        return None if value is None else float(value)


def read_result(spec: Spec, folder: Path, wanted_by: str, target: str) -> Result:
    """Read a run that a table needs.

    Args:
        spec: The run's spec.
        folder: The run's folder.
        wanted_by: What needs it, such as `table 1, column SHN`, for the message.
        target: What Snakemake is asked for to make what is missing, for the message.

    Raises:
        InputError: The run is not finished and scored, or was scored on another dataset than its own.
    """
    key = run_key_of(folder)
    absent = [name for name in ("done.json", "scores.json") if not (folder / name).is_file()]
    if absent:
        raise InputError(
            f"{wanted_by}: run {key} has no {' and no '.join(absent)}; "
            f"`snakemake --cores 2 {target}` makes what is missing"
        )
    scores = read_json(folder / "scores.json")
    if scores["dataset"] != spec["dataset"]:
        raise InputError(f"run {key} was scored on {scores['dataset']}, not on {spec['dataset']}: score it again")
    return Result(key, spec, read_json(folder / "done.json"), scores)


def run_key_of(folder: Path) -> str:
    """The run's key: the last three parts of its folder, `<scale>/<dataset>/<name>`."""
    return "/".join(Path(folder).parts[-3:])
