"""The networks that the paper ran ten times: mean and spread over our seeds beside its own. Imports no torch.

The paper does not say what follows its +/-; it is taken for the standard deviation of single runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbrn.files import write_json, write_text
from lbrn.metrics.definitions import METRICS
from lbrn.models.variants import get
from lbrn.reproduction import book as settings
from lbrn.reproduction import data_specs, facts, runs
from lbrn.reproduction.book import Book
from lbrn.reproduction.cells import off_paper
from lbrn.reproduction.footnotes import reduction
from lbrn.reproduction.make_table import read_info
from lbrn.reproduction.params import Params
from lbrn.reproduction.project import Project
from lbrn.reproduction.published import Repetition, undecidable
from lbrn.reproduction.results import Result, read_result
from lbrn.reproduction.statistics import Estimate, deviation_interval, estimate

NAME = "repetitions"
TARGET = f"results/{NAME}.csv"
DECIMALS = 2

COLUMNS = (
    "network", "dataset", "row", "mean", "low", "high", "deviation", "deviation low", "deviation high", "seeds",
    "published mean", "published +/-", "published repetitions", "difference",
)  # fmt: skip
MEANINGS = (
    "mean over seeds, low to high: its 95 % t-interval; deviation: standard deviation of single runs, with its 95 % "
    "interval from the chi-square distribution; difference: mean - published mean",
    "each seed draws initial weights, order of samples and augmentation and, unless params.yaml names a filter_seed, "
    "the fixed filters",
    "the paper does not say what follows its +/-: it is read as the standard deviation of single runs",
)


@dataclass(frozen=True)
class Repeated:
    """One network, repeated.

    Attributes:
        network: Its label in the paper's tables.
        dataset: Whose test split was predicted.
        metric: Id of the metric.
        printed: What the paper says of its repetitions.
        values: Our scores, one a seed.
        runs: Keys of these runs, in the same order.
        mean: Their mean with its interval, and their standard deviation.
        deviation_interval: 95 % interval of the standard deviation.
        off_paper: Knobs that are not as in the paper, with their values: then nothing published is shown.
        reduction: What is smaller than in the paper.
    """

    network: str
    dataset: str
    metric: str
    printed: Repetition
    values: tuple[float, ...]
    runs: tuple[str, ...]
    mean: Estimate
    deviation_interval: tuple[float, float] | None
    off_paper: Mapping[str, Any]
    reduction: str

    @property
    def published(self) -> Repetition | None:
        """What the paper says, where it ran the same setting."""
        return None if self.off_paper else self.printed

    def as_json(self) -> dict[str, Any]:
        """The row as plain data, published numbers as numbers."""
        found, theirs = self.mean, self.published
        published = None
        difference = None
        if theirs is not None:
            mean = float(theirs.mean)
            published = {"mean": mean, "spread": float(theirs.spread), "repetitions": theirs.repetitions}
            difference = None if found.value is None else found.value - mean
        return {
            "network": self.network,
            "dataset": self.dataset,
            "table": self.printed.table,
            "row": self.printed.row,
            "claim": self.printed.claim,
            "metric": self.metric,
            "definition": METRICS[self.metric].definition,
            "mean": found.value,
            "interval": _listed(found.interval),
            "deviation": found.deviation,
            "deviation_interval": _listed(self.deviation_interval),
            "n": found.n,
            "values": list(self.values),
            "runs": list(self.runs),
            "published": published,
            "difference": difference,
            "off_paper": dict(self.off_paper),
            "reduction": self.reduction,
        }


def make_repetitions(project: Project, knobs: Params | None = None) -> list[Path]:
    """Write `repetitions.csv`, `.md`, `.json` and `metrics/repetitions.json` into the project's results folder.

    Args:
        project: The project.
        knobs: What to use instead of its params.yaml.

    Returns:
        The files written.

    Raises:
        InputError: Something that they need is not made yet, or the paper's file cannot be read.
    """
    book = settings.load(project, knobs)
    rows, results = [], []
    for printed, specs in runs.repetition_runs(book):
        wanted = f"repetitions of {printed.column}, table {printed.table}"
        found = [read_result(spec, project.run(runs.run_key(spec)), wanted, TARGET) for spec in specs]
        rows.append(_repeated(book, printed, found))
        results += found
    infos = {
        name: read_info(project.prepared(data_specs.data_key(spec)), NAME, TARGET)
        for name, spec in repetition_data(book).items()
    }
    return _write(rows, facts.collect(book.params.scale, infos, results), project.root / "results")


def repetition_data(book: Book) -> dict[str, data_specs.DataSpec]:
    """Data specs of all datasets that the repeated networks are trained and tested on, by their names.

    Args:
        book: The settings.

    Raises:
        InputError: The source of one of them cannot be used, or the paper's file cannot be read.
    """
    entries = [book.tables[printed.table] for printed, _ in runs.repetition_runs(book)]
    return {name: spec for entry in entries for name, spec in data_specs.entry_data(book, entry).items()}


def _repeated(book: Book, printed: Repetition, found: Sequence[Result]) -> Repeated:
    entry = book.tables[printed.table]
    place = entry.places[printed.column]
    scores = {result.key: result.score(entry.metric, printed.row) for result in found}
    known = {key: score for key, score in scores.items() if score is not None}
    values = tuple(known.values())
    return Repeated(
        network=get(place.column.variant).label,
        dataset=place.dataset,
        metric=entry.metric,
        printed=printed,
        values=values,
        runs=tuple(known),
        mean=estimate(values),
        deviation_interval=deviation_interval(values) if len(values) > 1 else None,
        off_paper=off_paper(place.column, found[0].spec),
        reduction=reduction(place.column, found[0].spec),
    )


def _write(rows: Sequence[Repeated], found: facts.Facts, results: Path) -> list[Path]:
    paths = [results / f"{NAME}{suffix}" for suffix in (".json", ".md", ".csv")]
    header = _header(rows, found)
    write_json(paths[0], {**found.as_json(), "cells": [row.as_json() for row in rows]})
    write_text(paths[1], _markdown(rows, header, found.standin))
    lines = [",".join(COLUMNS), *(",".join(_fields(row)) for row in rows)]
    write_text(paths[2], "".join([*(f"# {text}\n" for text in header), *(f"{line}\n" for line in lines)]))
    flat = {f"{row.network} on {row.dataset}": _flat(row.mean) for row in rows}
    write_json(results / "metrics" / f"{NAME}.json", {NAME: flat})
    return [*paths, results / "metrics" / f"{NAME}.json"]


def _header(rows: Sequence[Repeated], found: facts.Facts) -> list[str]:
    sizes = facts.grouped((f"{row.network} on {row.dataset}", row.reduction) for row in rows)
    lines = [
        "Repetitions: networks of which the paper gives a mean and a spread",
        *(f"metric: {metric}: {METRICS[metric].definition}" for metric in dict.fromkeys(row.metric for row in rows)),
        *facts.header(found, (f"{text}: {', '.join(labels)}" for text, labels in sizes), spread="mean over seeds"),
        *MEANINGS,
    ]
    if undecidable(found.scale, found.standin):
        claims = ", ".join(row.printed.claim for row in rows)
        lines.append(f"claims of the paper that this scale and data cannot decide: {claims}")
    for row in rows:
        if row.off_paper:
            said = ", ".join(f"{knob} {value}" for knob, value in row.off_paper.items())
            lines.append(f"{row.network} on {row.dataset} was run with {said}, which is not the paper's setting")
    return lines


def _fields(row: Repeated) -> list[str]:
    theirs = row.published
    printed = ["", "", ""] if theirs is None else [theirs.mean, theirs.spread, str(theirs.repetitions)]
    difference = "" if theirs is None or row.mean.value is None else _difference(row.mean.value, theirs.mean)
    numbers = (row.mean.value, *(row.mean.interval or (None, None)), row.mean.deviation, *_ends(row))
    shown = ["" if number is None else f"{number:.{DECIMALS}f}" for number in numbers]
    return [row.network, row.dataset, row.printed.row, *shown, str(row.mean.n), *printed, difference]


def _markdown(rows: Sequence[Repeated], header: Sequence[str], standin: bool) -> str:
    lines = [f"# {header[0]}", ""]
    if standin:
        lines += ["**Made from a stand-in, not from the paper's data: levels cannot be compared.**", ""]
    lines += [f"| {' | '.join(COLUMNS)} |", f"|:--|:--|:--|{'--:|' * (len(COLUMNS) - 3)}"]
    lines += [f"| {' | '.join(_fields(row))} |" for row in rows]
    return "\n".join([*lines, "", *(f"* {text}" for text in header[1:]), ""])


def _ends(row: Repeated) -> tuple[float | None, float | None]:
    return row.deviation_interval or (None, None)


def _difference(value: float, printed: str) -> str:
    return f"{round(round(value, DECIMALS) - float(printed), DECIMALS) + 0.0:.{DECIMALS}f}"


def _flat(mean: Estimate) -> dict[str, Any]:
    numbers = {"mean": mean.value, "deviation": mean.deviation}
    return {name: round(number, 4) for name, number in numbers.items() if number is not None} | {"n": mean.n}


def _listed(ends: tuple[float, float] | None) -> list[float] | None:
    return None if ends is None else list(ends)
