"""The structures of the residual blocks (Fig. 1 of the paper), from the modules that the networks are built of."""

from collections.abc import Sequence
from typing import Any

from lbrn import models
from lbrn.models.variants import get
from lbrn.reproduction.figures import style
from lbrn.reproduction.figures.arrangement import LINE, Arrangement, Place, arrange, lines
from lbrn.reproduction.figures.flow import Box, boxes
from lbrn.reproduction.figures.material import Material

VARIANTS = ("shn", "lbrn-s", "lbrn-p", "binary")
"""The paper's (a), (b) and (c), and the binary block that they are held against."""

FILL = {"real": "#CFE3F2", "fixed": "#FBE3B4", "binary": "#CDEBE0", "step": "white", "input": "white"}
EDGE = {"real": style.BLUE, "fixed": style.ORANGE, "binary": style.GREEN, "step": style.GREY, "input": style.GREY}
DASH: dict[str, Any] = {"real": "-", "fixed": "--", "binary": ":"}
MEANING = {"real": "learned real weights", "fixed": "fixed ternary weights", "binary": "learned binary weights"}
HEAD, FOOT, APART = 0.5, 0.45, 0.22

Block = tuple[str, Sequence[Box]]


def collect(material: Material) -> list[Block]:
    """Trace one full-size block of each network.

    Args:
        material: The figure's entry.
    """
    return [(variant, boxes(models.block(variant))) for variant in VARIANTS]


def rows(content: Sequence[Block]) -> list[dict[str, Any]]:
    """Every box that is drawn."""
    return [
        {
            "block": get(variant).label, "box": box.name, "kind": box.kind, "before": " ".join(box.before),
            "kernel": box.kernel, "in": box.channels and box.channels[0], "out": box.channels and box.channels[1],
            "after": " ".join(box.after), "inputs": " ".join(box.inputs),
        }
        for variant, found in content for box in found
    ]  # fmt: skip


def draw(content: Sequence[Block], *, photographs: bool = False) -> Any:
    """The blocks side by side, each from its input above to its sum below."""
    arranged = [(variant, found, arrange(found)) for variant, found in content]
    height = HEAD + FOOT + max(-layout.bottom for _, _, layout in arranged)
    widths = [layout.right - layout.left for _, _, layout in arranged]
    figure = style.figure(style.PAGE, height)
    axis = style.plain_axis(figure, style.PAGE, height)
    apart = (style.PAGE - sum(widths)) / len(widths)
    left = apart / 2
    for letter, (variant, found, layout), width in zip("abcd", arranged, widths, strict=True):
        shift = (left - layout.left, height - HEAD)
        _title(axis, f"({letter}) {get(variant).label}", found, left + width / 2, height)
        _diagram(axis, found, layout, shift)
        left += width + apart
    _legend(axis)
    return figure


def weights(found: Sequence[Box]) -> dict[str, int]:
    """Weights of a block's convolutions by kind, counted from its boxes."""
    counts = dict.fromkeys(MEANING, 0)
    for box in found:
        if box.kernel is not None and box.channels is not None:
            counts[box.kind] += box.kernel**2 * box.channels[0] * box.channels[1]
    return counts


def _title(axis: Any, name: str, found: Sequence[Box], x: float, height: float) -> None:
    counted = [f"{count:,} {kind}" for kind, count in weights(found).items() if count]
    axis.text(x, height - 0.05, name, ha="center", va="top", fontsize=style.TEXT, fontweight="bold")
    axis.text(x, height - 0.19, "\n".join(counted), ha="center", va="top", fontsize=style.SMALL, linespacing=1.1)


def _diagram(axis: Any, found: Sequence[Box], layout: Arrangement, shift: tuple[float, float]) -> None:
    for corners in layout.arrows.values():
        _arrow(axis, [(x + shift[0], y + shift[1]) for x, y in corners])
    for box in found:
        _box(axis, box, layout.places[box.name], shift)
    last = layout.places[found[-1].name]
    x, y = last.x + shift[0], last.y - last.height / 2 + shift[1]
    _arrow(axis, [(x, y), (x, y - 0.13)])


def _box(axis: Any, box: Box, place: Place, shift: tuple[float, float]) -> None:
    from matplotlib.patches import Circle, FancyBboxPatch

    x, y = place.x + shift[0], place.y + shift[1]
    if box.kind in ("add", "cat"):
        axis.add_patch(Circle((x, y), place.width / 2, facecolor="white", edgecolor="black", linewidth=0.7, zorder=2))
    else:
        corner = (x - place.width / 2, y - place.height / 2)
        axis.add_patch(
            FancyBboxPatch(
                corner, place.width, place.height, boxstyle="round,pad=0,rounding_size=0.03", linewidth=0.8, zorder=2,
                facecolor=FILL[box.kind], edgecolor=EDGE[box.kind], linestyle=DASH.get(box.kind, "-"),
            )
        )  # fmt: skip
    for number, text in enumerate(lines(box)):
        height = y + LINE * ((len(lines(box)) - 1) / 2 - number)
        axis.text(x, height, text, ha="center", va="center_baseline", fontsize=style.SMALL, zorder=3)


def _arrow(axis: Any, corners: Sequence[tuple[float, float]]) -> None:
    axis.plot(*zip(*corners[:-1], strict=True), color="black", linewidth=0.7, zorder=1, solid_joinstyle="miter")
    axis.annotate(
        "", corners[-1], corners[-2], zorder=1,
        arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 0.7, "mutation_scale": 5, "shrinkA": 0,
                    "shrinkB": 0},
    )  # fmt: skip


def _legend(axis: Any) -> None:
    from matplotlib.patches import Patch

    patches = [
        Patch(facecolor=FILL[kind], edgecolor=EDGE[kind], linestyle=DASH[kind], linewidth=0.8) for kind in MEANING
    ]
    texts = [*MEANING.values()]
    axis.legend(patches, texts, loc="lower center", ncols=len(texts), bbox_to_anchor=(0.5, 0), borderaxespad=0.2)
