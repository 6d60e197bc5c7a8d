"""Accuracy against cost under the three ledgers: trainable weights, stored bytes, operations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lbrn.models import costs
from lbrn.reproduction import deviations, published
from lbrn.reproduction.figures import spread, style
from lbrn.reproduction.figures.material import Material, Place
from lbrn.reproduction.statistics import Estimate, estimate

ROW = "Total"
LEDGERS = {
    "trainable": ("trainable weights (millions)", 1e6),
    "bytes_seed": ("stored (MB; fixed filters as a seed)", 1e6),
    "operations": ("operations (G; honest count)", 1e9),
}
"""Ledger to its axis and unit."""


@dataclass(frozen=True)
class Network:
    """One network.

    Attributes:
        label: Its column in the table.
        cost: Ledger to the cost of the full-size network.
        ours: Its score over seeds.
        published: The printed score, None where there is none.
    """

    label: str
    cost: dict[str, float]
    ours: Estimate
    published: float | None


def collect(material: Material) -> list[Network]:
    """Count the full-size networks and read their scores, ours and those printed.

    Args:
        material: The figure's entry and runs.
    """
    return [_network(material, place) for place in material.results]


def rows(content: Sequence[Network]) -> list[dict[str, Any]]:
    """Every network."""
    return [
        {"network": network.label, **network.cost, **spread.columns(network.ours), "published": network.published}
        for network in content
    ]


def draw(content: Sequence[Network], *, photographs: bool = False) -> Any:
    """One panel a ledger; filled marks are ours, hollow ones published."""
    from matplotlib.lines import Line2D

    figure = style.figure(style.PAGE, 2.9)
    axes = figure.subplots(1, len(LEDGERS), sharey=True)
    for axis, (ledger, (called, unit)) in zip(axes, LEDGERS.items(), strict=True):
        for number, network in enumerate(content):
            _marks(axis, number, network, network.cost[ledger] / unit)
        axis.set(xlabel=called, xscale="log")
        axis.xaxis.set_major_formatter("{x:g}")
        axis.minorticks_off()
        _whole_decades(axis, [network.cost[ledger] / unit for network in content])
    axes[0].set(ylabel="accuracy (%)")
    handles = [_handle(number, network.label) for number, network in enumerate(content)]
    handles.append(Line2D([], [], marker="o", color="black", linestyle="none", markerfacecolor="white"))
    labels = [*(network.label for network in content), "hollow: published"]
    style.legend_outside(figure, handles, labels, columns=6)
    return figure


def _network(material: Material, place: Place) -> Network:
    number, label = place
    table, column = material.book.tables[number], material.column(place)
    paper = material.book.project.root / "paper"
    printed = deviations.read(paper, number).relabelled(
        published.read_table(paper / "published" / f"table{number}.csv")
    )  # fmt: skip
    counted = costs.network_ledger(column.variant, **column.settings)
    text = printed.get((ROW, label))
    return Network(
        label=label,
        cost={ledger: float(getattr(counted, ledger)) for ledger in LEDGERS},
        ours=estimate([result.score(table.metric, ROW) for result in material.results[place]]),
        published=None if text is None else float(text),
    )


def _marks(axis: Any, number: int, network: Network, cost: float) -> None:
    look = _look(number)
    if network.ours.value is not None:
        axis.plot([cost], [network.ours.value], **look)
        axis.vlines(cost, *spread.ends(network.ours), color=look["color"])
    if network.published is not None:
        axis.plot([cost], [network.published], markerfacecolor="white", **look)


def _handle(number: int, label: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], label=label, **_look(number))


def _look(number: int) -> dict[str, Any]:
    return style.line_style(number) | {"linestyle": "none", "markersize": 4.5}


def _whole_decades(axis: Any, values: Sequence[float]) -> None:
    """Ticks at 1, 2 and 5 of every decade around the values."""
    from math import floor, log10

    low, high = min(values) / 1.4, max(values) * 1.4
    steps = [step * 10.0**power for power in range(floor(log10(low)), floor(log10(high)) + 1) for step in (1, 2, 5)]
    axis.set_xlim(low, high)
    axis.set_xticks([step for step in steps if low <= step <= high])
