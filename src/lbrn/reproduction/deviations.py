"""Where our tables depart from the paper's print: one list, from which footnotes and label fixes come.

Imports no torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from lbrn.errors import InputError
from lbrn.reproduction.params import Count
from lbrn.reproduction.settings import Settings, check, read_yaml, rule

FILE = "paper/deviations.yaml"


class Deviation(Settings):
    """One entry of the list; see the head of paper/deviations.yaml."""

    tables: tuple[Count, ...] = rule("a list of table numbers of the paper", "tables: [5]")
    text: str = rule("a text", "text: The paper ...")
    rows: dict[str, str] = Field(
        default={}, description="a mapping of our row to the paper's", examples=["rows: {Elbow: Wrist, Wrist: Elbow}"]
    )


@dataclass(frozen=True)
class Deviations:
    """All deviations of one table.

    Attributes:
        notes: Footnotes, in the order of the list.
        rows: Our row to the paper's row whose numbers belong to it, where labels are fixed.
    """

    notes: tuple[str, ...]
    rows: Mapping[str, str]

    def relabelled(self, printed: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
        """Published numbers under the rows that they belong to.

        Args:
            printed: Published numbers by (row, column) as printed.
        """
        ours = {theirs: row for row, theirs in self.rows.items()}
        return {(ours.get(row, row), column): text for (row, column), text in printed.items()}


def entries(paper: Path) -> list[Deviation]:
    """Read the whole list.

    Args:
        paper: Folder with `deviations.yaml`.

    Raises:
        InputError: The list cannot be read, or something in it is wrong.
    """
    content = read_yaml(paper / Path(FILE).name)
    if not isinstance(content, list):
        raise InputError(f"{FILE} must hold a list of deviations; restore it from git")
    return [check(Deviation, entry, FILE) for entry in content]


def read(paper: Path, table: int) -> Deviations:
    """Read what concerns a table.

    Args:
        paper: Folder with `deviations.yaml`.
        table: The table's number in the paper.

    Raises:
        InputError: The list cannot be read, or something in it is wrong.
    """
    here = [entry for entry in entries(paper) if table in entry.tables]
    rows = {ours: theirs for entry in here for ours, theirs in entry.rows.items()}
    if set(rows) != set(rows.values()):
        raise InputError(f"{FILE}: the rows of table {table} must be exchanged with each other, but are {rows}")
    return Deviations(tuple(entry.text for entry in here), rows)
