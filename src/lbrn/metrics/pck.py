"""PCK (percentage of correct keypoints) under all of its public definitions, from stored predictions.

`lbrn.metrics.keypoints` says what is correct and what counts. Groups: a joint, a pair or a group without a single
labelled joint has no value; it is left out of the means above it and is null in `scores.json`. People without a usable
reference size are left out and reported.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lbrn.errors import InputError
from lbrn.metrics.definitions import COLUMNS, JOINTS, METRICS, PAIRS, PRIMARY, Metric, Size
from lbrn.metrics.keypoints import (
    Array,
    LabelledPeople,
    check_shapes,
    pck,
    pck_curve,
    percent_correct,
    reference_size,
    relative_distance,
    usable,
)

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

CURVE_STEPS = 21


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
        check_shapes(prediction, truth, size)
    relative = {kind: relative_distance(prediction, truth, size) for kind, size in sizes.items()}
    return {
        "dataset": dataset,
        "people": len(truth),
        "primary": primary.id,
        "left_out": {kind: int((~usable(size)).sum()) for kind, size in sizes.items()},
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
    check_shapes(prediction, truth, size)
    total = _rows(relative_distance(prediction, truth, size), metric, metric.threshold)["Total"]
    return float("nan") if total is None else total


def _known(dataset: str) -> str:
    if dataset not in PRIMARY:
        raise InputError(f"no PCK is defined for dataset {dataset!r}: use one of {', '.join(PRIMARY)}")
    return dataset


def _rows(relative: Array, metric: Metric, threshold: float) -> dict[str, float | None]:
    percent, count = percent_correct(relative, threshold, metric.strict)
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
    percent, count = percent_correct(relative, metric.threshold, metric.strict)
    return {name: {"percent": _mean(percent[[index]]), "count": int(count[index])} for index, name in enumerate(JOINTS)}


def _curve(relative: Array, metric: Metric) -> dict[str, list[float] | list[float | None]]:
    thresholds = np.linspace(0.0, metric.threshold, CURVE_STEPS)
    rows = [_rows(relative, metric, float(threshold)) for threshold in thresholds]
    return {"threshold": thresholds.tolist(), **{name: [row[name] for row in rows] for name in rows[0]}}
