"""Statistics over seeds: means with Student's t-interval, paired comparisons, the smallest effect that seeds can show.

Knows nothing of tables and runs. Imports no torch; scipy only where there are two values or more.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

CONFIDENCE = 0.95
POWER = 0.8
MOST_FLIPPED = 20
"""Largest number of pairs whose sign flips are all tried: a million sums."""

_ROUNDING = 1e-9
"""Values that differ by less than this, relative to the largest, are equal but for rounding."""


@dataclass(frozen=True)
class Estimate:
    """The mean over seeds.

    Attributes:
        value: The mean, None where no run has a value.
        interval: Ends of the 95 % t-interval of the mean; None for fewer than two values.
        n: How many runs have a value.
        deviation: Standard deviation of single runs (n - 1 in the denominator); None for fewer than two values.
    """

    value: float | None
    interval: tuple[float, float] | None
    n: int
    deviation: float | None = None


@dataclass(frozen=True)
class Paired:
    """The difference between two networks that were run with the same seeds, seed by seed.

    Attributes:
        difference: Mean of first - second; None without a pair.
        interval: Ends of its 95 % t-interval; None for fewer than two pairs.
        n: Number of pairs.
        p: Of the two-sided paired t test; None for fewer than two pairs, and where all differences are equal.
        p_sign_flip: Of the exact two-sided test that flips the signs of the differences in all 2^n ways, so that it
            is at least 2 / 2^n; None for fewer than two pairs and for more than `MOST_FLIPPED`.
        detectable: The true difference that the t test would find, at the 5 % level, in 80 % of repetitions with as
            many pairs, taking the pairs' own standard deviation for the true one; None where `p` is.
    """

    difference: float | None
    interval: tuple[float, float] | None
    n: int
    p: float | None
    p_sign_flip: float | None
    detectable: float | None


def estimate(values: Sequence[float | None]) -> Estimate:
    """Return mean, standard deviation and 95 % t-interval over seeds; missing values are left out.

    Args:
        values: One a seed.

    >>> estimate([70.0]).interval is None
    True
    """
    known = [value for value in values if value is not None]
    if not known:
        return Estimate(None, None, 0)
    mean = math.fsum(known) / len(known)
    if len(known) == 1:
        return Estimate(mean, None, 1)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in known) / (len(known) - 1))
    half = _critical(len(known)) * deviation / math.sqrt(len(known))
    return Estimate(mean, (mean - half, mean + half), len(known), deviation)


def deviation_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the standard deviation, from the chi-square distribution of the variance.

    Args:
        values: Two or more, one a seed.
    """
    from scipy.stats import chi2

    mean, free = math.fsum(values) / len(values), len(values) - 1
    squares = math.fsum((value - mean) ** 2 for value in values)
    low, high = (float(chi2.ppf(share, free)) for share in ((1 + CONFIDENCE) / 2, (1 - CONFIDENCE) / 2))
    return math.sqrt(squares / low), math.sqrt(squares / high)


def paired(first: Sequence[float], second: Sequence[float]) -> Paired:
    """Compare two networks over the same seeds.

    Args:
        first: Scores of one network, one a seed.
        second: Scores of the other at the same seeds, in the same order.

    Raises:
        ValueError: They are not of the same length.
    """
    differences = [one - other for one, other in zip(first, second, strict=True)]
    mean = estimate(differences)
    if mean.value is None or mean.deviation is None:
        return Paired(mean.value, None, mean.n, None, None, None)
    flipped = _sign_flip(differences)
    if mean.deviation <= _ROUNDING * max(map(abs, (*first, *second))):
        return Paired(mean.value, mean.interval, mean.n, None, flipped, None)
    from scipy.stats import t

    statistic = mean.value / (mean.deviation / math.sqrt(mean.n))
    p = 2 * float(t.sf(abs(statistic), mean.n - 1))
    return Paired(mean.value, mean.interval, mean.n, p, flipped, mean.deviation * detectable_effect(mean.n))


@cache
def detectable_effect(n: int) -> float:
    """Return the smallest true difference that a paired t test finds in 80 % of cases, in standard deviations.

    The test is two-sided at the 5 % level; under a true difference its statistic has the noncentral t distribution.

    Args:
        n: Number of pairs, at least 2.

    >>> round(detectable_effect(34), 2)
    0.5
    """
    from scipy.optimize import brentq
    from scipy.stats import nct

    critical = _critical(n)

    def lacking(shift: float) -> float:
        # The lower tail as the upper one of the opposite shift: scipy's own lower tail is not a number at places.
        return float(nct.sf(critical, n - 1, shift) + nct.sf(critical, n - 1, -shift)) - POWER

    return float(brentq(lacking, 0.0, 4 * critical)) / math.sqrt(n)


def smallest_sign_flip_p(n: int) -> float:
    """Return the smallest p-value that the sign-flip test can have.

    Args:
        n: Number of pairs.
    """
    return float(2.0 ** (1 - n))


def _critical(n: int) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + CONFIDENCE) / 2, n - 1))


def _sign_flip(differences: Sequence[float]) -> float | None:
    if len(differences) > MOST_FLIPPED:
        return None
    sums = [0.0]
    for difference in differences:
        sums = [total + step for total in sums for step in (difference, -difference)]
    reached = abs(math.fsum(differences)) - _ROUNDING * math.fsum(map(abs, differences))
    return sum(abs(total) >= reached for total in sums) / len(sums)
