"""Correct keypoints: distances in units of a reference size, and the share of joints within a threshold.

Rules that hold for every definition of PCK:

* a joint counts where its truth is labelled (finite), occluded or not; unlabelled joints are left out;
* a person whose reference size is missing (NaN) or not positive is left out;
* a labelled joint without a finite prediction is wrong.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lbrn.errors import InputError
from lbrn.metrics.definitions import WITHOUT_TRUNK, Size

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


class LabelledPeople(Protocol):
    """What scoring needs of a dataset: labelled joints and head sizes in pixels of the original images."""

    @property
    def joints(self) -> Array:
        """(N, 16, 2), NaN where unlabelled."""

    @property
    def head(self) -> Array:
        """(N,) reference head size, NaN where absent."""


def pck(
    prediction: Array, truth: Array, size: Array, threshold: float, strict: bool = True
) -> tuple[Array, NDArray[np.int64]]:
    """Return the percentage of correct joints.

    Args:
        prediction: (N, J, 2) pixels of the original image, any origin.
        truth: (N, J, 2) pixels with the same origin; NaN where unlabelled.
        size: (N,) reference size in pixels; people with NaN or no positive size are left out.
        threshold: Largest distance of a correct joint in reference sizes.
        strict: Compare with ``<`` (true) or ``<=`` (false).

    Returns:
        Percent per joint (J,), NaN where no joint is labelled, and the count of labelled joints (J,).

    Raises:
        InputError: The shapes do not belong together.
    """
    check_shapes(prediction, truth, size)
    return percent_correct(relative_distance(prediction, truth, size), threshold, strict)


def pck_curve(prediction: Array, truth: Array, size: Array, thresholds: Array, strict: bool = True) -> Array:
    """Return `pck` at many thresholds.

    Args:
        prediction: (N, J, 2) pixels.
        truth: (N, J, 2) pixels, NaN where unlabelled.
        size: (N,) pixels.
        thresholds: (T,) in reference sizes.
        strict: As in `pck`.

    Returns:
        (T, J) percent.

    Raises:
        InputError: The shapes do not belong together.
    """
    check_shapes(prediction, truth, size)
    relative = relative_distance(prediction, truth, size)
    return np.stack([percent_correct(relative, float(threshold), strict)[0] for threshold in thresholds])


def relative_distance(prediction: Array, truth: Array, size: Array) -> Array:
    """Return the distances in units of each person's reference size.

    Args:
        prediction: (N, J, 2) pixels.
        truth: (N, J, 2) pixels, NaN where unlabelled.
        size: (N,) pixels.

    Returns:
        (N, J): NaN where the joint does not count, infinite where it counts but has no finite prediction.
    """
    sized = usable(size)
    counts = _finite(truth) & sized[:, None]
    predicted = _finite(prediction)
    with np.errstate(invalid="ignore"):
        difference = np.asarray(prediction, dtype=np.float64) - truth
    distance = np.sqrt((np.where(predicted[..., None], difference, 0.0) ** 2).sum(axis=-1))
    relative = distance / np.where(sized, size, 1.0)[:, None]
    return np.where(counts, np.where(predicted, relative, np.inf), np.nan)


def percent_correct(relative: Array, threshold: float, strict: bool) -> tuple[Array, NDArray[np.int64]]:
    """Return percent (J,) and count (J,) of labelled joints from relative distances (N, J), as `pck` does.

    Args:
        relative: As `relative_distance` returns them: NaN where a joint does not count.
        threshold: In reference sizes.
        strict: As in `pck`.

    Returns:
        Percent, NaN for a joint that nobody has labelled, and how many people have it labelled.
    """
    with np.errstate(invalid="ignore"):
        correct = relative < threshold if strict else relative <= threshold
    count = (~np.isnan(relative)).sum(axis=0)
    percent = np.where(count > 0, 100.0 * correct.sum(axis=0) / np.maximum(count, 1), np.nan)
    return percent, count


def reference_size(people: LabelledPeople, kind: Size) -> Array:
    """Return the length that distances are divided by.

    Args:
        people: The labelled people.
        kind: ``head`` (as the dataset defines it), ``torso`` (left shoulder to right hip) or ``box`` (longer side of
            the tight box around the labelled joints other than pelvis and thorax).

    Returns:
        (N,) pixels; NaN where a joint that defines it is not labelled.
    """
    joints = np.asarray(people.joints, dtype=np.float64)
    if kind == "head":
        return np.asarray(people.head, dtype=np.float64)
    if kind == "torso":
        torso = joints[:, 13] - joints[:, 2]
        return np.hypot(torso[:, 0], torso[:, 1])
    boxed = joints[:, WITHOUT_TRUNK]
    labelled = _finite(boxed)
    low = np.where(labelled[..., None], boxed, np.inf).min(axis=1)
    high = np.where(labelled[..., None], boxed, -np.inf).max(axis=1)
    return np.where(labelled.any(axis=1), (high - low).max(axis=-1), np.nan)


def usable(size: Array) -> Mask:
    """Return which people (N,) have a reference size that distances can be divided by."""
    return np.isfinite(size) & (size > 0)


def _finite(points: Array) -> Mask:
    finite: Mask = np.isfinite(points[..., 0]) & np.isfinite(points[..., 1])
    return finite


def check_shapes(prediction: Array, truth: Array, size: Array) -> None:
    """Refuse arrays that do not belong together.

    Args:
        prediction: (N, J, 2).
        truth: (N, J, 2).
        size: (N,).

    Raises:
        InputError: The shapes differ.
    """
    if prediction.shape != truth.shape or prediction.ndim != 3 or prediction.shape[2] != 2:
        raise InputError(
            f"predictions of shape {prediction.shape} do not fit the truth of shape {truth.shape}: both must be "
            "(people, joints, 2)"
        )
    if size.shape != prediction.shape[:1]:
        raise InputError(f"reference sizes of shape {size.shape} do not fit {len(prediction)} people: need one each")
