"""Tables of the paper as the page shows them: shaded differences, and for each cell a card with its origin."""

import csv
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbrn.errors import InputError
from lbrn.reproduction import comparisons, rendering
from lbrn.reproduction.cells import Cell
from lbrn.reproduction.claims.evidence import Evidence
from lbrn.reproduction.comparisons import Comparison
from lbrn.reproduction.experiments import SEPARATOR
from lbrn.reproduction.report.anchors import Part, slug
from lbrn.reproduction.report.runs import Runs
from lbrn.reproduction.statistics import Paired

STEPS = (1, 5, 15, 40)
"""Differences of so many percent of the published number begin a darker shade."""


@dataclass(frozen=True)
class Card:
    """Where a number comes from.

    Attributes:
        title: Which number it is.
        facts: What is known of it, as pairs of name and text.
        runs: Its runs, as parts that lead to them.
        command: What prints the same and more.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    runs: tuple[Part, ...]
    command: str


@dataclass(frozen=True)
class Box:
    """A cell.

    Attributes:
        anchor: Its id in the page.
        value: Our number; a dash for none.
        spread: Half its 95 % interval, with the sign; empty for one seed.
        published: What the paper prints; empty for nothing.
        difference: Ours minus the published number, with its sign; empty where there is none.
        shade: Name of the shade: `below` or `above` and a step from 1 to 4; empty for none.
        card: Where it comes from.
    """

    anchor: str
    value: str
    spread: str
    published: str
    difference: str
    shade: str
    card: Card


@dataclass(frozen=True)
class Sheet:
    """A table.

    Attributes:
        anchor: Its id in the page.
        path: Its JSON file from the project's root.
        number: Its number in the paper.
        title: Its title.
        scale: Scale of its runs.
        standin: Whether it is made from a stand-in.
        stale: Why it is older than the code; empty where it is not.
        seeds: Its training seeds.
        index: What the parts of a row's label are called; one empty name where the rows are scores.
        columns: Labels of its columns.
        rows: Parts of each row's label, and its cells.
        notes: What a reader must know, a line each.
        compared: Head and rows of the comparisons between networks; no rows for none.
        data: What it says of its datasets, by name.
    """

    anchor: str
    path: str
    number: int
    title: str
    scale: str
    standin: bool
    stale: str
    seeds: tuple[int, ...]
    index: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[Box, ...]], ...]
    notes: tuple[str, ...]
    compared: tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]
    data: Mapping[str, Mapping[str, Any]]


def sheet(evidence: Evidence, root: Path, runs: Runs) -> Sheet:
    """Show a finished table.

    Args:
        evidence: The table.
        root: The project's root.
        runs: Where its runs are looked up, and kept for the page.

    Raises:
        InputError: The table, its CSV or one of its runs cannot be read.
    """
    path, content = root / evidence.name, evidence.content
    anchor = slug(evidence.name.removesuffix(".json"))
    index = tuple(content.get("index") or ("",))
    rows = []
    try:
        cells = {(given["row"], given["column"]): _cell(given) for given in content["cells"]}
        for y, row in enumerate(content["rows"]):
            boxes = [
                _box(cells[row, column], slug(anchor, y, x), evidence, runs, path)
                for x, column in enumerate(content["columns"])
            ]
            parts = row.split(SEPARATOR) if len(index) > 1 else [row]
            rows.append((tuple(parts), tuple(boxes)))
        compared = [_comparison(given) for given in content.get("comparisons", ())]
        again = {f"compared: {comparisons.sentence(one)}" for one in compared}
        return Sheet(
            anchor=anchor,
            path=evidence.name,
            number=content["number"],
            title=content["title"],
            scale=evidence.scale,
            standin=content["standin"],
            stale=evidence.stale,
            seeds=tuple(content["seeds"]),
            index=index,
            columns=tuple(content["columns"]),
            rows=tuple(rows),
            notes=tuple(note for note in comments(path.with_suffix(".csv"))[1:] if note not in again),
            compared=_compared(compared),
            data=content["data"],
        )
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} is not a table written by lbrn ({error!r}); make it again") from error


def comments(path: Path) -> list[str]:
    """The comment lines at the head of a CSV file, without their sign.

    Args:
        path: A file that lbrn wrote.

    Raises:
        InputError: It is not there.
    """
    return [line.removeprefix("#").strip() for line in _lines(path) if line.startswith("#")]


def records(path: Path) -> tuple[list[str], list[list[str]]]:
    """The head and the rows of a CSV file below its comment lines.

    Args:
        path: A file that lbrn wrote.

    Raises:
        InputError: It is not there or empty.
    """
    rows = list(csv.reader(line for line in _lines(path) if not line.startswith("#")))
    if not rows:
        raise InputError(f"{path} is empty; make it again")
    return rows[0], rows[1:]


def shade(difference: str, published: str) -> str:
    """The shade of a difference: its share of the published number, in steps of `STEPS` percent; empty below the first.

    Args:
        difference: Ours minus published, as printed; empty for none.
        published: As printed.

    >>> shade("-18.26", "87.4"), shade("0.3", "87.4")
    ('below-3', '')
    """
    if not difference or not float(published):
        return ""
    share = 100 * float(difference) / abs(float(published))
    step = sum(abs(share) >= least for least in STEPS)
    return f"{'below' if share < 0 else 'above'}-{step}" if step else ""


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise InputError(f"{path} is not there, though its table is made; make the table again")
    return path.read_text().splitlines()


def _cell(given: Mapping[str, Any]) -> Cell:
    interval, printed = given["interval"], given["published"]
    changed = {
        "interval": None if interval is None else tuple(interval),
        "runs": tuple(given["runs"]),
        "published": None if printed is None else str(printed),
    }
    return Cell(**{**given, **changed})


def _box(cell: Cell, anchor: str, evidence: Evidence, runs: Runs, path: Path) -> Box:
    difference = rendering.shown_difference(cell)
    spread = rendering.shown_half_width(cell)
    signed = difference if not difference or difference.startswith("-") else f"+{difference}"
    return Box(
        anchor=anchor,
        value=rendering.shown(cell) or "–",
        spread=f"± {spread}" if spread else "",
        published=cell.published or "",
        difference=signed.replace("-", "−"),
        shade=shade(difference, cell.published or ""),
        card=_card(cell, evidence, runs, path),
    )


def _card(cell: Cell, evidence: Evidence, runs: Runs, path: Path) -> Card:
    found = [(key, runs.get(key, path.parent)) for key in cell.runs]
    commits = dict.fromkeys(run.commit for _, run in found if run is not None)
    labels = f"--row {shlex.quote(cell.row)} --column {shlex.quote(cell.column)}"
    facts = [("value", _value(cell)), ("definition", cell.definition)]
    if cell.published is not None:
        facts.append(("published", cell.published))
    facts.append(("file", evidence.label))
    if commits:
        facts.append(("commit", ", ".join(commits)))
    return Card(
        title=f"{cell.row}, {cell.column}",
        facts=tuple(facts),
        runs=tuple(Part(key, run.anchor if run else "") for key, run in found),
        command=f"lbrn explain {shlex.quote(evidence.name.removesuffix('.json') + '.csv')} {labels}",
    )


def _value(cell: Cell) -> str:
    if cell.value is None:
        return "none: not run, or nothing to count"
    parts = [f"{cell.value:.6g}"]
    if cell.interval is not None:
        parts.append(f"95 % interval {cell.interval[0]:.6g} to {cell.interval[1]:.6g}")
    parts.append({0: "counted, no run", 1: "one run"}.get(cell.n, f"mean of {cell.n} runs"))
    return ", ".join(parts)


def _comparison(given: Mapping[str, Any]) -> Comparison:
    numbers = {name: given[name] for name in Paired.__dataclass_fields__}
    interval = None if given["interval"] is None else tuple(given["interval"])
    place = (given["first"], given["second"], given["row"], tuple(given["seeds"]))
    return Comparison(*place, Paired(**{**numbers, "interval": interval}), given["published"])


def _compared(made: Sequence[Comparison]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    rows = [(f"{one.first} − {one.second}, {one.row}", *comparisons.fields(one)) for one in made]
    return ("", *comparisons.HEADINGS), tuple(rows)
