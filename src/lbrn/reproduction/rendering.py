"""Renderings of a finished table: csv, md, json, and the flat numbers that DVC compares.

CSV: lines that begin with `#` are header comments; a field that begins with `#` is always quoted, so that
`pandas.read_csv(path, comment="#")` and the csv module (after dropping the comment lines) find every row.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lbrn.files import write_json, write_text
from lbrn.reproduction import comparisons, facts
from lbrn.reproduction.cells import FLOPS, PARAMETERS, Cell
from lbrn.reproduction.experiments import SEPARATOR
from lbrn.reproduction.tables import Table

DECIMALS = {PARAMETERS: 3, FLOPS: 3}
SCORE_DECIMALS = 2
SHARES = ("maxF", "MAE", "maxF (mean P, R)", "S-measure")
"""Scores from 0 to 1, which need a third decimal."""


def write_table(table: Table, results: Path) -> list[Path]:
    """Write `tableN.json`, `tableN.md`, `tableN.csv` and `metrics/tableN.json`, each atomically.

    Args:
        table: The finished table.
        results: The results folder.

    Returns:
        The paths written.
    """
    base = results / f"table{table.number}"
    paths = [base.with_suffix(suffix) for suffix in (".json", ".md", ".csv")]
    write_json(paths[0], table.as_json())
    write_text(paths[1], markdown(table))
    write_text(paths[2], csv_text(table))
    write_json(results / "metrics" / f"table{table.number}.json", dvc_metrics(table))
    return [*paths, results / "metrics" / f"table{table.number}.json"]


def csv_text(table: Table) -> str:
    """The table as CSV under its comment lines.

    The first column is called `row`; where the networks are the rows, the first columns are those of the table's index.
    For each other: the value, with two seeds or more the half width of its 95 % interval, the published number, and the
    difference between the value as shown and the published number.
    """
    several = any(cell.interval for cell in table.cells.values())
    head = [*(table.index or ("row",))]
    for column in table.columns:
        head += [column, *([f"{column} +/-"] if several else []), f"{column} published", f"{column} difference"]
    lines = [_csv_line(head)]
    for row in table.rows:
        fields = _row_fields(table, row)
        for column in table.columns:
            cell = table.cells[row, column]
            spread = [shown_half_width(cell)] if several else []
            fields += [shown(cell), *spread, cell.published or "", shown_difference(cell)]
        lines.append(_csv_line(fields))
    return "".join([*(f"# {text}\n" for text in header(table)), *lines])


def markdown(table: Table) -> str:
    """The table for readers: in each cell our value, then in brackets the published number and the difference."""
    labels = [f"{column}" for column in table.columns]
    lines = [f"# Table {table.number}: {table.title}", ""]
    if table.facts.standin:
        lines += ["**Made from a stand-in, not from the paper's data: levels cannot be compared.**", ""]
    lines += ["Each cell: this run (published; difference).", ""]
    corner = f"| {' | '.join(table.index)} |" if table.index else "| |"
    lines += [f"{corner} {' | '.join(labels)} |", f"|{':--|' * max(1, len(table.index))}{'--:|' * len(labels)}"]
    for row in table.rows:
        cells = " | ".join(_markdown_cell(table.cells[row, column]) for column in table.columns)
        lines.append(f"| {' | '.join(_row_fields(table, row))} | {cells} |")
    return "\n".join([*lines, "", *_markdown_comparisons(table), *(f"* {text}" for text in _details(table)), ""])


def dvc_metrics(table: Table) -> dict[str, Any]:
    """The scores alone, network by network under readable names, without costs and networks that were not run."""
    scores: dict[str, dict[str, float]] = {}
    for cell in table.cells.values():
        network, part = (cell.row, cell.column) if table.index else (cell.column, cell.row)
        network = network if table.sweep is None else f"{table.sweep}={network}"
        if cell.value is not None and part not in DECIMALS:
            scores.setdefault(network, {})[part] = round(cell.value, 4)
    return {f"table{table.number}": scores}


def header(table: Table) -> list[str]:
    """What a reader must know, one line each; also the comment lines of the CSV."""
    compared = [f"compared: {comparisons.sentence(comparison)}" for comparison in table.comparisons]
    return [f"Table {table.number}: {table.title}", *_details(table), *compared]


def shown(cell: Cell) -> str:
    """The value, rounded as it is printed; empty where there is none."""
    return "" if cell.value is None else f"{cell.value:.{_decimals(cell)}f}"


def shown_half_width(cell: Cell) -> str:
    """Half the width of the 95 % interval, rounded as the value is; empty where there is none."""
    return "" if cell.interval is None else f"{(cell.interval[1] - cell.interval[0]) / 2:.{_decimals(cell)}f}"


def shown_difference(cell: Cell) -> str:
    """The value as shown minus the published number, so that the printed numbers agree with each other."""
    if cell.value is None or cell.published is None:
        return ""
    difference = round(float(shown(cell)) - float(cell.published), _decimals(cell))
    return f"{difference + 0.0:.{_decimals(cell)}f}"  # + 0.0 turns -0.0 into 0.0


def _decimals(cell: Cell) -> int:
    if {cell.row, cell.column} & set(SHARES):
        return 3
    return DECIMALS.get(cell.row, DECIMALS.get(cell.column, SCORE_DECIMALS))


def _row_fields(table: Table, row: str) -> list[str]:
    """A row's label in its parts: one, or where several datasets make the rows one for each name of the index."""
    return row.split(SEPARATOR) if len(table.index) > 1 else [row]


def _markdown_cell(cell: Cell) -> str:
    value = shown(cell) or "–"
    if cell.interval is not None:
        value += f" ± {shown_half_width(cell)}"
    if cell.published is None:
        return value
    difference = shown_difference(cell)
    sign = "" if not difference or difference.startswith("-") else "+"
    return f"{value} ({cell.published}{f'; {sign}{difference}' if difference else ''})"


def _details(table: Table) -> list[str]:
    swept = "" if table.sweep is None else f"{table.sweep} "
    sizes = [f"{text}: {swept}{', '.join(labels)}" for text, labels in facts.grouped(table.reduction.items())]
    lines = [
        f"metric: {table.metric}: {table.definition}",
        *facts.header(table.facts, sizes, spread="mean over seeds; +/- is half of the 95 % t-interval"),
    ]
    if table.undecided_claims:
        lines.append(f"claims of the paper that this scale and data cannot decide: {', '.join(table.undecided_claims)}")
    costs = [row for row in (*table.rows, *table.columns) if row in DECIMALS]
    if costs:
        lines.append(f"{' and '.join(costs)}: {table.cost_scope}")
    lines += comparisons.explained(table.comparisons, table.sweep)
    return [*lines, *(f"note {index}: {text}" for index, text in enumerate(table.notes, start=1))]


def _markdown_comparisons(table: Table) -> list[str]:
    if not table.comparisons:
        return []
    rows = [f"| {pair.first} - {pair.second} | {' | '.join(comparisons.fields(pair))} |" for pair in table.comparisons]
    corner = f"{table.comparisons[0].row}, {'networks' if table.sweep is None else table.sweep}"
    head = [f"| {corner} | {' | '.join(comparisons.HEADINGS)} |", f"|:--|{'--:|' * len(comparisons.HEADINGS)}"]
    return [*head, *rows, ""]


def _csv_line(fields: Iterable[str]) -> str:
    return ",".join(map(_csv_field, fields)) + "\n"


def _csv_field(text: str) -> str:
    if text.startswith("#") or any(character in text for character in ',"\n\r'):
        return '"' + text.replace('"', '""') + '"'
    return text
