"""Results at the paper's own scale that never were: each table as the paper prints it, ten seeds that hardly differ."""

import csv
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lbrn.files import write_json
from lbrn.reproduction import book, project
from lbrn.reproduction.experiments import Table as Entry
from lbrn.reproduction.runs import TRAIN_VERSION
from lbrn.reproduction.statistics import deviation_interval, paired

NOISE = 0.02
BESIDE = {"LBRN-S": 87.2}
REPEATED = {"C19": ("LBRN-S", "mpii", 87.2, 0.14), "C21": ("LBRN-P", "lsp", 91.9, 0.41)}


def printed_totals(root: Path, number: int, entry: Entry) -> dict[str, float]:
    """The row that a table compares, read from the paper's file by other means than the package's."""
    assert entry.compare is not None
    with (root / "paper" / "published" / f"table{number}.csv").open(newline="") as stream:
        lines = list(csv.reader(stream))
    if entry.sweep is not None:
        return {line[0]: float(line[lines[0].index(entry.compare.row)]) for line in lines[1:]}
    row = next(line for line in lines if line[0] == entry.compare.row)
    return dict(zip(lines[0][1:], map(float, row[1:]), strict=True))


def write_tables(
    root: Path,
    changed: Mapping[tuple[int, str], float] | None = None,
    *,
    scale: str = "paper",
    seeds: int = 10,
    place: str = "results/reference/paper",
    **content: Any,
) -> None:
    """Write Tables 1 to 8.

    Args:
        root: The project's root.
        changed: What is not as the paper prints it, by table and network.
        scale: Scale they say that they have.
        seeds: How many.
        place: Folder they are written to.
        content: Further content of the files.
    """
    opened = book.load(project.find(root))
    for number, entry in opened.tables.items():
        if entry.compare is None or entry.task != "pose":
            continue
        means = printed_totals(root, number, entry) | (BESIDE if number == 4 else {})
        means |= {label: value for (table, label), value in (changed or {}).items() if table == number}
        write_json(root / place / f"table{number}.json", table(entry, means, scale, seeds, root) | content)


def table(entry: Entry, means: Mapping[str, float], scale: str, seeds: int, root: Path) -> dict[str, Any]:
    assert entry.compare is not None
    row, generator = entry.compare.row, np.random.default_rng(0)
    values = {label: mean + NOISE * generator.standard_normal(seeds) for label, mean in means.items()}
    for own in values.values():
        own -= own.mean() - means[next(label for label in values if values[label] is own)]
    compared = [
        {"first": a, "second": b, "row": row, **asdict(paired(list(values[a]), list(values[b])))}
        for a, b in entry.compare.pairs
    ]
    cells = [
        {"row": row, "column": label, "value": mean, "published": 50.0, "runs": [f"{scale}/{entry.dataset}/{label}"]}
        for label, mean in means.items()
        if label in entry.columns
    ]
    epochs = {"pyramid": 250}
    size = {
        label: f"input 256 px, {epochs.get(column.resolve().family, 100)} epochs"
        for label, column in entry.networks.items()
    }
    return {
        "scale": scale, "standin": False, "code_version": f"pose {TRAIN_VERSION['pose']}", "seeds": list(range(seeds)),
        "cells": cells, "comparisons": compared, "reduction": size,
    }  # fmt: skip


def write_repetitions(root: Path, deviations: Mapping[str, float] | None = None) -> None:
    """Write mean and spread over ten seeds as the paper prints them, or with other standard deviations by claim."""
    cells = []
    for claim, (network, dataset, mean, printed) in REPEATED.items():
        deviation = (deviations or {}).get(claim, printed)
        shape = np.linspace(-1, 1, 10)
        values = list(mean + deviation * shape / shape.std(ddof=1))
        cells.append(
            {"claim": claim, "network": network, "dataset": dataset, "mean": mean, "deviation": deviation, "n": 10,
             "deviation_interval": list(deviation_interval(values)), "runs": [f"{network}-{n}" for n in range(10)],
             "off_paper": {}}
        )  # fmt: skip
    content = {"scale": "paper", "standin": False, "code_version": "pose 2", "seeds": list(range(10)), "cells": cells}
    write_json(root / "results" / "reference" / "paper" / "repetitions.json", content)
