"""Classification error against a slow definition, its edges, and both epochs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbrn.errors import InputError
from lbrn.metrics import topk

HISTORY = [
    {"epoch": 1, "valid_error": 60.0, "valid_top5_error": 20.0},
    {"epoch": 2, "valid_error": 40.0, "valid_top5_error": 9.0},
    {"epoch": 3, "valid_error": 50.0, "valid_top5_error": 8.0},
]


def slow(scores, label, k):
    """A picture is right if fewer than k other classes score at least as much as its own."""
    wrong = 0
    for row, right in zip(scores.tolist(), label.tolist(), strict=True):
        above = sum(1 for one, value in enumerate(row) if one != right and value >= row[right])
        wrong += above >= k
    return 100 * wrong / len(label)


@given(st.integers(1, 30), st.integers(2, 12), st.integers(1, 6), st.integers(0, 99), st.booleans())
@settings(max_examples=60, deadline=None)
def test_error_is_that_of_the_slow_definition(count, classes, k, seed, coarse):
    generator = np.random.default_rng(seed)
    scores = generator.standard_normal((count, classes)).astype(np.float32)
    if coarse:
        scores = np.round(scores)  # many ties
    label = generator.integers(classes, size=count)
    assert topk.top_k_error(scores, label, k) == pytest.approx(slow(scores, label, k), abs=1e-12)


def test_equal_scores_and_scores_that_are_no_numbers_win_nothing():
    label = np.array([0, 1])
    assert topk.top_k_error(np.zeros((2, 3)), label, 1) == 100
    assert topk.top_k_error(np.zeros((2, 3)), label, 3) == 0
    assert topk.top_k_error(np.full((2, 3), np.nan), label, 1) == 100
    assert topk.top_k_error(np.array([[np.nan, 1.0, 0.0], [0.0, 2.0, 1.0]]), label, 1) == 50


def test_both_epochs_are_told_and_the_last_one_is_the_primary():
    scores = np.eye(6)[[0, 1, 2, 3]]
    told = topk.score(scores, np.array([0, 1, 2, 4]), "cifar10", HISTORY)
    assert told["primary"] == "error" and told["metrics"]["error"][topk.TOP1] == 25
    best = told["metrics"]["error-best-epoch"]
    assert (best[topk.TOP1], best[topk.TOP5], best["epoch"]) == (40, 9, 2)
    assert (told["images"], told["classes"], told["lower_is_better"]) == (4, 6, True)
    assert told["per_class"] == [0, 0, 0, None, 100, None]
    assert "last epoch" in told["metrics"]["error"]["definition"] and "optimistic" in best["definition"]


@pytest.mark.parametrize(
    ("shape", "label", "message"),
    [
        ((2, 3), [0], "do not belong together"),
        ((0, 3), [], "do not belong together"),
        ((2, 3), [0, 3], "labels from 0 to 3 are not among 3 classes"),
        ((2, 3), [-1, 0], "labels from -1 to 0 are not among 3 classes"),
    ],
)
def test_what_does_not_fit_is_refused(shape, label, message):
    with pytest.raises(InputError, match=message):
        topk.top_k_error(np.zeros(shape), np.array(label, np.int64), 1)


def test_curves_without_an_epoch_are_refused():
    with pytest.raises(InputError, match="no epoch"):
        topk.score(np.eye(2), np.array([0, 1]), "cifar10", [])
