"""Statistics over seeds against other ways to the same numbers: printed tables, simulation, other code of scipy."""

import itertools
import math
import statistics
from fractions import Fraction

import numpy as np
import pytest
from scipy import integrate, stats

from lbrn.reproduction.statistics import (
    MOST_FLIPPED,
    detectable_effect,
    deviation_interval,
    estimate,
    paired,
    smallest_sign_flip_p,
)

# Student's own data of 1908: extra sleep of ten patients under two drugs.
SLEEP = ([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0], [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])


def scores(n: int, seed: int = 0) -> tuple[list[float], list[float]]:
    generator = np.random.default_rng(seed)
    common = generator.normal(70, 3, n)
    return list(common + generator.normal(0, 1, n)), list(common + generator.normal(1, 1, n))


def test_an_estimate_leaves_out_what_has_no_value() -> None:
    assert estimate([None, None]).value is None and estimate([]).n == 0
    assert estimate([None, 50.0]).value == 50.0 and estimate([None, 50.0]).n == 1
    assert estimate([40.0, None, 60.0]).value == 50.0 and estimate([40.0, None, 60.0]).n == 2
    assert estimate([50.0]).interval is None and estimate([50.0]).deviation is None


# 97.5 % points of Student's t as printed in any textbook, by degrees of freedom.
@pytest.mark.parametrize(("n", "critical"), [(2, 12.706), (3, 4.303), (5, 2.776), (10, 2.262), (31, 2.042)])
def test_interval_of_a_mean(n: int, critical: float) -> None:
    values = scores(n)[0]
    found = estimate(values)
    half = critical * statistics.stdev(values) / math.sqrt(n)
    assert found.value == pytest.approx(statistics.mean(values))
    assert found.deviation == pytest.approx(statistics.stdev(values))
    assert found.interval == pytest.approx((statistics.mean(values) - half, statistics.mean(values) + half), abs=2e-3)


def test_the_sleep_of_students_patients() -> None:
    found = paired(*SLEEP)
    assert found.n == 10
    assert found.difference == pytest.approx(-1.58)
    # t = -4.0621, 9 degrees of freedom: the numbers that statistics packages print for these data.
    assert found.p == pytest.approx(0.002833, abs=1e-6)
    assert found.interval == pytest.approx((-2.4598858, -0.7001142), abs=1e-6)


@pytest.mark.parametrize("n", [2, 3, 5, 12])
def test_a_paired_comparison_is_that_of_scipy(n: int) -> None:
    first, second = scores(n, seed=n)
    found, reference = paired(first, second), stats.ttest_rel(first, second)
    assert found.p == pytest.approx(reference.pvalue)
    assert found.interval == pytest.approx(tuple(reference.confidence_interval(0.95)))
    assert found.difference == pytest.approx(statistics.mean(first) - statistics.mean(second))


@pytest.mark.parametrize("values", [[3], [1, 2], [1, -2, 3], [2, 2, -2, 2], [0, 0, 1], [5, 4, 3, 2, 1, -1], [0, 0]])
def test_sign_flips_are_all_tried(values: list[int]) -> None:
    """In whole numbers, where ties are exact; then on decimals, where they must not be lost by rounding."""
    sums = [abs(sum(map(math.prod, zip(signs, values, strict=True)))) for signs in flips(len(values))]
    expected = Fraction(sum(total >= abs(sum(values)) for total in sums), len(sums))
    for factor in (1.0, 0.1, 1 / 3):
        found = paired([factor * value for value in values], [0.0] * len(values)).p_sign_flip
        assert found == (None if len(values) == 1 else expected)


def flips(n: int) -> list[tuple[int, ...]]:
    return list(itertools.product((1, -1), repeat=n))


@pytest.mark.parametrize("n", [3, 6])
def test_sign_flips_are_the_permutation_test_of_scipy(n: int) -> None:
    first, second = scores(n, seed=5)
    reference = stats.permutation_test(
        (np.array(first), np.array(second)), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=9999
    )
    assert paired(first, second).p_sign_flip == pytest.approx(reference.pvalue)


def test_few_seeds_cannot_have_a_small_p_by_sign_flips() -> None:
    for n in (2, 3, 5):
        assert paired([100.0] * n, list(range(n))).p_sign_flip == smallest_sign_flip_p(n) == 2 / 2**n
    assert paired(*scores(MOST_FLIPPED)).p_sign_flip is not None
    assert paired(*scores(MOST_FLIPPED + 1)).p_sign_flip is None


def power(n: int, shift: float) -> float:
    """Power of the two-sided 5 % test by integrating over the estimated deviation: no noncentral t distribution."""
    critical, free = stats.t.ppf(0.975, n - 1), n - 1

    def found(spread: float) -> float:
        limit = critical * spread / math.sqrt(free)
        inside = stats.norm.cdf(limit - shift) - stats.norm.cdf(-limit - shift)
        return float((1 - inside) * stats.chi.pdf(spread, free))

    return float(integrate.quad(found, 0, np.inf, limit=200)[0])


@pytest.mark.parametrize("n", [2, 3, 4, 5, 10, 30])
def test_the_detectable_effect_is_found_in_four_of_five_cases(n: int) -> None:
    assert power(n, detectable_effect(n) * math.sqrt(n)) == pytest.approx(0.8, abs=1e-6)


def test_the_detectable_effect_by_simulation() -> None:
    n, generator = 5, np.random.default_rng(1)
    samples = generator.normal(detectable_effect(n), 1, (100_000, n))
    statistic = samples.mean(1) / samples.std(1, ddof=1) * math.sqrt(n)
    assert np.mean(np.abs(statistic) > 2.776) == pytest.approx(0.8, abs=0.005)


def test_detectable_effects_as_printed_by_power_programs() -> None:
    # Sample sizes of a paired test at 5 % and 80 %: 34 pairs for half a standard deviation, 15 for 0.8.
    assert detectable_effect(34) <= 0.5 < detectable_effect(33)
    assert detectable_effect(15) <= 0.8 < detectable_effect(14)


def test_what_a_comparison_needs() -> None:
    alone = paired([70.0], [68.0])
    assert (alone.difference, alone.n) == (2.0, 1)
    assert (alone.interval, alone.p, alone.p_sign_flip, alone.detectable) == (None,) * 4
    assert paired([], []).difference is None
    with pytest.raises(ValueError, match="shorter"):
        paired([1.0, 2.0], [1.0])


def test_equal_differences_have_no_t() -> None:
    found = paired([70.3, 60.3, 50.3], [70.1, 60.1, 50.1])
    assert found.difference == pytest.approx(0.2) and found.p_sign_flip == 0.25
    assert found.p is None and found.detectable is None


def test_the_detectable_difference_grows_with_the_spread() -> None:
    first, second = scores(4)
    wider = [b + 10 * (a - b) for a, b in zip(first, second, strict=True)]
    narrow, wide = paired(first, second), paired(wider, second)
    assert narrow.detectable is not None and wide.detectable == pytest.approx(10 * narrow.detectable)
    spread = statistics.stdev(a - b for a, b in zip(first, second, strict=True))
    assert narrow.detectable == pytest.approx(spread * detectable_effect(4))


def test_interval_of_a_standard_deviation_covers_the_truth_in_19_of_20_cases() -> None:
    generator = np.random.default_rng(2)
    intervals = [deviation_interval(list(generator.normal(87, 0.14, 5))) for _ in range(4000)]
    assert np.mean([low <= 0.14 <= high for low, high in intervals]) == pytest.approx(0.95, abs=0.01)
