"""The paper's tables from finished runs: every cell with its value, interval, runs, definition and published number.

Imports no torch; the cost rows load it only when they are asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lbrn.errors import InputError
from lbrn.metrics.known import METRICS
from lbrn.reproduction import deviations, published
from lbrn.reproduction.cells import COST_SCOPES, EXTRA_ROWS, Cell, Costs, computed_costs, make_cells
from lbrn.reproduction.comparisons import Comparison, compare_networks
from lbrn.reproduction.experiments import Table as Entry
from lbrn.reproduction.facts import Facts, collect
from lbrn.reproduction.footnotes import footnotes, reduction
from lbrn.reproduction.results import Result, Spec, read_result

ColumnRuns = Mapping[str, Sequence[tuple[Spec, Path]]]


@dataclass(frozen=True)
class Context:
    """What a table needs beside its entry and its runs.

    Attributes:
        number: Number of the table in the paper.
        scale: `quick`, `small` or `paper`.
        paper: Folder with `published/`, `claims.csv` and `deviations.yaml`.
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
        facts: Scale, data, seeds and code of its runs.
        metric: Id of the metric of its score rows.
        definition: The metric's definition.
        sweep: What the networks differ in, which then are the rows; None = it is no sweep.
        index: What the parts of a row's label are called where the networks are the rows; empty = they are the columns.
        cost_scope: What is counted in the cost rows.
        rows: Row labels in order.
        columns: Column labels in order.
        cells: Every cell by (row, column).
        reduction: Per network that was run: what is smaller than in the paper, as text.
        undecided_claims: Ids of the paper's claims on this table that these runs cannot decide.
        comparisons: Networks held against each other, seed by seed.
        notes: Footnotes.
    """

    number: int
    title: str
    facts: Facts
    metric: str
    definition: str
    sweep: str | None
    index: tuple[str, ...]
    cost_scope: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]
    reduction: Mapping[str, str]
    undecided_claims: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The whole table as plain data; cells as a list, row by row."""
        cells = [self.cells[row, column].as_json() for row in self.rows for column in self.columns]
        compared = [comparison.as_json() for comparison in self.comparisons]
        other = {key: value for key, value in vars(self).items() if key not in ("facts", "cells", "comparisons")}
        listed = {key: list(value) if isinstance(value, tuple) else value for key, value in other.items()}
        return {**listed, **self.facts.as_json(), "comparisons": compared, "cells": cells}


def build_table(entry: Entry, runs: ColumnRuns, context: Context) -> Table:
    """Build a table from finished runs.

    Args:
        entry: The table's entry in workflow/experiments.yaml, with all its networks.
        runs: For each place that is run, the specs and folders of its runs, one a seed.
        context: Everything else.

    Returns:
        The table, with empty cells for columns that are not run.

    Raises:
        InputError: A run is missing or unfinished, the metric is unknown, or a file of the paper cannot be read.
    """
    if entry.metric not in METRICS:
        raise InputError(f"table {context.number}: metric {entry.metric!r} is unknown; there are {', '.join(METRICS)}")
    results = {
        label: [_read(spec, folder, entry, label, context.number) for spec, folder in runs.get(label, ())]
        for label in entry.all_places
    }
    departed = deviations.read(context.paper, context.number)
    file = context.paper / "published" / f"table{context.number}.csv"
    printed = published.read_table(file, keys=len(entry.row_index) or 1)
    printed = departed.relabelled(_exchanged(printed) if entry.row_index else printed)
    claims = published.read_claims(context.paper / "claims.csv")
    facts = collect(context.scale, context.data, [result for found in results.values() for result in found])
    cells = make_cells(entry, results, printed, context.costs or computed_costs)
    accuracy = published.accuracy_claims(claims, context.number)
    table = Table(
        number=context.number,
        title=entry.title,
        facts=facts,
        metric=entry.metric,
        definition=METRICS[entry.metric].definition,
        sweep=entry.sweep,
        index=entry.row_index,
        cost_scope=COST_SCOPES[entry.task],
        rows=(*entry.rows, *EXTRA_ROWS.get(entry.metric, {}), *entry.costs),
        columns=tuple(entry.places),
        cells=cells,
        reduction={
            label: reduction(entry.all_places[label].column, found[0].spec) for label, found in results.items() if found
        },
        undecided_claims=tuple(accuracy if published.undecidable(facts.scale, facts.standin) else ()),
        comparisons=compare_networks(entry, results, {place: cell.published for place, cell in cells.items()}),
        notes=(*departed.notes, *footnotes(entry, results, printed, accuracy)),
    )
    return _networks_as_rows(table) if entry.row_index else table


def _read(spec: Spec, folder: Path, entry: Entry, label: str, number: int) -> Result:
    place = f"column {label}" if entry.sweep is None else f"{entry.sweep} {label}"
    return read_result(spec, folder, f"table {number}, {place}", f"results/table{number}.csv")


def _exchanged(printed: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    return {(column, row): text for (row, column), text in printed.items()}


def _networks_as_rows(table: Table) -> Table:
    cells = {(column, row): replace(cell, row=column, column=row) for (row, column), cell in table.cells.items()}
    ordered = {(row, column): cells[row, column] for row in table.columns for column in table.rows}
    return replace(table, rows=table.columns, columns=table.rows, cells=ordered)
