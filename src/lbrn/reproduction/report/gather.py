"""What the page shows, gathered from results/, results/reference/* and the paper's files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbrn.datasets import catalog
from lbrn.errors import InputError
from lbrn.reproduction import deviations, experiments
from lbrn.reproduction.claims import evidence, judge
from lbrn.reproduction.deviations import Deviation
from lbrn.reproduction.figures import entries
from lbrn.reproduction.project import Project
from lbrn.reproduction.report import measurements, pictures, repeated, sheets, verdicts
from lbrn.reproduction.report.runs import Runs


@dataclass(frozen=True)
class Data:
    """A dataset behind the tables.

    Attributes:
        name: Its name.
        identity: What its bytes are.
        standin: Whether it is drawn.
        digest: Of the prepared data.
        counts: How many samples each split has.
        official: Its entry in the catalogue; empty for none.
        tables: Tables made from it, as pairs of title and id.
    """

    name: str
    identity: str
    standin: bool
    digest: str
    counts: str
    official: Mapping[str, Any]
    tables: list[tuple[str, str]]


@dataclass(frozen=True)
class Missing:
    """Something that the page could show, and the command that makes it."""

    what: str
    command: str


@dataclass(frozen=True)
class Content:
    """All that the page shows.

    Attributes:
        counts: Each verdict with the ids of its claims.
        verdicts: The verdicts, in the order of reading.
        sheets: Tables of the paper.
        repeated: The paper's repetitions.
        figures: Figures.
        speed: Tables of measurements.
        runs: All runs that are named.
        data: All datasets behind the tables.
        deviations: Where tables depart from the paper, with the ids of the tables shown.
        missing: What is not made.
        omitted: Pictures that were left out because the page would be too large.
    """

    counts: list[tuple[str, str, list[str]]]
    verdicts: list[verdicts.Shown]
    sheets: list[sheets.Sheet]
    repeated: list[measurements.Listing]
    figures: list[pictures.Picture]
    speed: list[measurements.Listing]
    runs: Runs
    data: list[Data]
    deviations: list[tuple[Deviation, dict[int, str]]]
    missing: list[Missing]
    omitted: list[str]


def gather(project: Project, budget: int = pictures.BUDGET) -> Content:
    """Gather it.

    Args:
        project: The project.
        budget: Characters that all pictures together may take.

    Raises:
        InputError: No table is finished, or something that is there cannot be read.
    """
    root, runs, album = project.root, Runs(project), pictures.Album(project.root, budget)
    shown = [sheets.sheet(one, root, runs) for number in _numbers(root) for one in evidence.tables(root, number)]
    if not shown:
        raise InputError(
            f"there is no finished table in {' or '.join(evidence.PLACES)}; `snakemake --cores 2 results/table1.csv` "
            "makes one"
        )
    repetitions = evidence.tables(root, "repetitions")
    again = [repeated.repeated(one, root, runs) for one in repetitions]
    folders = [root / place / entries.FOLDER.name for place in evidence.PLACES]
    drawn = pictures.figures(folders, list(_figures(root)), runs.anchors, album)
    speed = measurements.speed(root, evidence.SPEED, album)
    judged = judge.judge(root)
    anchors = {sheet.path: sheet.anchor for sheet in shown} | {item.path: item.anchor for item in speed}
    anchors |= {one.name: listed.anchor for one, listed in zip(repetitions, again, strict=True)}
    return Content(
        counts=verdicts.counts(judged),
        verdicts=verdicts.shown(judged, anchors, runs.anchors),
        sheets=shown,
        repeated=again,
        figures=drawn,
        speed=speed,
        runs=runs,
        data=_data(shown),
        deviations=_deviations(root, shown),
        missing=_missing(root, shown, again, drawn, speed),
        omitted=album.omitted,
    )


def _numbers(root: Path) -> list[str]:
    """Names of the tables that are made anywhere, by their numbers."""
    names = {path.stem for place in evidence.PLACES for path in (root / place).glob("table*.json")}
    return sorted(names, key=lambda name: (len(name), name))


def _figures(root: Path) -> dict[str, entries.Figure]:
    """All figures of the project: those of the paper by their numbers, then the others."""
    listed = entries.load(root)
    return dict(sorted(listed.items(), key=lambda item: (item[1].number is None, item[1].number or 0)))


def _data(shown: Sequence[sheets.Sheet]) -> list[Data]:
    found: dict[tuple[str, str], Data] = {}
    for sheet in shown:
        for name, told in sheet.data.items():
            counted = "people" if "people" in told else "images"
            counts = ", ".join(f"{count} {split}" for split, count in told[counted].items())
            fresh = Data(
                name, told["identity"], told["standin"], told["digest"], f"{counts} {counted}",
                catalog.catalog().get(name, {}), [],
            )  # fmt: skip
            one = found.setdefault((name, told["digest"]), fresh)
            one.tables.append((f"Table {sheet.number} ({sheet.scale})", sheet.anchor))
    return sorted(found.values(), key=lambda one: (one.name, one.identity))


def _deviations(root: Path, shown: Sequence[sheets.Sheet]) -> list[tuple[Deviation, dict[int, str]]]:
    first = {sheet.number: sheet.anchor for sheet in reversed(shown)}
    return [
        (entry, {number: first.get(number, "") for number in entry.tables})
        for entry in deviations.entries(root / "paper")
    ]


def _missing(
    root: Path,
    shown: Sequence[sheets.Sheet],
    again: Sequence[object],
    drawn: Sequence[pictures.Picture],
    speed: Sequence[object],
) -> list[Missing]:
    made = {sheet.number for sheet in shown}
    missing = [
        Missing(f"Table {number}: {entry.title}", f"snakemake --cores 2 results/table{number}.csv")
        for number, entry in experiments.load(root).items()
        if number not in made
    ]
    figures = {picture.name for picture in drawn}
    missing += [
        Missing(f"{pictures.label(figure.number)}{figure.title}", f"snakemake --cores 2 {entries.FOLDER}/{name}.svg")
        for name, figure in _figures(root).items()
        if name not in figures
    ]
    others = (
        (again, "Repetitions over seeds", "snakemake --cores 2 results/repetitions.csv"),
        (speed, "Measurements of the engine", "snakemake --cores 2 speed"),
    )
    return missing + [Missing(what, command) for found, what, command in others if not found]
