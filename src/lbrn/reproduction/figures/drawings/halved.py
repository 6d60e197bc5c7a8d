"""The halved hourglass beside the full one (Fig. 4 of the paper, Table 5), from the networks of that table."""

from collections.abc import Sequence
from typing import Any

from lbrn import models
from lbrn.reproduction.experiments import Column
from lbrn.reproduction.figures import sandglass, style
from lbrn.reproduction.figures.anatomy import Part, anatomy
from lbrn.reproduction.figures.material import Material

TABLE = 5
SHOWN = {"LBRN(8)": "full hourglass", "LBRN(8, half)": "halved hourglass"}
"""Columns of the table and what they are called."""

HEAD, FOOT = 0.4, 0.55

Side = tuple[str, Sequence[Part]]


def collect(material: Material) -> list[Side]:
    """Read the first hourglass of each network at full size.

    Args:
        material: The figure's entry and the settings, where the columns of the table are.
    """
    return [(label, _first_hourglass(material.column((TABLE, label)))) for label in SHOWN]


def rows(content: Sequence[Side]) -> list[dict[str, Any]]:
    """Every block that is drawn."""
    return [
        {"network": label, "path": part.path, "role": part.role, "level": part.level, "kind": part.kind,
         "channels": part.channels[1], "side": part.side}
        for label, parts in content for part in parts
    ]  # fmt: skip


def draw(content: Sequence[Side], *, photographs: bool = False) -> Any:
    """The two hourglasses side by side."""
    high = FOOT + HEAD + max(sandglass.height(parts) for _, parts in content)
    figure = style.figure(style.PAGE, high)
    axis = style.plain_axis(figure, style.PAGE, high)
    widths = [sandglass.width(parts) for _, parts in content]
    apart = (style.PAGE - sum(widths)) / (len(widths) + 1)
    left = apart
    for (label, parts), width in zip(content, widths, strict=True):
        sandglass.draw(axis, parts, left, FOOT)
        levels = max(part.level or 0 for part in parts)
        text = f"{SHOWN[label]}: {levels} poolings, {len(parts)} blocks"
        axis.text(left + width / 2, high - 0.06, text, ha="center", va="top")
        left += width + apart
    sandglass.legend(axis, [content[0][1][0].kind], loc="lower center", bbox_to_anchor=(0.5, 0), borderaxespad=0.2)
    return figure


def _first_hourglass(column: Column) -> list[Part]:
    network = models.build(column.variant, seed=0, **{**column.settings, "stacks": 1})
    return [part for part in anatomy(network) if part.level is not None]  # type: ignore[arg-type]
