"""Which people a figure shows, chosen by rule from the stored predictions, and how their poses are drawn."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lbrn.errors import InputError
from lbrn.metrics.definitions import METRICS, PRIMARY, WITHOUT_TRUNK
from lbrn.metrics.keypoints import LabelledPeople, reference_size, relative_distance
from lbrn.tasks.drawing import LIMBS

Array = NDArray[np.float64]

LOST = 1.0
"""A joint that is farther off than this, in reference lengths, counts as this far off: it is lost, wherever it is."""

PLAIN = 245
"""Brightness of the plain ground."""


def distances(joints: Array, people: LabelledPeople, dataset: str) -> Array:
    """Distances of the joints of the primary metric in its reference lengths.

    Args:
        joints: (N, 16, 2) predictions in pixels of the original images.
        people: The N labelled people.
        dataset: `mpii` or `lsp`.

    Returns:
        (N, 14); NaN where a joint does not count, infinite where it has no prediction.
    """
    size = reference_size(people, METRICS[PRIMARY[dataset]].size)
    chosen = list(WITHOUT_TRUNK)
    return relative_distance(joints[:, chosen], np.asarray(people.joints)[:, chosen], size)


def errors(relative: Sequence[Array]) -> Array:
    """How wrong several networks are about each person: the mean over networks and joints, a lost joint counting 1.

    Args:
        relative: Distances (N, 14) of each network, as `distances` returns them.

    Returns:
        (N,); NaN for people of whom no joint counts.
    """
    capped = np.minimum(np.stack(relative), LOST)
    counted = ~np.isnan(capped)
    total = np.where(counted, capped, 0.0).sum(axis=(0, 2))
    count = counted.sum(axis=(0, 2))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def ranked(error: Array, allowed: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """People by their error, the best first; of equal ones the first of the dataset. People without error are left out.

    Args:
        error: (N,).
        allowed: (N,) who may be chosen; all where not given.

    Raises:
        InputError: Nobody is left.
    """
    known = ~np.isnan(error) if allowed is None else ~np.isnan(error) & allowed
    rows = np.flatnonzero(known)
    if not rows.size:
        raise InputError("no person of the test split has the labelled joints that this figure needs")
    order: NDArray[np.int64] = rows[np.argsort(error[rows], kind="stable")]
    return order


def worst_decile(order: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split people ranked by error into the others and the worst tenth, which is rounded up.

    Args:
        order: As `ranked` returns it.
    """
    count = -(-len(order) // 10)
    return order[: len(order) - count], order[len(order) - count :]


def spaced(order: NDArray[np.int64], count: int) -> list[int]:
    """People evenly spaced in their ranking, the first and the last among them; all where there are fewer.

    Args:
        order: Ranked people.
        count: How many, at least 1; a single one is the middle.
    """
    if len(order) <= count:
        return [int(row) for row in order]
    if count == 1:
        return [int(order[(len(order) - 1) // 2])]
    return [int(order[number * (len(order) - 1) // (count - 1)]) for number in range(count)]


def predicted(folder: Path) -> Array:
    """Joints of a run's predictions, (N, 16, 2).

    Args:
        folder: Its folder.

    Raises:
        InputError: There are none.
    """
    path = folder / "predictions.npz"
    if not path.is_file():
        raise InputError(f"{path} is missing; `lbrn predict {folder}` makes it")
    with np.load(path, allow_pickle=False) as stored:
        joints: Array = stored["joints"].astype(np.float64)
        return joints


def pose(axis: Any, guess: Array, truth: Array, ground: NDArray[np.uint8] | None, size: int) -> None:
    """Draw a predicted pose in colour and the annotated joints as dots.

    Args:
        axis: Where to.
        guess: (16, 2) in crop pixels.
        truth: (16, 2) in crop pixels, NaN where unlabelled.
        ground: The crop, (size, size, 3); None for plain ground.
        size: Side of the crop.
    """
    shown = np.full((1, 1, 3), PLAIN, np.uint8) if ground is None else ground
    axis.imshow(shown, extent=(-0.5, size - 0.5, size - 0.5, -0.5))
    axis.plot(*truth.T, linestyle="none", marker="o", markersize=2, color="black", markeredgecolor="white",
              markeredgewidth=0.3, zorder=3)  # fmt: skip
    for start, end, colour in LIMBS:
        axis.plot(*guess[[start, end]].T, color=colour, linewidth=1.1, zorder=2)
    axis.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
