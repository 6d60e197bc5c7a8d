"""The architecture of LBRN-S (Fig. 2 of the paper), from the network at full size."""

from collections.abc import Sequence
from typing import Any

from lbrn import models
from lbrn.reproduction.figures import sandglass, style
from lbrn.reproduction.figures.anatomy import INPUT_SIDE, Part, anatomy
from lbrn.reproduction.figures.material import Material

VARIANT = "lbrn-s"
ROW, FOOT = 1.15, 0.82
"""Inches: height of the upper row, and of what is below the opened stack's lowest path."""

MARGIN, ICON = 0.1, 0.035
SMALL_BAR = 0.022


def collect(material: Material) -> list[Part]:
    """Read the parts of the full-size network.

    Args:
        material: The figure's entry.
    """
    return anatomy(models.build(VARIANT, seed=0))  # type: ignore[arg-type]


def rows(content: Sequence[Part]) -> list[dict[str, Any]]:
    """Every part of the network."""
    return [
        {"path": part.path, "role": part.role, "kind": part.kind, "stack": part.stack, "level": part.level,
         "in": part.channels[0], "out": part.channels[1], "side": part.side}
        for part in content
    ]  # fmt: skip


def draw(content: Sequence[Part], *, photographs: bool = False) -> Any:
    """The whole network in a row above, one stack opened below."""
    opened = [part for part in content if part.stack == 1]
    inside = [part for part in opened if part.level is not None]
    high = ROW + FOOT + sandglass.height(inside) + 0.15
    figure = style.figure(style.PAGE, high)
    axis = style.plain_axis(figure, style.PAGE, high)
    _network(axis, content, high - 0.55)
    _stack(axis, opened, inside)
    sandglass.legend(
        axis, ["LBB", "convolution"], loc="lower center", bbox_to_anchor=(0.5, 0), borderaxespad=0.2
    )  # fmt: skip
    return figure


def _network(axis: Any, content: Sequence[Part], middle: float) -> None:
    """Stem and all stacks; heatmaps come out of each."""
    stem = [part for part in content if part.stack is None]
    stacks = sorted({part.stack for part in content if part.stack is not None})
    start = place = MARGIN + 0.45
    axis.text(MARGIN, middle, f"{stem[0].channels[0]}\n{INPUT_SIDE}", va="center", fontsize=style.SMALL)
    side = stem[0].side
    for part in stem:
        if part.side < side:
            sandglass.pooling(axis, place - 0.155, middle)
        side = part.side
        sandglass.block(axis, place, middle, sandglass.rise(part.side), part.kind)
        text = f"{part.kind}\n{part.channels[1]}\n{part.side}"
        axis.text(place, middle - 0.27, text, ha="center", va="top", fontsize=style.SMALL, linespacing=1.1)
        place += 0.31
    step = (style.PAGE - MARGIN - place + 0.08) / len(stacks)
    for number, stack in enumerate(stacks):
        parts = [part for part in content if part.stack == stack]
        left = place - 0.08 + number * step
        _icon(axis, parts, left, middle)
        axis.text(left + 0.2, middle + 0.23, str(stack), ha="center", va="bottom", fontsize=style.SMALL)
        end = left + 0.52
        axis.annotate(
            "", (end, middle - 0.36), (end, middle), arrowprops={"arrowstyle": "-|>", "linewidth": 0.7, "shrinkA": 0,
            "shrinkB": 0, "mutation_scale": 5, "color": "black"},
        )  # fmt: skip
    axis.plot([start - 0.17, place - 0.08 + (len(stacks) - 1) * step + 0.52], [middle, middle], **sandglass.LINE)
    score = next(part for part in content if part.role == "score")
    text = f"heatmaps of every stack: {score.channels[1]} maps of {score.side}×{score.side}, all supervised"
    axis.text((place + style.PAGE) / 2, middle - 0.39, text, ha="center", va="top", fontsize=style.SMALL)


def _icon(axis: Any, parts: Sequence[Part], left: float, middle: float) -> None:
    """An hourglass as the bars of its lowest path."""
    lower = [part for part in parts if part.role in ("down", "bottom", "back")]
    outer = max(part.level or 0 for part in parts)
    whole = [next(part for part in parts if part.level == outer and part.role == "up")]
    for number, part in enumerate([*whole, *lower, *whole]):
        sandglass.block(
            axis, left + ICON * (number + 0.5), middle, sandglass.rise(part.side), part.kind, SMALL_BAR
        )  # fmt: skip


def _stack(axis: Any, opened: Sequence[Part], inside: Sequence[Part]) -> None:
    """One stack: its hourglass, what follows, and the way to the next."""
    middle = FOOT
    named = {part.role: part for part in opened}
    end = sandglass.draw(axis, inside, MARGIN, middle)
    places = {"neck": end + 0.2, "features": end + 0.65, "score": end + 1.15, "remap_score": end + 1.65}
    first, last = end + 2.05, end + 2.27
    axis.plot([end, last + 0.3], [middle, middle], **sandglass.LINE)
    for role, x in places.items():
        part = named[role]
        sandglass.block(axis, x, middle, sandglass.rise(part.side), part.kind)
        text = f"{part.kind}\n{part.channels[0]}→{part.channels[1]}"
        axis.text(x, middle - 0.2, text, ha="center", va="top", fontsize=style.SMALL, linespacing=1.1)
    _round(axis, named["remap_features"], places["features"] + 0.2, first, middle)
    _round(axis, None, MARGIN + 0.06, last, middle, storey=sandglass.height(inside) + 0.08)
    out = (places["score"] + places["remap_score"]) / 2
    axis.annotate(
        "heatmaps", (out, middle), (out, middle - 0.42), ha="center", va="top", fontsize=style.SMALL,
        arrowprops={"arrowstyle": "<|-", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 5,
                    "color": "black"},
    )  # fmt: skip
    sandglass.circle(axis, first, middle)
    sandglass.circle(axis, last, middle)
    axis.text(last + 0.3, middle - 0.08, "next\nstack", ha="center", va="top", fontsize=style.SMALL, linespacing=1.1)


def _round(axis: Any, part: Part | None, start: float, end: float, middle: float, storey: float = 0.55) -> None:
    top = middle + storey
    axis.plot([start, start, end, end], [middle, top, top, middle + 0.05], **sandglass.LINE)
    if part is not None:
        x = (start + end) / 2
        sandglass.block(axis, x, top, sandglass.rise(part.side), part.kind)
        text = f"{part.kind}\n{part.channels[0]}→{part.channels[1]}"
        axis.text(x, top + 0.2, text, ha="center", va="bottom", fontsize=style.SMALL, linespacing=1.1)
