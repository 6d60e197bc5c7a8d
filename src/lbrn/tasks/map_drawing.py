"""Pictures of saliency maps: alone, or beside photograph and mask."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lbrn.files import atomic_path

ACROSS = 12  # small pictures in one line


def map_sheet(path: Path, rows: Sequence[Sequence[NDArray[np.uint8]]], *, title: str) -> None:
    """Draw groups of pictures, each group side by side.

    Args:
        path: PNG to write.
        rows: Groups of as many pictures each: (H, W, 3) in colour or (H, W) in grey; they are shown as squares.
        title: Shown above.
    """
    from matplotlib.figure import Figure

    pictures = [picture for row in rows for picture in row]
    lines = -(-len(pictures) // ACROSS)
    figure = Figure(figsize=(ACROSS, 1.1 * lines + 0.5), layout="constrained")
    axes = figure.subplots(lines, ACROSS, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, picture in zip(axes, pictures, strict=False):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=255, aspect=picture.shape[0] / picture.shape[1])
    told = "photograph, mask, map" if len(rows[0]) > 1 else "maps"
    figure.suptitle(f"{title}: {told}", fontsize=9)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=100, metadata={"Software": None})
