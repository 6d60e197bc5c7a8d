"""What the runs of a table's column say: scores over seeds, their mean and its interval. Imports no torch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbrn.errors import InputError
from lbrn.files import read_json

Spec = Mapping[str, Any]
CONFIDENCE = 0.95


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


@dataclass(frozen=True)
class Estimate:
    """The mean over seeds.

    Attributes:
        value: The mean, None where no run has a value.
        interval: Ends of the 95 % t-interval of the mean; None for fewer than two values.
        n: How many runs have a value.
    """

    value: float | None
    interval: tuple[float, float] | None
    n: int


def read_result(spec: Spec, folder: Path, column: str, table: int) -> Result:
    """Read a run that a table needs.

    Args:
        spec: The run's spec.
        folder: The run's folder.
        column: Label of the table's column, for the message.
        table: Number of the table, for the message.

    Raises:
        InputError: The run is not finished and scored, or was scored on another dataset than its own.
    """
    key = run_key_of(folder)
    absent = [name for name in ("done.json", "scores.json") if not (folder / name).is_file()]
    if absent:
        raise InputError(
            f"table {table}, column {column}: run {key} has no {' and no '.join(absent)}; "
            f"`snakemake --cores 2 results/table{table}.csv` makes what is missing"
        )
    scores = read_json(folder / "scores.json")
    if scores["dataset"] != spec["dataset"]:
        raise InputError(f"run {key} was scored on {scores['dataset']}, not on {spec['dataset']}: score it again")
    return Result(key, spec, read_json(folder / "done.json"), scores)


def run_key_of(folder: Path) -> str:
    """The run's key: the last three parts of its folder, `<scale>/<dataset>/<name>`."""
    return "/".join(Path(folder).parts[-3:])


def estimate(values: Sequence[float | None]) -> Estimate:
    """Return mean and 95 % t-interval over seeds; missing values are left out.

    >>> estimate([70.0]).interval is None
    True
    """
    known = [value for value in values if value is not None]
    if not known:
        return Estimate(None, None, 0)
    mean = math.fsum(known) / len(known)
    if len(known) == 1:
        return Estimate(mean, None, 1)
    from scipy.stats import t

    variance = math.fsum((value - mean) ** 2 for value in known) / (len(known) - 1)
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(known) - 1)) * math.sqrt(variance / len(known))
    return Estimate(mean, (mean - half, mean + half), len(known))
