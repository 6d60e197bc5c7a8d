"""Hold a new table against a reference table, cell by cell."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbrn.errors import InputError
from lbrn.files import read_json
from lbrn.reproduction.cells import FLOPS, PARAMETERS

COST_TOLERANCE = 1e-9
SAME = ("number", "metric", "scale", "standin")
REMARKED = ("data", "seeds", "reduction", "code_version")


@dataclass(frozen=True)
class Comparison:
    """What differs between two tables.

    Attributes:
        compared: Number of cells that both have.
        largest: Largest absolute difference of a score.
        complaints: What does not agree, one line each.
        remarks: What is only worth knowing.
    """

    compared: int
    largest: float
    complaints: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def status(self) -> int:
        """Exit status: 0 = agrees, 1 = does not."""
        return 1 if self.complaints else 0

    @property
    def report(self) -> str:
        """The comparison in words."""
        verdict = "differs from" if self.complaints else "agrees with"
        head = f"{verdict} the reference: {self.compared} cells compared, largest difference {self.largest:.2f} points"
        return "\n".join([head, *(f"  {text}" for text in (*self.complaints, *self.remarks))])


def compare(new: Path, reference: Path, tolerance: float) -> Comparison:
    """Compare two `tableN.json`.

    Args:
        new: The new table.
        reference: The table to hold it against.
        tolerance: Largest allowed difference of a score, in points. Costs must be equal.

    Returns:
        The comparison, with its report and exit status.

    Raises:
        InputError: A file is not a table, the tables are not of the same kind, or the tolerance is negative.
    """
    if not tolerance >= 0:
        raise InputError(f"tolerance {tolerance:g} is not possible: give 0 or more points")
    ours, theirs = _read(new), _read(reference)
    _check_same_kind(new, ours, reference, theirs)
    first, second = _cells(ours), _cells(theirs)
    complaints, differences = [], [0.0]
    for place, expected in second.items():
        value = first.get(place)
        label = f"{place[0]}, {place[1]}"
        if value is None:
            complaints.append(f"{label}: {expected:.4g} in the reference, empty in the new table")
            continue
        cost = bool({PARAMETERS, FLOPS} & set(place))
        difference = abs(value - expected)
        if not cost:
            differences.append(difference)
        if difference > (COST_TOLERANCE if cost else tolerance):
            complaints.append(f"{label}: {value:.4g}, reference {expected:.4g}, difference {value - expected:+.4g}")
    return Comparison(len(first.keys() & second.keys()), max(differences), tuple(complaints), _remarks(ours, theirs))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = read_json(path)
        return {key: content[key] for key in (*SAME, *REMARKED, "cells")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a table written by lbrn ({type(error).__name__}: {error})") from error


def _check_same_kind(new: Path, ours: Mapping[str, Any], reference: Path, theirs: Mapping[str, Any]) -> None:
    for key in SAME:
        if ours[key] != theirs[key]:
            raise InputError(
                f"tables of different kinds cannot be compared: {key} is {ours[key]!r} in {new} and {theirs[key]!r} "
                f"in {reference}"
            )


def _cells(table: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    return {(cell["row"], cell["column"]): cell["value"] for cell in table["cells"] if cell["value"] is not None}


def _remarks(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[str, ...]:
    remarks = []
    for key in REMARKED:
        if ours[key] != theirs[key]:
            remarks.append(f"note: {key} differs: {ours[key]}; reference {theirs[key]}")
    added = [f"{row}, {column}" for row, column in _cells(ours).keys() - _cells(theirs).keys()]
    if added:
        remarks.append(f"note: only in the new table: {'; '.join(sorted(added))}")
    return tuple(remarks)
