"""The share of correct joints over the threshold, for the networks of a table."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from lbrn.errors import InputError
from lbrn.metrics.definitions import METRICS
from lbrn.reproduction.figures import spread, style
from lbrn.reproduction.figures.material import Material
from lbrn.reproduction.statistics import Estimate, estimate

ROW = "Total"


class Line(NamedTuple):
    """The curve of one network.

    Attributes:
        label: Its column in the table.
        metric: Id of the metric that is drawn over its threshold.
        thresholds: In reference lengths.
        shares: Percent at each, over seeds.
    """

    label: str
    metric: str
    thresholds: tuple[float, ...]
    shares: tuple[Estimate, ...]


def collect(material: Material) -> list[Line]:
    """Read the curves of all runs and average over seeds.

    Args:
        material: The figure's entry and runs.

    Raises:
        InputError: Runs were scored over different thresholds.
    """
    lines = []
    for (_, label), found in material.results.items():
        curves = [result.scores["curve"] for result in found]
        thresholds = curves[0]["threshold"]
        if any(curve["threshold"] != thresholds for curve in curves):
            raise InputError(f"figure {material.name}: the runs of {label} were scored over different thresholds")
        shares = tuple(estimate(values) for values in zip(*(curve[ROW] for curve in curves), strict=True))
        lines.append(Line(label, found[0].scores["primary"], tuple(thresholds), shares))
    return lines


def rows(content: Sequence[Line]) -> list[dict[str, Any]]:
    """Every point of every curve."""
    return [
        {"network": line.label, "metric": line.metric, "threshold": threshold, **spread.columns(share)}
        for line in content
        for threshold, share in zip(line.thresholds, line.shares, strict=True)
    ]


def draw(content: Sequence[Line], *, photographs: bool = False) -> Any:
    """One line a network, its interval over seeds as a band."""
    figure = style.figure(style.COLUMN, 2.5)
    axis = figure.subplots()
    for number, line in enumerate(content):
        marked = (number % 4, 4)  # at other places for each line
        spread.curve(
            axis, line.thresholds, line.shares, style.line_style(number), label=line.label, markevery=marked
        )  # fmt: skip
    metric = METRICS[content[0].metric]
    length = {"head": "head size", "torso": "torso length", "box": "box"}[metric.size]
    axis.set(xlabel=f"threshold (share of {length})", ylabel="correct joints (%)")
    axis.set(xlim=(0, content[0].thresholds[-1]), ylim=(0, 100))
    style.legend_outside(figure, *axis.get_legend_handles_labels(), columns=3)
    return figure
