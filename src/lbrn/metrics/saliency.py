"""Saliency maps against masks: MAE, F-measure under both averaging conventions, S-measure; from 8-bit maps.

Everything follows from one table of counts a picture: how many pixels of each grey level lie inside and outside the
object, in each of the four parts into which the object's centre divides the picture. Before anything else a map is
stretched to 0..1 over its own levels; a map of one level stays as it is. That and the quantisation to 256 thresholds
are those of PySODMetrics, so that numbers agree. Sums over levels are exact integers.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lbrn.errors import InputError
from lbrn.metrics.saliency_definitions import BETA_SQUARED, METRICS, PRIMARY

__all__ = ["Measures", "measure", "score_sets", "summary"]

LEVELS = 256
Counts = NDArray[np.int64]
Curve = NDArray[np.float64]


@dataclass(frozen=True)
class Measures:
    """What one map is worth.

    Attributes:
        mae: Mean absolute difference, 0..1.
        precision: (256,) at the thresholds 0..255, each "level >= threshold"; 0 where nothing is found.
        recall: (256,) at the same thresholds; 0 where the mask is empty.
        adaptive_f: F-measure at twice the map's mean.
        s_measure: Structure measure, 0..1.
    """

    mae: float
    precision: Curve
    recall: Curve
    adaptive_f: float
    s_measure: float


def measure(prediction: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Measures:
    """Measure one saliency map.

    Args:
        prediction: (H, W) grey levels 0..255, the brighter the more salient.
        mask: (H, W) true inside the object.

    Raises:
        InputError: The sizes differ, the map is empty or not 8-bit, or the mask is not boolean.
    """
    _check(prediction, mask)
    counts = _counts(prediction, mask)
    inside, outside = counts[:, 1].sum(0), counts[:, 0].sum(0)
    low, high = _range(inside + outside)
    heights, span = np.arange(LEVELS) - low, high - low
    if not span:
        heights, span = np.arange(LEVELS), LEVELS - 1
    present = (inside + outside) > 0
    heights = np.where(present, heights, 0)
    error = _dot(inside, span - heights) + _dot(outside, heights)
    precision, recall = _curves(inside, outside, present)
    return Measures(
        mae=error / (span * prediction.size),
        precision=precision,
        recall=recall,
        adaptive_f=_adaptive(inside, outside, heights, span),
        s_measure=_structure(counts, heights, span),
    )


def f_measure(precision: Curve, recall: Curve) -> Curve:
    """F-measure with beta^2 = 0.3; 0 where precision and recall are.

    Args:
        precision: Any shape.
        recall: The same shape.
    """
    over = (1 + BETA_SQUARED) * precision * recall
    under = np.where(over == 0, 1.0, BETA_SQUARED * precision + recall)
    result: Curve = over / under
    return result


def summary(measures: Iterable[Measures]) -> dict[str, Any]:
    """Average over the pictures of a test set.

    Args:
        measures: One a picture.

    Returns:
        `images`, a value 0..1 for each id of `saliency_definitions.METRICS`, and the averaged `precision` and `recall`
        curves.

    Raises:
        InputError: There is no picture.
    """
    listed = list(measures)
    if not listed:
        raise InputError("no saliency map to average: the test set is empty, check the source of the dataset")
    precision = np.stack([one.precision for one in listed])
    recall = np.stack([one.recall for one in listed])
    mean_precision, mean_recall = precision.mean(0), recall.mean(0)
    return {
        "images": len(listed),
        "maxf-curve": float(f_measure(precision, recall).mean(0).max()),
        "maxf-pr": float(f_measure(mean_precision, mean_recall).max()),
        "mae": math.fsum(one.mae for one in listed) / len(listed),
        "s-measure": math.fsum(one.s_measure for one in listed) / len(listed),
        "adaptive-f": math.fsum(one.adaptive_f for one in listed) / len(listed),
        "precision": mean_precision.tolist(),
        "recall": mean_recall.tolist(),
    }


def score_sets(sets: Mapping[str, Iterable[Measures]]) -> dict[str, Any]:
    """Score the maps of several test sets under every definition.

    Args:
        sets: For each test set the measures of its pictures.

    Returns:
        `primary` (metric id) and `headline` (the first set), whose number stands for all; `images` (in all) and `sets`
        (number by set), `metrics` (id -> definition and value by set) and `curves` (set -> averaged precision and
        recall at the 256 thresholds).
    """
    found = {name: summary(measures) for name, measures in sets.items()}
    return {
        "primary": PRIMARY,
        "headline": next(iter(found)),
        "images": sum(one["images"] for one in found.values()),
        "sets": {name: one["images"] for name, one in found.items()},
        "metrics": {
            metric: {"definition": told.definition, **{name: one[metric] for name, one in found.items()}}
            for metric, told in METRICS.items()
        },
        "curves": {name: {key: one[key] for key in ("precision", "recall")} for name, one in found.items()},
    }


def _check(prediction: NDArray[Any], mask: NDArray[Any]) -> None:
    if prediction.shape != mask.shape or prediction.ndim != 2 or not prediction.size:
        raise InputError(f"a saliency map of {prediction.shape} does not fit a mask of {mask.shape}: sizes must agree")
    if prediction.dtype != np.uint8 or mask.dtype != np.bool_:
        raise InputError(f"saliency maps are uint8 and masks bool, not {prediction.dtype} and {mask.dtype}")


def _counts(prediction: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Counts:
    """(4, 2, 256) pixels by part of the picture, outside or inside the object, and level."""
    index = prediction.astype(np.uint16)
    index += mask * np.uint16(LEVELS)
    y, x = _centre(mask)
    parts = (index[:y, :x], index[:y, x:], index[y:, :x], index[y:, x:])
    counts = [np.bincount(part.ravel(), minlength=2 * LEVELS) for part in parts]
    return np.stack(counts).reshape(4, 2, LEVELS).astype(np.int64)


def _centre(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Height and width of the first of the four parts: up to and with the pixel nearest to the object's centre."""
    total = int(mask.sum())
    if not total:
        return mask.shape[0], mask.shape[1]
    rows, columns = mask.sum(1, dtype=np.int64), mask.sum(0, dtype=np.int64)
    y, x = (_dot(sums, np.arange(len(sums))) / total for sums in (rows, columns))
    return round(y) + 1, round(x) + 1


def _range(counts: Counts) -> tuple[int, int]:
    levels = np.flatnonzero(counts)
    return int(levels[0]), int(levels[-1])


def _dot(first: Counts, second: Counts) -> int:
    return int(np.dot(first, second))


def _curves(inside: Counts, outside: Counts, present: NDArray[np.bool_]) -> tuple[Curve, Curve]:
    low, high = _range(present.astype(np.int64))
    values = np.arange(LEVELS) / (LEVELS - 1)
    if high > low:
        values = (values - values[low]) / (values[high] - values[low])
    # Truncated in double precision as by PySODMetrics: exact fractions would land one level higher now and then.
    levels = np.where(present, values * (LEVELS - 1), 0).astype(np.int64)
    found = np.cumsum(np.bincount(levels, inside, LEVELS)[::-1])[::-1]
    wrong = np.cumsum(np.bincount(levels, outside, LEVELS)[::-1])[::-1]
    return found / np.maximum(found + wrong, 1), found / max(int(inside.sum()), 1)


def _adaptive(inside: Counts, outside: Counts, heights: Counts, span: int) -> float:
    pixels = int((inside + outside).sum())
    # level >= min(2 * mean, 1), multiplied by span and pixels
    bright = heights * pixels >= min(2 * _dot(inside + outside, heights), span * pixels)
    found, wrong = int(inside[bright].sum()), int(outside[bright].sum())
    if not found:
        return 0.0
    precision, recall = found / (found + wrong), found / int(inside.sum())
    return (1 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall)


def _structure(counts: Counts, heights: Counts, span: int) -> float:
    inside, outside = counts[:, 1].sum(0), counts[:, 0].sum(0)
    n_inside, pixels = int(inside.sum()), int(counts.sum())
    mean = _dot(inside + outside, heights) / (span * pixels)
    if n_inside in (0, pixels):
        return mean if n_inside else 1 - mean
    share = n_inside / pixels
    objects = share * _likeness(inside, heights, span) + (1 - share) * _likeness(outside, span - heights, span)
    regions = sum(_similarity(part, heights, span) * int(part.sum()) / pixels for part in counts)
    return max(0.0, (objects + regions) / 2)


def _likeness(counts: Counts, heights: Counts, span: int) -> float:
    """2 m / (m^2 + 1 + deviation) of the values height / span: 1 where all of them are 1."""
    n, total, squares = int(counts.sum()), _dot(counts, heights), _dot(counts, heights**2)
    mean = total / (n * span)
    deviation = math.sqrt((n * squares - total**2) / (n * (n - 1))) / span if n > 1 else 0.0
    return 2 * mean / (mean**2 + 1 + deviation)


def _similarity(counts: Counts, heights: Counts, span: int) -> float:
    """Structural similarity of map and mask in one part: 4 mx my cov / ((mx^2 + my^2) (vx + vy)); 1 for 0/0."""
    n, n_inside = int(counts.sum()), int(counts[1].sum())
    if not n:
        return 0.0
    both = counts.sum(0)
    total, squares, shared = _dot(both, heights), _dot(both, heights**2), _dot(counts[1], heights)
    # Everything times n^2 span^2 or, in (co)variances, n (n - 1) span^2: exact, so that zero is zero.
    variance = n * squares - total**2
    mask_variance = (n * n_inside - n_inside**2) * span**2
    covariance = (n * shared - total * n_inside) * span
    over = 4 * total * n_inside * span * covariance
    under = (total**2 + (n_inside * span) ** 2) * (variance + mask_variance)
    if not over:
        return 0.0 if under else 1.0
    return over / under
