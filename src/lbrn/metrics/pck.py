"""Percentage of correct keypoints (PCK), vectorised, and the matrix of its public definitions.

Rules that hold for every definition:

* a joint counts where its truth is labelled (finite), occluded or not; unlabelled joints are left out;
* a person whose reference size is missing (NaN) or not positive is left out, and the number left out is reported;
* a labelled joint without a finite prediction is wrong;
* a joint, a pair or a group without a single labelled joint has no value: it is left out of the means above it and is
  null in `scores.json`.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lbrn.errors import InputError
from lbrn.metrics.definitions import COLUMNS, JOINTS, METRICS, PAIRS, PRIMARY, WITHOUT_TRUNK, Metric, Size

__all__ = [
    "COLUMNS",
    "JOINTS",
    "METRICS",
    "PRIMARY",
    "LabelledPeople",
    "Metric",
    "pck",
    "pck_curve",
    "primary_total",
    "reference_size",
    "score_matrix",
]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
CURVE_STEPS = 21


class LabelledPeople(Protocol):
    """What scoring needs of a dataset: labelled joints and head sizes in pixels of the original images."""

    @property
    def joints(self) -> Array:
        """(N, 16, 2), NaN where unlabelled."""

    @property
    def head(self) -> Array:
        """(N,) reference head size, NaN where absent."""


def relative_distance(prediction: Array, truth: Array, size: Array) -> Array:
    """Return the distances in units of each person's reference size.

    Args:
        prediction: (N, J, 2) pixels.
        truth: (N, J, 2) pixels, NaN where unlabelled.
        size: (N,) pixels.

    Returns:
        (N, J): NaN where the joint does not count, infinite where it counts but has no finite prediction.
    """
    usable = _usable(size)
    counts = _finite(truth) & usable[:, None]
    predicted = _finite(prediction)
    with np.errstate(invalid="ignore"):
        difference = np.asarray(prediction, dtype=np.float64) - truth
    distance = np.sqrt((np.where(predicted[..., None], difference, 0.0) ** 2).sum(axis=-1))
    relative = distance / np.where(usable, size, 1.0)[:, None]
    return np.where(counts, np.where(predicted, relative, np.inf), np.nan)


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
    _check_shapes(prediction, truth, size)
    return _percent(relative_distance(prediction, truth, size), threshold, strict)


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
    _check_shapes(prediction, truth, size)
    relative = relative_distance(prediction, truth, size)
    return np.stack([_percent(relative, float(threshold), strict)[0] for threshold in thresholds])


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


def score_matrix(prediction: Array, people: LabelledPeople, dataset: str) -> dict[str, Any]:
    """Score predictions under every definition that the dataset knows.

    Args:
        prediction: (N, 16, 2) joints in pixels of the original images, 0-based, in MPII's order.
        people: The N labelled people.
        dataset: ``mpii`` or ``lsp``.

    Returns:
        The contents of `scores.json`: `dataset`, `people`, `primary` (metric id), `left_out` (people without each
        reference size), `metrics` (id -> definition and rows in percent), `joints` (percent and count of each joint
        under the primary metric) and `curve` (the primary metric over thresholds). Null where nothing is labelled.

    Raises:
        InputError: An unknown dataset, or shapes that do not belong together.
    """
    primary = METRICS[PRIMARY[_known(dataset)]]
    truth = np.asarray(people.joints, dtype=np.float64)
    metrics = [metric for metric in METRICS.values() if metric.dataset == dataset]
    sizes: dict[Size, Array] = {metric.size: reference_size(people, metric.size) for metric in metrics}
    for size in sizes.values():
        _check_shapes(prediction, truth, size)
    relative = {kind: relative_distance(prediction, truth, size) for kind, size in sizes.items()}
    return {
        "dataset": dataset,
        "people": len(truth),
        "primary": primary.id,
        "left_out": {kind: int((~_usable(size)).sum()) for kind, size in sizes.items()},
        "metrics": {m.id: {"definition": m.definition, **_rows(relative[m.size], m, m.threshold)} for m in metrics},
        "joints": _joints(relative[primary.size], primary),
        "curve": _curve(relative[primary.size], primary),
    }


def primary_total(prediction: Array, people: LabelledPeople, dataset: str) -> float:
    """Return the primary metric's "Total" alone, for following a training.

    Args:
        prediction: (N, 16, 2) joints in pixels of the original images.
        people: The N labelled people.
        dataset: ``mpii`` or ``lsp``.

    Returns:
        Percent; NaN where nothing is labelled.

    Raises:
        InputError: As `score_matrix`.
    """
    metric = METRICS[PRIMARY[_known(dataset)]]
    truth, size = np.asarray(people.joints, dtype=np.float64), reference_size(people, metric.size)
    _check_shapes(prediction, truth, size)
    total = _rows(relative_distance(prediction, truth, size), metric, metric.threshold)["Total"]
    return float("nan") if total is None else total


def _known(dataset: str) -> str:
    if dataset not in PRIMARY:
        raise InputError(f"no PCK is defined for dataset {dataset!r}: use one of {', '.join(PRIMARY)}")
    return dataset


def _check_shapes(prediction: Array, truth: Array, size: Array) -> None:
    if prediction.shape != truth.shape or prediction.ndim != 3 or prediction.shape[2] != 2:
        raise InputError(
            f"predictions of shape {prediction.shape} do not fit the truth of shape {truth.shape}: both must be "
            "(people, joints, 2)"
        )
    if size.shape != prediction.shape[:1]:
        raise InputError(f"reference sizes of shape {size.shape} do not fit {len(prediction)} people: need one each")


def _usable(size: Array) -> Mask:
    return np.isfinite(size) & (size > 0)


def _finite(points: Array) -> Mask:
    finite: Mask = np.isfinite(points[..., 0]) & np.isfinite(points[..., 1])
    return finite


def _percent(relative: Array, threshold: float, strict: bool) -> tuple[Array, NDArray[np.int64]]:
    with np.errstate(invalid="ignore"):
        correct = relative < threshold if strict else relative <= threshold
    count = (~np.isnan(relative)).sum(axis=0)
    percent = np.where(count > 0, 100.0 * correct.sum(axis=0) / np.maximum(count, 1), np.nan)
    return percent, count


def _rows(relative: Array, metric: Metric, threshold: float) -> dict[str, float | None]:
    percent, count = _percent(relative, threshold, metric.strict)
    groups = {"Head": metric.head, **PAIRS}
    rows = {name: _mean(percent[list(groups[name])]) for name in COLUMNS}
    if metric.total == "columns":
        total = _mean(np.array(list(rows.values()), dtype=np.float64))
    else:
        chosen = list(metric.joints)
        total = _mean(percent[chosen], count[chosen] if metric.total == "weighted" else None)
    return {**rows, "Total": total}


def _mean(values: Array, weights: NDArray[np.int64] | None = None) -> float | None:
    known = ~np.isnan(values)
    if not known.any():
        return None
    return float(np.average(values[known], weights=None if weights is None else weights[known]))


def _joints(relative: Array, metric: Metric) -> dict[str, dict[str, float | int | None]]:
    percent, count = _percent(relative, metric.threshold, metric.strict)
    return {name: {"percent": _mean(percent[[index]]), "count": int(count[index])} for index, name in enumerate(JOINTS)}


def _curve(relative: Array, metric: Metric) -> dict[str, list[float] | list[float | None]]:
    thresholds = np.linspace(0.0, metric.threshold, CURVE_STEPS)
    rows = [_rows(relative, metric, float(threshold)) for threshold in thresholds]
    return {"threshold": thresholds.tolist(), **{name: [row[name] for row in rows] for name in rows[0]}}
