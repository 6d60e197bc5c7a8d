"""Claims about accuracy and its spread, from tables of trained networks. Imports no torch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbrn.errors import InputError
from lbrn.reproduction import experiments, published, scales
from lbrn.reproduction.claims.evidence import Evidence, tables
from lbrn.reproduction.claims.finding import Finding, Outcome
from lbrn.reproduction.claims.plan import FILE, Difference, Spread

Interval = tuple[float, float]
SMALL = 0.1
SEPARATOR = " / "
"""Between dataset and network in the labels of tables with several datasets."""


@dataclass(frozen=True)
class Ground:
    """The settings that tables are held against, read once.

    Attributes:
        root: The project's root.
        tables: workflow/experiments.yaml.
        scales: workflow/scales.yaml.
    """

    root: Path
    tables: Mapping[int, experiments.Table]
    scales: scales.Scales


def read_ground(root: Path) -> Ground:
    """Read the settings.

    Args:
        root: The project's root.

    Raises:
        InputError: A file cannot be read, or something in it is wrong.
    """
    return Ground(root, experiments.load(root), scales.load(root))


@dataclass(frozen=True)
class _Pair:
    """What the strongest evidence says of two networks."""

    evidence: Evidence
    value: float
    interval: Interval | None
    n: int
    detectable: float | None
    runs: tuple[str, ...]


def difference(test: Difference, ground: Ground, claim: str) -> list[Finding]:
    """Judge differences between networks, a finding a pair.

    Args:
        test: The pairs and the threshold.
        ground: The settings.
        claim: Id of the claim, for messages.

    Raises:
        InputError: There is no such table, row or network, or a table cannot be read.
    """
    _check_place(test, ground, claim)
    found = tables(ground.root, f"table{test.table}")
    return [_judged(test, ground, first, second, found) for first, second in test.pairs]


def spread(test: Spread, root: Path, claim: str) -> Finding:
    """Judge the standard deviation over seeds of the network that the paper repeated.

    Args:
        test: The threshold.
        root: The project's root.
        claim: Id of the claim, by which its line of the repetitions is known.

    Raises:
        InputError: The paper's repetitions make no such claim, or a table cannot be read.
    """
    known = published.read_repetitions(root / "paper" / published.REPETITIONS)
    if claim not in {printed.claim for printed in known}:
        raise InputError(f"{FILE}, {claim}: paper/{published.REPETITIONS} says nothing of this claim")
    what = f"95 % interval of the standard deviation over seeds lies below {test.below:g}{_because(test.why)}"
    for evidence in tables_of_repetitions(root):
        rows = [row for row in evidence.content["cells"] if row["claim"] == claim and row["deviation"] is not None]
        if not rows:
            continue
        row = rows[0]
        interval = (row["deviation_interval"][0], row["deviation_interval"][1])
        outcome = _placed(interval, (-math.inf, test.below))
        reason = "" if outcome is not Outcome.UNDECIDED else f"{row['n']} seeds leave it open"
        weak = _cannot_decide(evidence) or _off(row)
        ours = f"{row['mean']:.2f} +/- {row['deviation']:.2f} ({row['network']} on {row['dataset']})"
        return Finding(
            Outcome.UNDECIDED if weak else outcome, what, ours, interval, row["n"],
            where=(f"{evidence.label}: {row['network']}",), runs=tuple(row["runs"]), reason=weak or reason,
        )  # fmt: skip
    return Finding(Outcome.NOT_RUN, what, reason="`snakemake repetitions` makes it")


def tables_of_repetitions(root: Path) -> list[Evidence]:
    """Every finished version of the repetitions, the strongest first.

    Args:
        root: The project's root.
    """
    return tables(root, "repetitions")


def _judged(test: Difference, ground: Ground, first: str, second: str, found: Sequence[Evidence]) -> Finding:
    name = f"{first} - {second}"
    what = f"95 % interval of {name}, {test.row}, seed by seed, lies {_region_text(test)}{_because(test.why)}"
    printed = _published(ground.root, test, first, second)
    pair = _strongest(found, first, second, test.row, ground.root, test.table)
    if pair is None:
        return Finding(Outcome.NOT_RUN, what, reason=f"no table {test.table} is made with these networks")
    ours = f"{pair.value:+.{_decimals(test)}f} ({name}{f'; the paper {printed}' if printed else ''})"
    place = f"{pair.evidence.label}: {test.row}, {name}"
    outcome, reason = _decided(test, pair)
    weak = _cannot_decide(pair.evidence) or _shortened(pair.evidence, (first, second), test.table, ground)
    return Finding(
        Outcome.UNDECIDED if weak else outcome, what, ours, pair.interval, pair.n, pair.detectable, (place,), pair.runs,
        "; ".join(filter(None, (weak, reason))),
    )  # fmt: skip


def _strongest(found: Sequence[Evidence], first: str, second: str, row: str, root: Path, table: int) -> _Pair | None:
    for evidence in found:
        cells = [evidence.cells.get((row, label)) for label in (first, second)]
        if any(cell is not None and _off_paper(cell, root, table) for cell in cells):
            continue
        runs = tuple(key for cell in cells if cell is not None for key in cell["runs"])
        compared = evidence.compared(first, second, row)
        if compared is not None and compared["difference"] is not None:
            interval = compared["interval"]
            return _Pair(
                evidence, compared["difference"], None if interval is None else (interval[0], interval[1]),
                compared["n"], compared["detectable"], runs,
            )  # fmt: skip
        values = [None if cell is None else cell["value"] for cell in cells]
        if values[0] is not None and values[1] is not None:
            return _Pair(evidence, values[0] - values[1], None, 1, None, runs)
    return None


def _decided(test: Difference, pair: _Pair) -> tuple[Outcome, str]:
    if pair.interval is None:
        return Outcome.UNDECIDED, "one seed, so no interval"
    outcome = _placed(pair.interval, _region(test))
    if outcome is Outcome.UNDECIDED:
        return outcome, f"{pair.n} seeds leave the difference open"
    return outcome, ""


def _placed(interval: Interval, region: Interval) -> Outcome:
    """Wholly inside, wholly outside, or neither."""
    if region[0] < interval[0] and interval[1] < region[1]:
        return Outcome.HOLDS
    if interval[1] <= region[0] or region[1] <= interval[0]:
        return Outcome.FAILS
    return Outcome.UNDECIDED


def _decimals(test: Difference) -> int:
    """Two in percent; three where the threshold says that scores lie between 0 and 1."""
    threshold = next(value for value in (test.above, test.below, test.within) if value is not None)
    return 3 if 0 < abs(threshold) < SMALL else 2


def _region(test: Difference) -> Interval:
    if test.above is not None:
        return test.above, math.inf
    if test.below is not None:
        return -math.inf, test.below
    return -float(test.within or 0), float(test.within or 0)


def _region_text(test: Difference) -> str:
    if test.above is not None:
        return f"above {test.above:g}"
    return f"below {test.below:g}" if test.below is not None else f"within {test.within:g} of 0"


def _cannot_decide(evidence: Evidence) -> str:
    if not published.undecidable(evidence.scale, evidence.content["standin"]):
        return ""
    data = "drawn stand-in data" if evidence.content["standin"] else "smaller networks, less data or a shorter training"
    return f"scale {evidence.scale} ({data}) cannot decide the paper's accuracies"


def _shortened(evidence: Evidence, labels: Sequence[str], table: int, ground: Ground) -> str:
    """What of the paper's own size or length was overridden, in words; empty for nothing.

    The header of a table says of every network what is smaller, and its input and epochs.
    """
    entry = ground.tables.get(table)
    for label in labels:
        column = None if entry is None else entry.networks.get(label)
        if entry is None or column is None:
            continue
        preset = ground.scales.preset("paper", entry.task)
        recipe = {**preset.recipe, **preset.families.get(column.resolve().family, {})}
        said = evidence.content.get("reduction", {}).get(label, "nothing")
        if said != f"input {recipe['input']} px, {recipe['epochs']} epochs":
            return f"{evidence.name} says of {label}: {said}; that is not the paper's training"
    return ""


def _off(row: Mapping[str, Any]) -> str:
    knobs = ", ".join(f"{knob} {value}" for knob, value in row["off_paper"].items())
    return f"run with {knobs}, which is not the paper's setting" if knobs else ""


def _off_paper(cell: Mapping[str, Any], root: Path, table: int) -> bool:
    """Whether a cell lacks the number that the paper prints in it: so the table says that its setting was another."""
    if cell["value"] is None or cell["published"] is not None:
        return False
    printed = published.read_table(root / "paper" / "published" / f"table{table}.csv")
    return bool({(cell["row"], cell["column"]), (cell["column"], cell["row"])} & printed.keys())


def _published(root: Path, test: Difference, first: str, second: str) -> str:
    """The difference of the printed numbers; empty where the paper's table does not print both."""
    printed = published.read_table(root / "paper" / "published" / f"table{test.table}.csv")
    both = printed | {(column, row): text for (row, column), text in printed.items()}
    numbers = [both.get((test.row, label)) for label in (first, second)]
    return "" if None in numbers else f"{float(numbers[0] or 0) - float(numbers[1] or 0):+.1f}"


def _check_place(test: Difference, ground: Ground, claim: str) -> None:
    path = ground.root / "paper" / "published" / f"table{test.table}.csv"
    if not path.exists():
        raise InputError(
            f"{FILE}, {claim}: there is no table {test.table} in paper/published; name a table of the paper"
        )
    entry = ground.tables.get(test.table)
    if entry is None:
        return
    if test.row not in entry.rows:
        raise InputError(f"{FILE}, {claim}: table {test.table} has no row {test.row}, but {', '.join(entry.rows)}")
    for label in (label for pair in test.pairs for label in pair):
        if label not in entry.all_places:
            raise InputError(f"{FILE}, {claim}: table {test.table} has no {label}, but {', '.join(entry.networks)}")


def _because(why: str) -> str:
    return f" ({why})" if why else ""
