"""Pictures of predicted poses: skeletons on the crop, or on plain ground where the pixels may not be shown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lbrn.files import atomic_path

# Limbs of MPII's 16 joints; Okabe-Ito colours: right blue, left orange, middle green.
RIGHT, LEFT, MIDDLE = "#0072B2", "#D55E00", "#009E73"
LIMBS = (
    (0, 1, RIGHT), (1, 2, RIGHT), (2, 6, RIGHT), (10, 11, RIGHT), (11, 12, RIGHT), (12, 7, RIGHT),
    (5, 4, LEFT), (4, 3, LEFT), (3, 6, LEFT), (15, 14, LEFT), (14, 13, LEFT), (13, 7, LEFT),
    (6, 7, MIDDLE), (7, 8, MIDDLE), (8, 9, MIDDLE),
)  # fmt: skip
COLUMNS = 4


def pose_sheet(
    path: Path,
    guess: NDArray[np.float64],
    truth: NDArray[np.float64],
    grounds: Sequence[NDArray[np.uint8]] | None,
    size: int,
    *,
    title: str,
) -> None:
    """Draw a sheet of poses: the prediction in colour, the annotation as thin black-on-white dots.

    Args:
        path: PNG to write.
        guess: (N, 16, 2) predicted joints in crop pixels.
        truth: (N, 16, 2) annotated joints in crop pixels, NaN where unlabelled.
        grounds: N crops of (size, size, 3), or None for plain ground.
        size: Side of a crop in pixels.
        title: Shown above.
    """
    from matplotlib.figure import Figure

    rows = -(-len(guess) // COLUMNS)
    figure = Figure(figsize=(2 * COLUMNS, 2 * rows + 0.6), layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for index, axis in enumerate(axes[: len(guess)]):
        axis.imshow(np.full((size, size, 3), 245, np.uint8) if grounds is None else grounds[index])
        _skeleton(axis, guess[index], truth[index])
        axis.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5))
    figure.suptitle(f"{title}: prediction (blue right, orange left), annotation (dots)", fontsize=9)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=100, metadata={"Software": None})


def _skeleton(axis: Any, guess: NDArray[np.float64], truth: NDArray[np.float64]) -> None:
    for start, end, colour in LIMBS:
        axis.plot(*guess[[start, end]].T, color=colour, linewidth=2)
    axis.plot(*truth.T, linestyle="none", marker=".", markersize=5, color="black", markeredgecolor="white")
