"""What the paper printed: its tables and claims, as kept in paper/. Imports no torch."""

import csv
import re
from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path

from lbrn.errors import InputError
from lbrn.reproduction.experiments import SEPARATOR

REPETITIONS = "published/repetitions.csv"
"""In the folder paper."""


@dataclass(frozen=True)
class Claim:
    """One claim of the paper, a line of paper/claims.csv.

    Attributes:
        id: Such as ``C8``.
        text: What is claimed.
        kind: Such as ``exact``, ``accuracy`` or ``measured speed``.
        published: The figure, as printed.
        where: Where in the paper.
    """

    id: str
    text: str
    kind: str
    published: str
    where: str


@dataclass(frozen=True)
class Repetition:
    """A network that the paper ran several times, a line of paper/published/repetitions.csv.

    Attributes:
        table: The table that has the network.
        column: Its label there.
        row: The row that was repeated.
        mean: Mean of the repetitions, as printed.
        spread: What follows +/-, as printed.
        repetitions: How many the paper has.
        claim: Id of the claim made of them.
    """

    table: int
    column: str
    row: str
    mean: str
    spread: str
    repetitions: int
    claim: str


def read_repetitions(path: Path) -> list[Repetition]:
    """Read what the paper says of repeated runs.

    Args:
        path: paper/published/repetitions.csv.

    Raises:
        InputError: The file cannot be read.
    """
    lines = _lines(path)
    if lines[0] != [field.name for field in fields(Repetition)]:
        raise InputError(f"{path} does not have the columns of repetitions; restore it from git")
    try:
        return [
            Repetition(int(table), column, row, mean, spread, int(count), claim)
            for table, column, row, mean, spread, count, claim in lines[1:]
        ]
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}); restore it from git") from error


def read_table(path: Path, keys: int = 1) -> dict[tuple[str, str], str]:
    """Read a published table.

    Args:
        path: A CSV file: row labels in its first columns, then the numbers.
        keys: How many columns make the row's label; several are joined by `experiments.SEPARATOR`.

    Returns:
        The printed text by (row, column); cells that the paper leaves empty are absent.

    Raises:
        InputError: The file cannot be read.
    """
    rows = _lines(path)
    labels = rows[0][keys:]
    return {
        (SEPARATOR.join(row[:keys]), label): text
        for row in rows[1:]
        for label, text in zip(labels, row[keys:], strict=True)
        if text
    }


def read_claims(path: Path) -> list[Claim]:
    """Read the claims of the paper.

    Raises:
        InputError: The file cannot be read.
    """
    return [Claim(*row) for row in _lines(path)[1:]]


def undecidable(scale: str, standin: bool) -> bool:
    """Whether runs cannot decide the paper's claims about accuracy: these need its own networks, recipe and data.

    Args:
        scale: Scale of the runs.
        standin: Whether any dataset is a stand-in.
    """
    return scale != "paper" or standin


def accuracy_claims(claims: Collection[Claim], table: int) -> list[str]:
    """Return the ids of the claims about accuracy that a table makes; block costs are exact at any scale.

    Args:
        claims: The paper's claims.
        table: Number of the table.
    """
    here = re.compile(rf"\bTable {table}\b")
    return [claim.id for claim in claims if here.search(claim.where) and re.search("accuracy|statistics", claim.kind)]


def _lines(path: Path) -> list[list[str]]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.reader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} with the paper's numbers cannot be read ({error}): restore it from git") from error
    if len({len(row) for row in rows}) != 1:
        raise InputError(f"{path} is not a table: its lines have different numbers of fields; restore it from git")
    return rows
