"""How every figure looks and is saved: for print at the width of a column or a page, for any eyes, the same bytes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lbrn.files import atomic_path

COLUMN, PAGE = 3.5, 7.2
"""Widths in inches: one column and both columns of the journal's page."""

TEXT, SMALL = 7.0, 6.0
"""Sizes of letters in points; none is smaller."""

# From the Okabe-Ito palette; markers and line styles tell the same without colour.
BLUE, ORANGE, GREEN, PINK, YELLOW, SKY, BLACK = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
)  # fmt: skip
COLOURS = (BLUE, ORANGE, GREEN, PINK, YELLOW, SKY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
GREY = "#666666"
HEAT = "cividis"
"""Colour map of heatmaps: the same order of lightness for all eyes."""

DPI = 300
SUFFIXES = (".svg", ".png")

_SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine sets the same letters
    "font.size": TEXT,
    "axes.titlesize": TEXT,
    "axes.labelsize": TEXT,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "figure.titlesize": SMALL,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.5,
    "svg.hashsalt": "lbrn",
    "svg.fonttype": "path",
}


@contextmanager
def applied() -> Iterator[None]:
    """Draw and save inside: matplotlib's settings are this module's, whatever the user's own are."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        for name, value in _SETTINGS.items():
            mpl.rcParams[name] = value  # type: ignore[index]
        yield


def figure(width: float, height: float) -> Any:
    """Make an empty figure.

    Args:
        width: Inches; `COLUMN` or `PAGE`.
        height: Inches.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def plain_axis(drawing: Any, width: float, height: float) -> Any:
    """An axis without ticks that fills a figure and counts in inches from its lower left corner.

    Args:
        drawing: The figure, without other axes.
        width: Inches shown, at most the figure's.
        height: Inches shown, at most the figure's.
    """
    drawing.set_layout_engine("none")
    across, up = drawing.get_size_inches()
    axis = drawing.add_axes((0, 0, width / across, height / up))
    axis.set(xlim=(0, width), ylim=(0, height))
    axis.set_axis_off()
    return axis


def line_style(number: int) -> dict[str, Any]:
    """Colour, marker and line of the number-th of several lines."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
        "linestyle": LINES[number % len(LINES)],
    }


def head(drawing: Any, text: str) -> None:
    """Write what a reader must know above a figure, such as that its data is a stand-in.

    Args:
        drawing: The figure.
        text: One line; nothing is written for an empty one.
    """
    if text:
        drawing.suptitle(text, fontsize=SMALL, color=GREY)


def save(drawing: Any, base: Path) -> list[Path]:
    """Write a figure as SVG and PNG, each atomically; equal figures give equal bytes.

    Args:
        drawing: The figure.
        base: Path without suffix.

    Returns:
        The files.
    """
    paths = [base.with_name(f"{base.name}{suffix}") for suffix in SUFFIXES]
    for path in paths:
        told = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        with atomic_path(path) as temporary:
            drawing.savefig(temporary, dpi=DPI, metadata=told)
    return paths


def legend_outside(drawing: Any, handles: Sequence[Any], labels: Sequence[str], *, columns: int) -> None:
    """Put one legend for all axes under them.

    Args:
        drawing: The figure.
        handles: Artists.
        labels: Their texts.
        columns: How many stand side by side.
    """
    drawing.legend(handles, labels, loc="outside lower center", ncols=columns, handlelength=2.6, columnspacing=1.2)
