"""Two networks of a table against each other, seed by seed. Imports no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lbrn.reproduction.experiments import Table as Entry
from lbrn.reproduction.results import Result
from lbrn.reproduction.statistics import Paired, paired, smallest_sign_flip_p

DECIMALS = 2
HEADINGS = ("difference", "95 % interval", "p (paired t)", "p (sign flips)", "detectable", "published")
"""What `fields` are."""


@dataclass(frozen=True)
class Comparison:
    """One comparison of a table.

    Attributes:
        first: Label of the one network.
        second: Label of the other, which is subtracted.
        row: The row that is compared.
        seeds: Seeds at which both have a score.
        paired: What their scores say.
        published: Difference of the published numbers; None where the paper prints none or another setting was run.
    """

    first: str
    second: str
    row: str
    seeds: tuple[int, ...]
    paired: Paired
    published: float | None

    def as_json(self) -> dict[str, Any]:
        """The comparison as plain data."""
        found = asdict(self.paired)
        interval = None if self.paired.interval is None else list(self.paired.interval)
        place = {"first": self.first, "second": self.second, "row": self.row, "seeds": list(self.seeds)}
        return {**place, **found, "interval": interval, "published": self.published}


def compare_networks(
    entry: Entry, results: Mapping[str, Sequence[Result]], published: Mapping[tuple[str, str], str | None]
) -> tuple[Comparison, ...]:
    """Make the comparisons that a table's entry asks for, of the networks that were run.

    Args:
        entry: The table's entry in workflow/experiments.yaml.
        results: The finished runs of each network.
        published: The published numbers by (row, network), where they compare with these runs.

    Raises:
        InputError: A run lacks a score.
    """
    if entry.compare is None:
        return ()
    row, made = entry.compare.row, []
    for first, second in entry.compare.pairs:
        scores = [_by_seed(results.get(label, ()), entry.metric, row) for label in (first, second)]
        seeds = tuple(sorted(scores[0].keys() & scores[1].keys()))
        if not seeds:
            continue
        values = [[numbers[seed] for seed in seeds] for numbers in scores]
        printed = [published.get((row, label)) for label in (first, second)]
        difference = None if None in printed else float(printed[0] or 0) - float(printed[1] or 0)
        made.append(Comparison(first, second, row, seeds, paired(*values), difference))
    return tuple(made)


def fields(comparison: Comparison) -> tuple[str, ...]:
    """A comparison as it is printed, see `HEADINGS`; empty where there is no number."""
    found = comparison.paired
    interval = "" if found.interval is None else " to ".join(map(_signed, found.interval))
    numbers = (_p(found.p), _p(found.p_sign_flip), "" if found.detectable is None else _plain(found.detectable))
    return (_signed(found.difference), interval, *numbers, _signed(comparison.published))


def sentence(comparison: Comparison) -> str:
    """A comparison in one line."""
    numbers = dict(zip(HEADINGS, fields(comparison), strict=True))
    name = f"{comparison.first} - {comparison.second}, {comparison.row}: {numbers.pop('difference')}"
    return ", ".join([name, *(f"{heading} {text}" for heading, text in numbers.items() if text)])


def explained(comparisons: Sequence[Comparison], sweep: str | None) -> list[str]:
    """What the numbers of these comparisons mean, for the header of the table.

    Args:
        comparisons: Those of one table.
        sweep: What its networks differ in, where it is a sweep.
    """
    if not comparisons:
        return []
    n = max(comparison.paired.n for comparison in comparisons)
    what = "compared" if sweep is None else f"compared, by {sweep}"
    if n < 2:
        return [f"{what}: differences of one seed, without interval and test"]
    flips = f"{smallest_sign_flip_p(n):.2g}"
    return [
        f"{what}: differences seed by seed over {n} seeds, mean and 95 % t-interval; p: two-sided paired t test, and "
        f"the exact test over all flips of signs, which {n} seeds cannot bring below {flips}; detectable: the true "
        "difference that the t test finds at the 5 % level in 80 % of cases, if the spread is that of these seeds; the "
        "p-values are not corrected for the number of comparisons"
    ]


def _by_seed(results: Sequence[Result], metric: str, row: str) -> dict[int, float]:
    scores = {int(result.spec["seed"]): result.score(metric, row) for result in results}
    return {seed: score for seed, score in scores.items() if score is not None}


def _plain(value: float) -> str:
    return f"{value:.{DECIMALS}f}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{round(value, DECIMALS) + 0.0:+.{DECIMALS}f}"  # + 0.0 turns -0.0 into 0.0


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
