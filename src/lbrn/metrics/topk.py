"""Classification error: how often the right class is not among the k best, of the last epoch and of the best one.

Papers seldom say which epoch they print. Here both are metrics: `error` scores the predictions of the network as
training left it; `error-best-epoch` is the lowest top-1 error of all epochs on the same test pictures, which chooses by
the test set and is therefore too good by construction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lbrn.errors import InputError

TOP1, TOP5 = "top-1 error (%)", "top-5 error (%)"
KS = {TOP1: 1, TOP5: 5}
EPOCH = "epoch"


@dataclass(frozen=True)
class ErrorMetric:
    """One definition of classification error.

    Attributes:
        id: Its name in files and tables.
        definition: The definition in one sentence.
        evaluator: Who uses it.
    """

    id: str
    definition: str
    evaluator: str


_SHARED = (
    "% of test pictures whose class is not among the 1 (top-1) or 5 (top-5) highest scores, ties counted as errors"
)

METRICS = {
    metric.id: metric
    for metric in (
        ErrorMetric("error", f"{_SHARED}; one crop; network of the last epoch", "the usual CIFAR evaluation"),
        ErrorMetric(
            "error-best-epoch",
            f"{_SHARED}; one crop; of the epoch with the lowest top-1 error on these same test pictures, which is "
            "optimistic",
            "codes that keep the best checkpoint",
        ),
    )
}
"""Both definitions by their ids."""

PRIMARY = "error"


def top_k_error(scores: NDArray[np.floating[Any]], label: NDArray[np.int64], k: int) -> float:
    """Share of samples whose class is not among the k highest scores.

    Args:
        scores: (N, classes), higher is better; a class that only equals the right one's score counts as above it.
        label: (N,) right classes.
        k: How many classes may be named, at least 1.

    Returns:
        Percent, 0 .. 100; a score that is not a number is an error.

    Raises:
        InputError: The shapes do not belong together, there is no sample, or a label is no class.
    """
    if scores.ndim != 2 or len(scores) != len(label) or not len(label):
        raise InputError(f"scores of shape {scores.shape} and {len(label)} labels do not belong together")
    if not 0 <= label.min() <= label.max() < scores.shape[1]:
        raise InputError(f"labels from {label.min()} to {label.max()} are not among {scores.shape[1]} classes")
    right = scores[np.arange(len(label)), label]
    # The right class is never below itself: itself is counted and taken off. Not "<": what is no number is above.
    above = (~(scores < right[:, None])).sum(1) - 1
    return float(np.mean(above >= k) * 100)


def errors(scores: NDArray[np.floating[Any]], label: NDArray[np.int64]) -> dict[str, float]:
    """Top-1 and top-5 error in percent under the names that tables have.

    Args:
        scores: (N, classes).
        label: (N,) right classes.

    Raises:
        InputError: As `top_k_error`.
    """
    return {name: top_k_error(scores, label, k) for name, k in KS.items()}


def score(
    scores: NDArray[np.floating[Any]],
    label: NDArray[np.int64],
    dataset: str,
    history: Sequence[Mapping[str, float]],
) -> dict[str, Any]:
    """Score predictions under both definitions.

    Args:
        scores: (N, classes) of the whole test split.
        label: (N,) right classes.
        dataset: Name of the dataset.
        history: The training curves: `epoch`, `valid_error` and `valid_top5_error` in percent, on the test split too.

    Returns:
        The contents of `scores.json`: `dataset`, `images`, `classes`, `primary` and `headline` (what stands for the
        run), `lower_is_better`, `metrics` (id -> definition and numbers), `per_class` (top-1 error of each class).

    Raises:
        InputError: As `top_k_error`, or there is no epoch.
    """
    if not history:
        raise InputError("the training curves have no epoch, so no epoch is the best; train the run again")
    best = min(history, key=lambda row: row["valid_error"])
    found = {
        "error": errors(scores, label),
        "error-best-epoch": {TOP1: best["valid_error"], TOP5: best["valid_top5_error"], EPOCH: best["epoch"]},
    }
    return {
        "dataset": dataset,
        "images": len(label),
        "classes": int(scores.shape[1]),
        "primary": PRIMARY,
        "headline": TOP1,
        "lower_is_better": True,
        "metrics": {name: {"definition": METRICS[name].definition, **row} for name, row in found.items()},
        "per_class": [
            top_k_error(scores[label == one], label[label == one], 1) if (label == one).any() else None
            for one in range(scores.shape[1])
        ],
    }
