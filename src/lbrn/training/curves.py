"""The training curves of a run as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lbrn.files import atomic_path

COLOURS = {"loss": "#0072B2", "valid_loss": "#E69F00"}  # from the Okabe-Ito palette: safe for colour-blind readers


def draw(history: Sequence[Mapping[str, Any]], path: Path, *, title: str) -> None:
    """Draw losses, and below them every other validation number, against the epoch.

    Args:
        history: Rows of history.csv.
        path: PNG to write.
        title: Shown above.
    """
    from matplotlib.figure import Figure

    epochs = [row["epoch"] for row in history]
    scores = [name for name in history[0] if name.startswith("valid_") and name != "valid_loss"]
    figure = Figure(figsize=(6, 2.4 * (1 + len(scores))), layout="constrained")
    axes = figure.subplots(1 + len(scores), sharex=True, squeeze=False)[:, 0]
    for name, colour in COLOURS.items():
        axes[0].plot(epochs, [row[name] for row in history], color=colour, label=name.replace("_", " "), marker=".")
    axes[0].set(ylabel="loss", yscale="log")
    axes[0].legend(frameon=False)
    for axis, name in zip(axes[1:], scores, strict=True):
        axis.plot(epochs, [row[name] for row in history], color="#009E73", marker=".")
        axis.set(ylabel=name.removeprefix("valid_").replace("_", " "))
    axes[-1].set(xlabel="epoch")
    figure.suptitle(title, fontsize=9)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120, metadata={"Software": None})
