"""The paper's tables from finished runs: every cell with its value, interval, runs, definition and published number.

Imports no torch; the cost rows load it only when they are asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbrn import __version__
from lbrn.errors import InputError
from lbrn.metrics.definitions import METRICS
from lbrn.models.variants import get
from lbrn.reproduction import published
from lbrn.reproduction.cells import EXTRA_ROWS, FLOPS, Cell, Costs, computed_costs, make_cells, off_paper
from lbrn.reproduction.experiments import Column
from lbrn.reproduction.experiments import Table as Entry
from lbrn.reproduction.results import Result, Spec, read_result

ColumnRuns = Mapping[str, Sequence[tuple[Spec, Path]]]


@dataclass(frozen=True)
class Context:
    """What a table needs beside its entry and its runs.

    Attributes:
        number: Number of the table in the paper.
        scale: `quick`, `small` or `paper`.
        paper: Folder with `published/` and `claims.csv`.
        data: Contents of `info.json` of every prepared dataset that the runs use, by name.
        costs: From a variant and its full-size settings to what `lbrn cost --json` prints; None = compute it.
    """

    number: int
    scale: str
    paper: Path
    data: Mapping[str, Mapping[str, Any]]
    costs: Costs | None = None


@dataclass(frozen=True)
class Table:
    """A finished table; csv, md and json are renderings of it.

    Attributes:
        number: Number in the paper.
        title: Its title.
        scale: Scale of its runs.
        metric: Id of the metric of its score rows.
        definition: The metric's definition.
        rows: Row labels in order.
        columns: Column labels in order.
        cells: Every cell by (row, column).
        data: Per dataset: identity, whether it is a stand-in, digest, people.
        standin: Whether any dataset is a stand-in.
        reduction: Per column that was run: what is smaller than in the paper, as text.
        seeds: Training seeds.
        commits: Commits that the runs were trained at.
        code_version: Version of the training code of the runs.
        undecided_claims: Ids of the paper's claims on this table that these runs cannot decide.
        notes: Footnotes.
        lbrn: Version of the package.
    """

    number: int
    title: str
    scale: str
    metric: str
    definition: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]
    data: Mapping[str, Mapping[str, Any]]
    standin: bool
    reduction: Mapping[str, str]
    seeds: tuple[int, ...]
    commits: tuple[str, ...]
    code_version: str
    undecided_claims: tuple[str, ...]
    notes: tuple[str, ...]
    lbrn: str = __version__

    def as_json(self) -> dict[str, Any]:
        """The whole table as plain data; cells as a list, row by row."""
        cells = [self.cells[row, column].as_json() for row in self.rows for column in self.columns]
        other = {key: value for key, value in vars(self).items() if key != "cells"}
        listed = {key: list(value) if isinstance(value, tuple) else value for key, value in other.items()}
        return {**listed, "cells": cells}


def build_table(entry: Entry, runs: ColumnRuns, context: Context) -> Table:
    """Build a table from finished runs.

    Args:
        entry: The table's entry in workflow/experiments.yaml, with all its columns.
        runs: For each column that is run, the specs and folders of its runs, one a seed.
        context: Everything else.

    Returns:
        The table, with empty cells for columns that are not run.

    Raises:
        InputError: A run is missing or unfinished, the metric is unknown, or a file of the paper cannot be read.
    """
    if entry.metric not in METRICS:
        raise InputError(f"table {context.number}: metric {entry.metric!r} is unknown; there are {', '.join(METRICS)}")
    results = {
        column: [read_result(spec, folder, column, context.number) for spec, folder in runs.get(column, ())]
        for column in entry.columns
    }
    standins = {name: bool(info["standin"]) for name, info in context.data.items()}
    printed = published.read_table(context.paper / "published" / f"table{context.number}.csv")
    claims = published.read_claims(context.paper / "claims.csv")
    everything = [result for column in results.values() for result in column]
    return Table(
        number=context.number,
        title=entry.title,
        scale=context.scale,
        metric=entry.metric,
        definition=METRICS[entry.metric].definition,
        rows=(*entry.rows, *EXTRA_ROWS.get(entry.metric, {}), *entry.costs),
        columns=tuple(entry.columns),
        cells=make_cells(entry, results, printed, context.costs or computed_costs),
        data={name: _data_facts(info) for name, info in context.data.items()},
        standin=any(standins.values()),
        reduction={label: _reduction(entry.columns[label], found[0].spec) for label, found in results.items() if found},
        seeds=tuple(sorted({result.spec["seed"] for result in everything})),
        commits=tuple(sorted({_commit(result) for result in everything})),
        code_version=", ".join(sorted({f"{r.spec['task']} {r.spec['version']}" for r in everything})),
        undecided_claims=tuple(published.undecidable(claims, context.number, context.scale, standins)),
        notes=(*entry.notes, *_notes(entry, results)),
    )


def _data_facts(info: Mapping[str, Any]) -> dict[str, Any]:
    people = {split: facts["people"] for split, facts in info["splits"].items()}
    return {"identity": info["identity"], "standin": info["standin"], "digest": info["digest"], "people": people}


def _reduction(column: Column, spec: Spec) -> str:
    full, used = get(column.variant).settings(column.settings), spec["network"]
    smaller = [f"{key} {full[key]} -> {used[key]}" for key in ("stacks", "width", "depth") if full[key] != used[key]]
    recipe = spec["recipe"]
    if "stem_width" in used:
        smaller.append(f"stem {full['stem_width'] or full['width']} -> {used['stem_width']} channels")
    length = "1 epoch" if recipe["epochs"] == 1 else f"{recipe['epochs']} epochs"
    return ", ".join([*smaller, f"input {recipe['input']} px", length])


def _commit(result: Result) -> str:
    return str(result.done["environment"]["commit"] or "unknown (installed package)")


def _notes(entry: Entry, results: Mapping[str, Sequence[Result]]) -> list[str]:
    notes = []
    missing = [label for label, found in results.items() if not found]
    if missing:
        notes.append(f"Not run: {', '.join(missing)}.")
    changed = {label: off_paper(entry.columns[label], found[0].spec) for label, found in results.items() if found}
    for label, knobs in changed.items():
        if knobs:
            said = ", ".join(f"{knob} {value}" for knob, value in knobs.items())
            notes.append(
                f"{label} was run with {said}, which is not the paper's setting: no published numbers are shown."
            )
    for row, metric in EXTRA_ROWS.get(entry.metric, {}).items():
        notes.append(
            f"{row} is no row of the paper: the same predictions under {metric} ({METRICS[metric].evaluator}). The "
            "paper's printed rows of SHN and LBRN-S cannot be 14-joint means of their own columns."
        )
    if any(get(column.variant).binarised for column in entry.columns.values()) and FLOPS in entry.costs:
        notes.append("FLOPs of binarised blocks are left empty, as in the paper: bit operations are not FLOPs.")
    return notes
