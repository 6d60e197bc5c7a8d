"""Means over seeds with their intervals: as columns of a table, and as bands in a plot."""

from collections.abc import Sequence
from typing import Any

from lbrn.reproduction.statistics import Estimate


def columns(value: Estimate | None) -> dict[str, float | int | None]:
    """A mean, the ends of its 95 % interval and the number of seeds, None where there is none.

    Args:
        value: In percent.
    """
    if value is None:
        return {"percent": None, "low": None, "high": None, "seeds": 0}
    low, high = value.interval or (None, None)
    return {"percent": value.value, "low": low, "high": high, "seeds": value.n}


def ends(value: Estimate) -> tuple[float, float]:
    """The ends of the interval; the mean itself, twice, where there is no interval."""
    if value.interval is not None:
        return value.interval
    mean = float("nan") if value.value is None else value.value
    return mean, mean


def curve(axis: Any, where: Sequence[float], values: Sequence[Estimate], look: dict[str, Any], **plot: Any) -> None:
    """Draw means as a line and, where there are several seeds, their intervals as a band.

    Args:
        axis: Where to.
        where: Horizontal positions.
        values: One at each.
        look: Colour, marker and line, as `style.line_style` gives them.
        **plot: More of matplotlib's plot.
    """
    axis.plot(where, [value.value for value in values], **look, **plot)
    if all(value.interval for value in values):
        low, high = zip(*map(ends, values), strict=True)
        axis.fill_between(where, low, high, color=look["color"], alpha=0.2, linewidth=0)
