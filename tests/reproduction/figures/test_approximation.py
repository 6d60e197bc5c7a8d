"""The numerical experiment of claim C25: exact least squares, against numpy's own solver."""

import numpy as np
import pytest

from lbrn import ternary
from lbrn.reproduction.figures.drawings import approximation
from lbrn.reproduction.figures.drawings.approximation import PATCH, SETTINGS, Point, Setting
from lbrn.reproduction.figures.entries import load
from reproduction.figures.checks import check_readable, drawn, lines_of

SPARSE = Setting("sparse", 0.02, True)
"""Filters with hardly a weight: some have none, and some are never open behind the ReLU."""


def slow_error(setting: Setting, count: int, most: int, seed: int, patches: int) -> float:
    """One number of filters, solved by singular values."""
    generator = np.random.Generator(np.random.Philox(key=[seed, 0]))
    target = generator.standard_normal((64, 72)) / np.sqrt(72)
    known, fresh = (np.maximum(generator.standard_normal((patches, 72)), 0) for _ in range(2))
    filters = ternary.draw((most, 8, 3, 3), setting.sparsity, seed=seed, name="approximation")[:count].reshape(
        count, 72
    )

    def through(patch: np.ndarray, weights: np.ndarray) -> np.ndarray:
        maps = patch @ weights.T
        return np.where(maps > 0, maps, 0) if setting.activated else maps

    def responses(patch: np.ndarray) -> np.ndarray:
        return np.hstack([through(patch, filters), np.ones((len(patch), 1))])

    solution = np.linalg.lstsq(responses(known), through(known, target), rcond=None)[0]
    wanted = through(fresh, target)
    left = wanted - responses(fresh) @ solution
    return 100 * (left**2).sum() / (wanted - wanted.mean(axis=0)).ravel().dot((wanted - wanted.mean(axis=0)).ravel())


@pytest.mark.parametrize("setting", [*SETTINGS, SPARSE])
def test_errors_are_those_of_the_exact_solution(setting: Setting) -> None:
    counts = (3, 20, 40)
    found = approximation.errors_of(setting, counts, 1, 200)
    expected = [slow_error(setting, count, 40, 1, 200) for count in counts]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-6)


def test_without_relu_9m_filters_are_exact_and_with_it_more_are_better() -> None:
    points = approximation.experiment((8, 36, PATCH, 2 * PATCH), (0, 1), 2000)
    linear = {point.filters: point.errors for point in points if not point.setting.activated}
    assert list(linear) == [8, 36, PATCH]
    assert max(linear[PATCH]) == 0.0 < min(linear[36])
    half = [point.errors for point in points if point.setting.activated and point.setting.sparsity == 0.5]
    for seed in (0, 1):
        errors = [one[seed] for one in half]
        assert errors == sorted(errors, reverse=True) and errors[-1] > 1


@pytest.mark.project
def test_the_picture_shows_means_over_seeds(project_root) -> None:
    points = [
        Point(setting, count, (50.0 / count + place, 60.0 / count + place))
        for place, setting in enumerate(SETTINGS) for count in (8, 72, 576)
    ]  # fmt: skip
    rows = approximation.rows(points)
    assert rows[0]["percent"] == pytest.approx((50 / 8 + 60 / 8) / 2) and rows[0]["seeds"] == 2
    # The 95 % t-interval of two values: 12.706 times half their distance.
    assert rows[0]["high"] - rows[0]["percent"] == pytest.approx(12.706 * 10 / 8 / 2, rel=1e-3)
    for figure in drawn(load(project_root)["approximation"], points, ""):
        check_readable(figure)
        for label, (counts, errors) in lines_of(figure.axes[0]).items():
            mine = [row for row in rows if row["line"] == label]
            assert list(counts) == [8, 72, 576]
            np.testing.assert_allclose(errors, [row["percent"] for row in mine])
