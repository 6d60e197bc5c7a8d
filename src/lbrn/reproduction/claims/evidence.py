"""The tables and measurements that can speak for a claim, the strongest first. Imports no torch."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lbrn import __version__
from lbrn.errors import InputError
from lbrn.files import read_json
from lbrn.reproduction.runs import TRAIN_VERSION

STRENGTH = ("paper", "small", "quick")
PLACES = ("results", *(f"results/reference/{scale}" for scale in STRENGTH))
SPEED = ("results/speed", "results/reference/speed")


@dataclass(frozen=True)
class Evidence:
    """A finished table, ours of this checkout or a published reference.

    Attributes:
        name: Its path from the project's root.
        content: What the JSON file holds.
    """

    name: str
    content: Mapping[str, Any]

    @property
    def scale(self) -> str:
        """Scale of its runs."""
        return str(self.content["scale"])

    @cached_property
    def stale(self) -> str:
        """Why it is older than the code; empty where it is not."""
        made = re.findall(r"(\S+) (\d+)", self.content["code_version"])
        old = [f"{task} {n}" for task, n in made if TRAIN_VERSION.get(task) not in (None, int(n))]
        now = ", ".join(f"{task} {TRAIN_VERSION[task]}" for task, _ in made if task in TRAIN_VERSION)
        return f"stale: trained by version {', '.join(old)} of the code, which is {now} now" if old else ""

    @property
    def label(self) -> str:
        """Its name, and that it is stale."""
        return f"{self.name} ({self.stale})" if self.stale else self.name

    @cached_property
    def cells(self) -> dict[tuple[str, str], Mapping[str, Any]]:
        """Cells by (row, network), also where the networks are the rows of the table."""
        found = {(cell["row"], cell["column"]): cell for cell in self.content["cells"]}
        return found | {(column, row): cell for (row, column), cell in found.items()}

    def compared(self, first: str, second: str, row: str) -> Mapping[str, Any] | None:
        """The comparison of two networks that the table holds; None for none.

        Args:
            first: Label of the one network.
            second: Label of the other.
            row: Row that is compared.
        """
        for pair in self.content.get("comparisons", ()):
            if (pair["first"], pair["second"], pair["row"]) == (first, second, row):
                return dict(pair)
        return None


def tables(root: Path, stem: str) -> list[Evidence]:
    """Every finished version of a table, the strongest first: by scale, then fresh before stale, then by seeds.

    Args:
        root: The project's root.
        stem: Such as `table1` or `repetitions`.

    Raises:
        InputError: One of them cannot be read.
    """
    paths = [root / place / f"{stem}.json" for place in PLACES]
    found = [Evidence(str(path.relative_to(root)), _read(path)) for path in paths if path.exists()]
    return sorted(found, key=lambda one: (STRENGTH.index(one.scale), bool(one.stale), -len(one.content["seeds"])))


@dataclass(frozen=True)
class Measured:
    """A table of measurements.

    Attributes:
        name: Its path from the project's root.
        rows: Its lines.
        samples: How many samples are behind each number.
        stale: Why it is older than the code; empty where it is not.
    """

    name: str
    rows: Sequence[Mapping[str, str]]
    samples: int
    stale: str


def measured(root: Path, name: str, folders: Sequence[str] = SPEED) -> Measured | None:
    """The measurements of a file: those of this machine, else the published ones; None where there are none.

    Args:
        root: The project's root.
        name: Such as `network.csv`.
        folders: Where to look, in turn.

    Raises:
        InputError: The file cannot be read.
    """
    path = next((root / folder / name for folder in folders if (root / folder / name).exists()), None)
    if path is None:
        return None
    lines = path.read_text().splitlines()
    comments = "\n".join(line for line in lines if line.startswith("#"))
    if "# quick" in comments:
        raise InputError(f"{path} was measured with --quick, to try it out; measure again without it")
    samples = re.search(r"medians of (\d+) samples", comments)
    version = re.search(r"\blbrn ([\w.+]+)", comments)
    stale = f"stale: measured with lbrn {version[1]}" if version and version[1] != __version__ else ""
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    return Measured(str(path.relative_to(root)), rows, int(samples[1]) if samples else 0, stale)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = read_json(path)
        known = {key: content[key] for key in ("scale", "standin", "code_version", "seeds", "cells")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a table written by lbrn ({error}); delete it and make it again") from error
    if known["scale"] not in STRENGTH:
        raise InputError(f"{path}: scale {known['scale']!r} is none of {', '.join(STRENGTH)}; make it again")
    return dict(content)
