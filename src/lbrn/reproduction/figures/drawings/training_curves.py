"""Training and validation over the epochs, for the networks of a table."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lbrn.errors import InputError
from lbrn.reproduction.figures import spread, style
from lbrn.reproduction.figures.material import Material
from lbrn.reproduction.statistics import Estimate, estimate

SHOWN = {"loss": "training loss", "valid_pck": "validation PCK (%)"}
"""Columns of history.csv and what they are called."""


class Line(NamedTuple):
    """The curves of one network.

    Attributes:
        label: Its column in the table.
        epochs: From 1.
        values: Column of history.csv to the values of all seeds at each epoch.
    """

    label: str
    epochs: tuple[int, ...]
    values: dict[str, tuple[Estimate, ...]]


def collect(material: Material) -> list[Line]:
    """Read the histories of all runs and average over seeds.

    Args:
        material: The figure's entry and runs.

    Raises:
        InputError: A run has no history.
    """
    lines = []
    for (_, label), found in material.results.items():
        histories = [_history(material.folder(result) / "history.csv") for result in found]
        values = {
            name: tuple(map(estimate, zip(*([row[name] for row in rows] for rows in histories), strict=True)))
            for name in SHOWN
        }
        lines.append(Line(label, tuple(int(row["epoch"]) for row in histories[0]), values))
    return lines


def rows(content: Sequence[Line]) -> list[dict[str, Any]]:
    """Every point of every curve: the mean over seeds."""
    return [
        {"network": line.label, "epoch": epoch, **{name: values[place].value for name, values in line.values.items()},
         "seeds": line.values["loss"][place].n}
        for line in content for place, epoch in enumerate(line.epochs)
    ]  # fmt: skip


def draw(content: Sequence[Line], *, photographs: bool = False) -> Any:
    """Loss above, validation below; one line a network, its interval over seeds as a band."""
    figure = style.figure(style.COLUMN, 3.6)
    axes = figure.subplots(len(SHOWN), sharex=True)
    for axis, (name, called) in zip(axes, SHOWN.items(), strict=True):
        for number, line in enumerate(content):
            every = max(1, len(line.epochs) // 6)
            look = style.line_style(number)
            spread.curve(axis, line.epochs, line.values[name], look, label=line.label, markevery=every)
        axis.set(ylabel=called)
    axes[0].set_ylim(0, None)
    axes[-1].set(xlabel="epoch", ylim=(0, 100))
    style.legend_outside(figure, *axes[0].get_legend_handles_labels(), columns=3)
    return figure


def _history(path: Path) -> list[dict[str, float]]:
    if not path.is_file():
        raise InputError(f"{path} is missing, so its run's curves cannot be drawn; remove the run and train it again")
    with path.open(newline="") as stream:
        return [{name: float(row[name]) for name in ("epoch", *SHOWN)} for row in csv.DictReader(stream)]
