"""Pictures of the tables of measurements, as PNG and SVG, for readers on screen and on paper, with any eyes."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lbrn.engine.bench import tables
from lbrn.files import atomic_path

Rows = list[dict[str, str]]

# From the Okabe-Ito palette; line styles, markers and hatches tell the same without colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
HATCHES = ("", "//", "..", "xx")
LABELS = {"float32": "float32", "fixed": "fixed point"}

MOST_SHAPES = 7


def draw(folder: Path, name: str) -> list[Path]:
    """Draw a table.

    Args:
        folder: Where it lies and the pictures go.
        name: conv, block, network or training.

    Returns:
        The pictures.
    """
    notes, rows = tables.read(folder / f"{name}.csv")
    return _saved(_PICTURES[name](rows), folder / name, notes)


def conv(rows: Rows) -> Any:
    """Speed-up of single convolutions against sparsity, one line a shape, with the break-even."""
    threads = _least(rows, "threads")
    chosen = [row for row in rows if row["threads"] == threads]
    shapes = list(dict.fromkeys(_shape(row) for row in chosen))
    figure, axes = _figure(2, width=9)
    for axis, arithmetic in zip(axes, LABELS, strict=True):
        for number, shape in enumerate(_spread(shapes, MOST_SHAPES)):
            line = [row for row in chosen if _shape(row) == shape and row["arithmetic"] == arithmetic]
            axis.plot(
                [float(row["sparsity"]) for row in line],
                [float(row["ratio"]) for row in line],
                color=COLOURS[number],
                linestyle=STYLES[number % len(STYLES)],
                marker=MARKERS[number],
                label=shape,
            )
        _even(axis.axhline, 1)
        axis.set(title=LABELS[arithmetic], xlabel="sparsity (share of non-zero weights)", xlim=(0, 1))
    highest = 1.1 * max(float(row["ratio"]) for row in chosen)
    axes[0].set(ylabel="times faster than the best dense engine", ylim=(0, highest))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=8)
    figure.suptitle(f"One convolution ({_threads(threads)}); dotted: break-even", fontsize=10)
    return figure


def block(rows: Rows) -> Any:
    """Time of a block in parts, beside the real-valued block, and the one whose ternary convolution costs nothing."""
    threads = _least(rows, "threads")
    chosen = [row for row in rows if row["threads"] == threads]
    first = chosen[0]
    figure, (axis,) = _figure(1, width=7.5, height=0.45 * len(chosen) + 2.2)
    names = [f"real-valued ({first['dense_engine']})", f"without 3x3 ({first['free_engine']})"]
    times = [float(first["dense_ms"]), float(first["free_ms"])]
    axis.barh(names, times, color="#BBBBBB", edgecolor="black", linewidth=0.6)
    labels = [f"{LABELS[row['arithmetic']]}, sparsity {row['sparsity']}" for row in chosen]
    left = [0.0] * len(chosen)
    for number, part in enumerate(("reduce", "conv3x3", "expand", "rest")):
        widths = [float(row[f"{part}_ms"]) for row in chosen]
        axis.barh(
            labels, widths, left=left, color=COLOURS[number], hatch=HATCHES[number], edgecolor="white", linewidth=0.6,
            label={"conv3x3": "ternary 3x3", "reduce": "1x1 before", "expand": "1x1 after"}.get(part, part),
        )  # fmt: skip
        left = [before + width for before, width in zip(left, widths, strict=True)]
    for number, row in enumerate(chosen):
        _beside(axis, f"{float(row['ratio']):.2f}x", left[number], number + 2)
    _even(axis.axvline, times[1])
    axis.invert_yaxis()
    axis.set(xlabel="ms", xlim=(0, 1.15 * max(*left, *times)))
    axis.legend(frameon=False, loc="lower right", fontsize=8)
    ceiling = f"ceiling {float(first['ceiling']):.2f}x, the paper counts {first['paper']}x"
    size = f"{first['channels']} channels at {first['height']}x{first['width']}"
    figure.suptitle(f"Residual block, {size} ({_threads(threads)}); dotted: {ceiling}", fontsize=10)
    return figure


def network(rows: Rows) -> Any:
    """Speed-up of whole networks in this engine over public ones."""
    twins = {row["network"]: row["peer"].partition(":")[0] for row in reversed(rows)}
    chosen = [row for row in rows if row["batch"] == rows[0]["batch"]]
    chosen = [row for row in chosen if row["peer"].startswith(f"{twins[row['network']]}:")]
    chosen.sort(key=lambda row: (row["peer"].partition(":")[0], row["network"], row["sparsity"], row["arithmetic"]))
    return _bars(chosen, "Whole networks in this engine: times faster than ...; dotted: break-even", _network_label)


def training(rows: Rows) -> Any:
    """Speed-up of a training step."""
    return _bars(rows, "A training step in torch: times faster than ...; dotted: break-even", _training_label)


def _bars(rows: Rows, title: str, label: Callable[[dict[str, str]], str]) -> Any:
    figure, (axis,) = _figure(1, width=7.5, height=0.24 * len(rows) + 1.4)
    counts = list(dict.fromkeys(row["threads"] for row in rows))
    for place, row in enumerate(rows):
        number, ratio = counts.index(row["threads"]), float(row["ratio"])
        axis.barh(
            place, ratio, color=COLOURS[number % len(COLOURS)], hatch=HATCHES[number % len(HATCHES)], edgecolor="white",
            linewidth=0.6, label=_threads(row["threads"]),
        )  # fmt: skip
        _beside(axis, f"{ratio:.2f}", ratio, place)
    axis.set_yticks(range(len(rows)), [label(row) for row in rows], fontsize=8)
    axis.invert_yaxis()
    axis.set(xlabel="ratio of times", xlim=(0, 1.12 * max(float(row["ratio"]) for row in rows)))
    _even(axis.axvline, 1)
    handles = dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    above = {"loc": "lower right", "bbox_to_anchor": (1, 1), "ncols": len(handles)}  # bars may be anywhere below
    axis.legend(handles.values(), handles.keys(), frameon=False, fontsize=8, **above)
    figure.suptitle(title, fontsize=10)
    return figure


def _network_label(row: dict[str, str]) -> str:
    sparsity = f" s={row['sparsity']}" if row["sparsity"] else ""
    return f"{row['network']}{sparsity}, {LABELS[row['arithmetic']]} / {row['peer']}"


def _training_label(row: dict[str, str]) -> str:
    return f"{row['network']} s={row['sparsity']} / {row['peer'].partition(':')[0]}"


def _beside(axis: Any, text: str, x: float, y: float) -> None:
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    axis.annotate(text, (x, y), (3, 0), textcoords="offset points", va="center", fontsize=8, bbox=ground)


def _even(line: Callable[..., Any], place: float) -> None:
    line(place, color="black", linestyle=":", linewidth=1.2)


def _shape(row: dict[str, str]) -> str:
    return f"{row['channels']} channels, {row['height']}x{row['width']}, {row['kernel']}x{row['kernel']}"


def _spread(items: Sequence[str], most: int) -> list[str]:
    """Some of the items, first and last and evenly between."""
    if len(items) <= most:
        return list(items)
    return [items[number * (len(items) - 1) // (most - 1)] for number in range(most)]


def _least(rows: Rows, column: str) -> str:
    return min((row[column] for row in rows), key=int)


def _threads(count: str) -> str:
    return f"{count} thread" + ("s" if count != "1" else "")


def _figure(columns: int, *, width: float, height: float = 3.8) -> tuple[Any, list[Any]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = list(figure.subplots(1, columns, sharey=True, squeeze=False)[0])
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _saved(figure: Any, base: Path, notes: Sequence[str]) -> list[Path]:
    """As PNG and SVG, with the processor below, for a time without its machine says nothing."""
    processor = [note for note in notes if note.startswith(("processor", "quick"))]
    figure.supxlabel("; ".join(processor), fontsize=6, color="#444444")
    paths = [base.with_suffix(suffix) for suffix in (".png", ".svg")]
    for path in paths:
        date = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=200, metadata=date)
    return paths


_PICTURES: dict[str, Callable[[Rows], Any]] = {"conv": conv, "block": block, "network": network, "training": training}
