"""Claims about speed, approximation and additions, from measurements or by trying. Loads torch only when asked."""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lbrn import ternary
from lbrn.reproduction.claims.evidence import PLACES, Measured, measured
from lbrn.reproduction.claims.finding import Finding, Outcome
from lbrn.reproduction.claims.plan import Additions, Approximation, Speed
from lbrn.reproduction.statistics import estimate

Row = Mapping[str, str]
QUARTILES = 1.349
"""From the first to the third quartile of a normal distribution, in standard deviations."""
OF_MEDIAN = 1.2533
"""Standard error of a median, in standard errors of a mean."""
NORMAL = 1.96
FIGURES = tuple(f"{place}/figures" for place in PLACES)


def speed(test: Speed, root: Path) -> Finding:
    """Judge a ratio of times: every line that matches is measured, the best or the worst of them decides.

    Args:
        test: Which lines, and the threshold.
        root: The project's root.

    Raises:
        InputError: A file of measurements cannot be used.
    """
    few = {"best": "even the best of the measured ratios", "worst": "every measured ratio"}[test.take]
    because = f" ({test.why})" if test.why else ""
    what = f"95 % interval (from quartiles) of {few} lies at {test.at_least:g} or above{because}"
    found = measured(root, test.file)
    matching = [] if found is None else [row for row in found.rows if _matches(row, test.match)]
    if found is None or not matching:
        return Finding(Outcome.NOT_RUN, what, reason=f"no {test.file} with such a line; `lbrn bench all` measures it")
    choose = max if test.take == "best" else min
    row = choose(matching, key=lambda one: _ratio(one, test.times))
    low, high = _interval(row, test.times, found.samples)
    outcome = Outcome.HOLDS if low >= test.at_least else Outcome.FAILS if high < test.at_least else Outcome.UNDECIDED
    ratios = [_ratio(one, test.times) for one in matching]
    every = f"all {len(ratios)}: {min(ratios):.2f}x to {max(ratios):.2f}x"
    ours = f"{_ratio(row, test.times):.2f}x ({_described(row)}); {every}"
    reasons = [found.stale, _ceiling(root) if test.ceiling else ""]
    return Finding(
        outcome, what, ours, (low, high), found.samples, where=(found.name,),
        reason="; ".join(filter(None, reasons)),
    )  # fmt: skip


def approximation(test: Approximation, root: Path) -> Finding:
    """Judge the numerical experiment of section 3.6 from its figure's numbers.

    Args:
        test: What counts as no error.
        root: The project's root.

    Raises:
        InputError: The file cannot be used.
    """
    what = (
        "with every step of intermediate filters the error falls (95 % interval over seeds above 0), with ReLU and "
        f"without, and without ReLU to less than {test.nothing:g} %"
    )
    found = measured(root, "approximation.csv", FIGURES)
    if found is None:
        return Finding(Outcome.NOT_RUN, what, reason="`snakemake results/figures/approximation.csv` makes it")
    falls, told = [], []
    for line, rows in _lines(found).items():
        for before, after in itertools.pairwise(rows):
            interval = estimate([a - b for a, b in zip(_seeds(before), _seeds(after), strict=True)]).interval
            falls.append(interval is not None and interval[0] > 0)
        last = estimate(_seeds(rows[-1])).value or 0.0
        told.append((line, rows[-1], last))
    exact = [last < test.nothing for _, row, last in told if row["relu"] == "False"]
    ours = "; ".join(f"{line}: {last:.3g} % left at {row['filters']} filters" for line, row, last in told)
    outcome = Outcome.HOLDS if all(falls) and exact and all(exact) else Outcome.FAILS
    reason = "with ReLU the error falls and does not reach nothing" if outcome is Outcome.HOLDS else ""
    return Finding(outcome, what, ours, n=len(_seeds(told[0][1])), where=(found.name,), reason=reason)


def additions(_: Additions) -> Finding:
    """Compute a fixed convolution by additions and subtractions alone, and compare with multiplications.

    Numbers are integers, so that both must agree exactly.
    """
    from torch import from_numpy
    from torch.nn.functional import conv2d

    from lbrn.cost import ledger
    from lbrn.layers import LocalBinaryConv2d

    channels, side = 8, 7
    layer = LocalBinaryConv2d(channels, channels, 3, padding=1, sparsity=0.5, seed=0, name="additions")
    weights = ternary.draw((channels, channels, 3, 3), 0.5, seed=0, name="additions")
    generator = np.random.Generator(np.random.Philox(0))
    images = generator.integers(-1000, 1000, (1, channels, side, side))
    padded = np.pad(images[0], ((0, 0), (1, 1), (1, 1)))
    total, steps = np.zeros((channels, side, side), np.int64), 0
    for out, channel, y, x in np.argwhere(weights):
        part = padded[channel, y : y + side, x : x + side]
        total[out] = total[out] + part if weights[out, channel, y, x] > 0 else total[out] - part
        steps += part.size
    multiplied = conv2d(from_numpy(images.astype(np.float64)), layer.weight.double(), padding=1).numpy()[0]
    counted = ledger(layer, (channels, side, side))
    same = bool((multiplied == total).all()) and counted.macs == 0 and counted.adds == steps
    return Finding(
        Outcome.HOLDS if same else Outcome.FAILS,
        "exact: a fixed convolution of whole numbers by additions and subtractions alone equals torch's",
        f"{'equal' if same else 'NOT equal'}; {counted.adds:,} additions, {counted.macs} multiplications",
        where=("src/lbrn/reproduction/claims/measuring.py",),
        reason="learned 1x1 convolutions, normalisation and activations still multiply",
    )


def _matches(row: Row, match: Mapping[str, str]) -> bool:
    return all(row.get(column, "").startswith(value) for column, value in match.items())


def _ratio(row: Row, times: Sequence[str]) -> float:
    return float(row[f"{times[0]}_ms"]) / float(row[f"{times[1]}_ms"])


def _interval(row: Row, times: Sequence[str], samples: int) -> tuple[float, float]:
    """Of a ratio of two medians, from their quartiles as of normal distributions."""
    errors = [float(row[f"{name}_iqr_ms"]) / QUARTILES * OF_MEDIAN / float(row[f"{name}_ms"]) for name in times]
    half = NORMAL * math.hypot(*errors) / math.sqrt(samples)
    ratio = _ratio(row, times)
    return ratio * math.exp(-half), ratio * math.exp(half)


def _described(row: Row) -> str:
    parts = [
        row.get("network"),
        _with("sparsity", row),
        row.get("arithmetic"),
        _with("threads", row),
        _with("batch", row),
    ]
    return ", ".join(part for part in parts if part)


def _with(name: str, row: Row) -> str:
    return f"{name} {row[name]}" if row.get(name) else ""


def _ceiling(root: Path) -> str:
    """How much faster networks and blocks would be if their fixed filters cost nothing (Amdahl)."""
    from lbrn.models.costs import block_ledger, network_ledger

    told = []
    for what, count in (("network", network_ledger), ("block", block_ledger)):
        ratio = count("shn").flops_paper / count("lbrn-s").flops_paper
        told.append(f"{what} {ratio:.2f}x")
    reason = f"ceiling with fixed filters for nothing (Amdahl): by counting {', '.join(told)}"
    found = measured(root, "block.csv")
    values = [] if found is None else [float(row["ceiling"]) for row in found.rows if row.get("ceiling")]
    return f"{reason}; measured, block {min(values):.2f}x to {max(values):.2f}x" if values else reason


def _lines(found: Measured) -> dict[str, list[Row]]:
    lines: dict[str, list[Row]] = {}
    for row in found.rows:
        lines.setdefault(row["line"], []).append(row)
    return lines


def _seeds(row: Row) -> list[float]:
    return [float(value) for name, value in row.items() if re.fullmatch(r"seed\d+", name)]
