"""Who is shown: errors, ranking and the worst tenth, against slow loops."""

import math
import random
from types import SimpleNamespace

import numpy as np
import pytest

from lbrn.errors import InputError
from lbrn.reproduction.figures import people

MPII = (0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15)  # without pelvis and thorax


def crowd(count: int, seed: int = 0) -> tuple[SimpleNamespace, list[np.ndarray]]:
    """Labelled people, some joints unlabelled, and the predictions of two networks."""
    generator = np.random.default_rng(seed)
    truth = generator.uniform(0, 200, (count, 16, 2))
    truth[generator.random((count, 16)) < 0.2] = np.nan
    head = generator.uniform(10, 30, count)
    head[0] = np.nan
    truth[1] = np.nan
    guesses = [np.nan_to_num(truth) + generator.normal(0, 12, truth.shape) for _ in range(2)]
    guesses[0][3, 4] = np.nan
    return SimpleNamespace(joints=truth, head=head), guesses


def slow_errors(labelled: SimpleNamespace, guesses: list[np.ndarray]) -> list[float]:
    found = []
    for row in range(len(labelled.joints)):
        distances = []
        for guess in guesses:
            for joint in MPII:
                x, y = labelled.joints[row, joint]
                if math.isnan(x) or not labelled.head[row] > 0:
                    continue
                gx, gy = guess[row, joint]
                far = math.inf if math.isnan(gx) else math.hypot(gx - x, gy - y) / labelled.head[row]
                distances.append(min(1.0, far))
        found.append(sum(distances) / len(distances) if distances else math.nan)
    return found


def test_errors_are_the_mean_of_capped_distances() -> None:
    labelled, guesses = crowd(30)
    found = people.errors([people.distances(guess, labelled, "mpii") for guess in guesses])
    expected = slow_errors(labelled, guesses)
    assert np.isnan(found[:2]).all() and not np.isnan(found[2:]).any()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("count", [1, 7, 10, 11, 40, 95])
def test_the_worst_tenth_is_nobodys_better(count: int) -> None:
    error = np.array([random.Random(count + row).choice([0.1, 0.2, 0.3, 0.7]) for row in range(count)])
    error[::9] = np.nan
    known = [row for row in range(count) if not math.isnan(error[row])]
    if not known:
        with pytest.raises(InputError, match="no person of the test split"):
            people.ranked(error)
        return
    order = people.ranked(error)
    better, worst = people.worst_decile(order)
    assert sorted([*better, *worst]) == known
    assert len(worst) == math.ceil(len(known) / 10)
    for bad in worst:
        assert all(error[good] <= error[bad] for good in better)
        # Of equal people the later ones are taken.
        assert all(good < bad for good in better if error[good] == error[bad])


def test_spaced_takes_the_ends_and_the_median() -> None:
    order = np.arange(100, 111)
    assert people.spaced(order, 3) == [100, 105, 110]
    assert people.spaced(order, 1) == [105]
    assert people.spaced(order[:4], 1) == [101]
    assert people.spaced(order[:2], 4) == [100, 101]


def test_only_who_is_allowed_is_ranked() -> None:
    error = np.array([0.5, 0.1, np.nan, 0.3])
    assert list(people.ranked(error, np.array([True, False, True, True]))) == [3, 0]
