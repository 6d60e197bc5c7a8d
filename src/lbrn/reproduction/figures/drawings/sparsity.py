"""Accuracy against sparsity, with intervals over seeds, beside the published points (Tables 2 and 8 of the paper)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from lbrn.reproduction import published
from lbrn.reproduction.figures import spread, style
from lbrn.reproduction.figures.material import Material
from lbrn.reproduction.statistics import Estimate, estimate

ROW = "Total"
ROOM = 1.25
"""How much higher an axis is than the points that it shows."""


class Point(NamedTuple):
    """One sparsity.

    Attributes:
        sparsity: Share of non-zero weights in the fixed filters.
        ours: Over seeds; None where it was not run.
        published: As printed in the paper.
    """

    sparsity: float
    ours: Estimate | None
    published: float


def collect(material: Material) -> list[Point]:
    """Read the swept table's runs and what the paper printed.

    Args:
        material: The figure's entry, which names one table, and its runs.
    """
    (number,) = material.entry.runs
    table = material.book.tables[number]
    printed = published.read_table(material.book.project.root / "paper" / "published" / f"table{number}.csv")
    scores = {
        label: estimate([result.score(table.metric, ROW) for result in found])
        for (_, label), found in material.results.items()
    }
    return [Point(float(label), scores.get(label), float(text)) for (label, row), text in printed.items() if row == ROW]


def rows(content: Sequence[Point]) -> list[dict[str, Any]]:
    """Every point."""
    return [
        {"sparsity": point.sparsity, **spread.columns(point.ours), "published": point.published} for point in content
    ]


def draw(content: Sequence[Point], *, photographs: bool = False) -> Any:
    """Published above, ours below: other levels, but as many points to the inch, so that the slopes compare."""
    figure = style.figure(style.COLUMN, 2.9)
    upper, lower = figure.subplots(2, sharex=True)
    where = [point.sparsity for point in content]
    upper.plot(where, [point.published for point in content], **_look(1), markerfacecolor="white")
    upper.set(ylabel="published (%)")
    ours = {point.sparsity: point.ours for point in content if point.ours is not None}
    several = any(one.interval for one in ours.values())
    lower.plot(list(ours), [one.value for one in ours.values()], **_look(0))
    ends = [spread.ends(one) for one in ours.values()]
    if several:
        lower.vlines(list(ours), *zip(*ends, strict=True), color=_look(0)["color"])
    lower.set(ylabel="ours (%)", xlabel="sparsity (share of non-zero weights)", xlim=(0, 1))
    lower.set_xticks([number / 10 for number in range(1, 10)])
    shown = {upper: [point.published for point in content], lower: [end for pair in ends for end in pair]}
    span = ROOM * max(max(heights) - min(heights) for heights in shown.values())
    for axis, heights in shown.items():
        centre = (max(heights) + min(heights)) / 2
        axis.set_ylim(centre - span / 2, centre + span / 2)
    if not several:
        lower.annotate(
            "one seed: no interval", (1, 0), (0, 2), xycoords="axes fraction", textcoords="offset points", ha="right",
            va="bottom", fontsize=style.SMALL, color=style.GREY,
        )  # fmt: skip
    return figure


def _look(number: int) -> dict[str, Any]:
    return style.line_style(number) | {"linestyle": "-" if number == 0 else "--"}
