"""What the paper printed: its tables and claims, as kept in paper/. Imports no torch."""

import csv
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from lbrn.errors import InputError


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


def read_table(path: Path) -> dict[tuple[str, str], str]:
    """Read a published table.

    Args:
        path: A CSV file: row labels in its first column, one column a network.

    Returns:
        The printed text by (row, column); cells that the paper leaves empty are absent.

    Raises:
        InputError: The file cannot be read.
    """
    rows = _lines(path)
    labels = rows[0][1:]
    return {(row[0], label): text for row in rows[1:] for label, text in zip(labels, row[1:], strict=True) if text}


def read_claims(path: Path) -> list[Claim]:
    """Read the claims of the paper.

    Raises:
        InputError: The file cannot be read.
    """
    return [Claim(*row) for row in _lines(path)[1:]]


def undecidable(scale: str, standins: Mapping[str, bool]) -> bool:
    """Whether runs cannot decide the paper's claims about accuracy: these need its own networks, recipe and data.

    Args:
        scale: Scale of the runs.
        standins: Whether each dataset is a stand-in.
    """
    return scale != "paper" or any(standins.values())


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
