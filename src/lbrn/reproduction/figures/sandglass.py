"""An hourglass as a drawing: a bar for every block, as high as its map is large, in the order of computation."""

from collections.abc import Sequence
from math import log2
from typing import Any

from lbrn.reproduction.figures import style
from lbrn.reproduction.figures.anatomy import Part

PITCH, BAR, RISE, STOREY = 0.28, 0.16, 0.055, 0.4
"""Inches: from slot to slot, width of a bar, height of a bar for each halving, and from path to path above."""

FILL = {"LBB": "#FBE3B4", "residual": "#CFE3F2"}
EDGE = {"LBB": style.ORANGE, "residual": style.BLUE}
OTHER = ("#EEEEEE", style.GREY)
LINE: dict[str, Any] = {"color": "black", "linewidth": 0.7, "zorder": 1, "solid_joinstyle": "miter"}


def width(parts: Sequence[Part]) -> float:
    """Inches from the point where an hourglass is entered to the one where it is left."""
    return PITCH * (len(_lower(parts)) + _depth(parts) + 1)


def height(parts: Sequence[Part]) -> float:
    """Inches from the middle of the lowest path to the top of the highest."""
    return STOREY * _depth(parts) + rise(max(part.side for part in parts)) / 2


def rise(side: int) -> float:
    """Height of a bar in inches.

    Args:
        side: Height and width of the map in pixels.
    """
    return RISE * log2(side)


def draw(axis: Any, parts: Sequence[Part], left: float, middle: float) -> float:
    """Draw an hourglass.

    Args:
        axis: It counts in inches.
        parts: The parts of one hourglass, as `anatomy` returns them.
        left: Where it is entered.
        middle: Height of its lowest path.

    Returns:
        Where it is left.
    """
    place = left + PITCH
    sums: dict[int, float] = {}
    begins: dict[int, float] = {}
    for part in _lower(parts):
        level = part.level or 0
        if part.role == "down":
            begins[level] = place - 0.6 * PITCH
            pooling(axis, place - 0.42 * PITCH, middle)
        bar(axis, part, place, middle)
        place += PITCH
        if part.role == "back":
            axis.plot(place - 0.55 * PITCH, middle, marker="^", color="black", markersize=3, zorder=2)
            sums[level] = place
            circle(axis, place, middle)
            place += PITCH
    axis.plot([left, place - 0.5 * PITCH], [middle, middle], **LINE)
    # A path without a block, where an ablation leaves it out, is drawn as well.
    above = {part.level: part for part in parts if part.role == "up"}
    for storey, level in enumerate(sorted(sums), start=1):
        top = middle + storey * STOREY
        axis.plot(
            [begins[level], begins[level], sums[level], sums[level]], [middle, top, top, middle + 0.05], **LINE
        )  # fmt: skip
        if level in above:
            bar(axis, above[level], (begins[level] + sums[level]) / 2, top, beside=True)
    return place - 0.5 * PITCH


def bar(axis: Any, part: Part, x: float, y: float, *, beside: bool = False) -> None:
    """Draw one part with the side of its map.

    Args:
        axis: It counts in inches.
        part: The part.
        x: Its centre.
        y: Its centre.
        beside: Whether the number stands to the right of it, not below.
    """
    block(axis, x, y, rise(part.side), part.kind)
    if beside:
        axis.text(x + 0.7 * BAR, y + 0.03, str(part.side), fontsize=style.SMALL, ha="left", va="bottom")
    else:
        axis.text(x, y - rise(part.side) / 2 - 0.03, str(part.side), fontsize=style.SMALL, ha="center", va="top")


def block(axis: Any, x: float, y: float, high: float, kind: str, wide: float = BAR) -> None:
    """Draw a bar.

    Args:
        axis: It counts in inches.
        x: Its centre.
        y: Its centre.
        high: Height.
        kind: As in `Part`.
        wide: Width.
    """
    from matplotlib.patches import Rectangle

    fill, edge = FILL.get(kind, OTHER[0]), EDGE.get(kind, OTHER[1])
    corner = (x - wide / 2, y - high / 2)
    axis.add_patch(Rectangle(corner, wide, high, facecolor=fill, edgecolor=edge, linewidth=0.7, zorder=2))


def pooling(axis: Any, x: float, y: float) -> None:
    """Draw the mark of a pooling.

    Args:
        axis: It counts in inches.
        x: Its centre.
        y: Its centre.
    """
    axis.plot(x, y, marker="v", color="black", markersize=3, zorder=2)


def circle(axis: Any, x: float, y: float) -> None:
    """Draw a sum.

    Args:
        axis: It counts in inches.
        x: Its centre.
        y: Its centre.
    """
    from matplotlib.patches import Circle

    axis.add_patch(Circle((x, y), 0.05, facecolor="white", edgecolor="black", linewidth=0.7, zorder=2))
    for across, up in (((-0.03, 0.03), (0, 0)), ((0, 0), (-0.03, 0.03))):
        axis.plot([x + step for step in across], [y + step for step in up], color="black", linewidth=0.6, zorder=3)


def legend(axis: Any, kinds: Sequence[str], **place: Any) -> None:
    """Say what bars and marks mean, in one line.

    Args:
        axis: Where.
        kinds: Kinds of parts that are shown.
        **place: As of matplotlib's legend.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    told = {"LBB": "local-binary block (LBB)", "residual": "real-valued block"}
    handles: list[Any] = [
        Patch(facecolor=FILL.get(kind, OTHER[0]), edgecolor=EDGE.get(kind, OTHER[1]), linewidth=0.7,
              label=told.get(kind, "convolution")) for kind in kinds
    ]  # fmt: skip
    for marker, label in (("v", "max-pooling to half"), ("^", "enlarged to double")):
        handles.append(Line2D([], [], marker=marker, color="black", linestyle="none", markersize=3, label=label))
    axis.legend(handles=handles, ncols=len(handles), handletextpad=0.5, columnspacing=1.4, **place)


def _lower(parts: Sequence[Part]) -> list[Part]:
    return [part for part in parts if part.role in ("down", "bottom", "back")]


def _depth(parts: Sequence[Part]) -> int:
    return max(part.level or 0 for part in parts)
