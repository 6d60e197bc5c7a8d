"""Pictures of a classification: test pictures with their classes, and which classes are taken for which."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lbrn.datasets.images import Images
from lbrn.files import atomic_path

COLUMNS = 8
RIGHT, WRONG = "#0072B2", "#D55E00"  # Okabe-Ito


def sheet(path: Path, images: Images, guess: NDArray[np.int64], classes: Sequence[str], *, title: str) -> None:
    """Draw pictures with the class that the network gives them, wrong ones in orange with the right class.

    Args:
        path: PNG to write.
        images: The pictures.
        guess: (N,) classes of the network.
        classes: Names of the classes.
        title: Shown above.
    """
    from matplotlib.figure import Figure

    rows = -(-len(images) // COLUMNS)
    figure = Figure(figsize=(1.3 * COLUMNS, 1.5 * rows + 0.4), layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, pixels, label, answer in zip(axes, images.pixels, images.label, guess, strict=False):
        axis.imshow(pixels)
        told = classes[answer] if answer == label else f"{classes[answer]}\nnot {classes[label]}"
        axis.set_title(told, fontsize=7, color=RIGHT if answer == label else WRONG)
    figure.suptitle(title, fontsize=9)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=100, metadata={"Software": None})


def confusion(
    path: Path, guess: NDArray[np.int64], label: NDArray[np.int64], classes: Sequence[str], *, title: str
) -> None:
    """Draw the share of each class's pictures (rows) that the network takes for each class (columns).

    Args:
        path: PNG to write.
        guess: (N,) classes of the network.
        label: (N,) right classes.
        classes: Names of the classes.
        title: Shown above.
    """
    from matplotlib.figure import Figure

    count = len(classes)
    table = np.zeros((count, count))
    np.add.at(table, (label, guess), 1)
    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    figure = Figure(figsize=(5, 4.4), layout="constrained")
    axis = figure.subplots()
    shown = axis.imshow(shares, vmin=0, vmax=1, cmap="viridis")
    figure.colorbar(shown, label="share of the class")
    if count <= 20:
        axis.set_xticks(range(count), classes, rotation=90, fontsize=7)
        axis.set_yticks(range(count), classes, fontsize=7)
    axis.set(xlabel="class by the network", ylabel="right class")
    figure.suptitle(title, fontsize=9)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=100, metadata={"Software": None})
