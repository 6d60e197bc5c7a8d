"""Tables of measurements and other lists, as they are in their CSV files."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lbrn.reproduction.report.anchors import Part, slug
from lbrn.reproduction.report.pictures import Album, Picture
from lbrn.reproduction.report.sheets import Card, comments, records

TITLES = {
    "conv": "Convolutions",
    "conv_avx2": "Convolutions with 256-bit vectors",
    "block": "Residual blocks",
    "network": "Whole networks",
    "training": "A training step",
    "memory": "Memory",
    "accuracy": "What the arithmetics do to scores",
}
"""Titles by file name; others are titled by their name."""

_NUMBER = re.compile(r"[-+.e\d]*")

LARGEST = (30, 16)
"""Lines and columns beyond which a table is folded, and left out in print."""


@dataclass(frozen=True)
class Listing:
    """A CSV file.

    Attributes:
        anchor: Its id in the page.
        path: Its path from the project's root.
        title: A few words.
        notes: Its comment lines.
        head: Labels of its columns.
        rows: Its rows; each field may lead to another place.
        picture: Its picture; None for none.
        cards: Where its rows come from, by id.
    """

    anchor: str
    path: str
    title: str
    notes: tuple[str, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[Part, ...], ...]
    picture: Picture | None = None
    cards: tuple[tuple[str, Card], ...] = ()

    @property
    def texts(self) -> frozenset[int]:
        """Places of the columns that hold more than numbers."""
        fields = [(place, field.text) for row in self.rows for place, field in enumerate(row)]
        return frozenset(place for place, text in fields if not _NUMBER.fullmatch(text))

    @property
    def large(self) -> bool:
        """Whether it is better folded."""
        return len(self.rows) > LARGEST[0] or len(self.head) > LARGEST[1]


def speed(root: Path, folders: Sequence[str], album: Album) -> list[Listing]:
    """The tables of measurements, from the first folder that has each.

    Args:
        root: The project's root.
        folders: Where to look, in turn.
        album: Where their pictures are taken in.

    Raises:
        InputError: One of them cannot be read.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        found = {path.stem: path for path in sorted((root / folder).glob("*.csv"))} | found
    order = [*(name for name in TITLES if name in found), *(name for name in found if name not in TITLES)]
    return [_measured(root, found[name], album) for name in order]


def listing(root: Path, path: Path, title: str) -> Listing:
    """Show a CSV file.

    Args:
        root: The project's root.
        path: The file.
        title: A few words.

    Raises:
        InputError: It cannot be read.
    """
    head, rows = records(path)
    name = path.relative_to(root).as_posix()
    shown = tuple(tuple(map(Part, row)) for row in rows)
    return Listing(slug(name.removesuffix(".csv")), name, title, tuple(comments(path)), tuple(head), shown)


def _measured(root: Path, path: Path, album: Album) -> Listing:
    title = TITLES.get(path.stem, path.stem)
    found = listing(root, path, title)
    picture = album.take(path.with_suffix(""), f"{title}: the picture of {path.name}")
    return Listing(**{**vars(found), "picture": picture})
