"""Which printed totals can be means of the printed columns: found out by arithmetic. Imports no torch."""

from pathlib import Path

from lbrn.errors import InputError
from lbrn.reproduction import published
from lbrn.reproduction.claims.finding import Finding
from lbrn.reproduction.claims.plan import FILE, Averages

ALONE, PAIRED = ("Head",), ("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle")
JOINTS = 14
HALF_DIGIT = 0.05
"""Printed numbers have one decimal."""


def averages(test: Averages, root: Path) -> Finding:
    """Say which totals of a table can be means of 14 joints, and what its columns themselves give.

    The mean of 14 joints is that of head, neck and six pairs; the neck is not printed, but has at most 100 %.

    Args:
        test: The table, and two networks that the paper compares.
        root: The project's root.

    Raises:
        InputError: The table does not print a number that this needs.
    """
    name = f"paper/published/table{test.table}.csv"
    printed = published.read_table(root / name)
    told = []
    for column in test.columns:
        low, high = needed_neck([_number(printed, row, column, name) for row in (*ALONE, *PAIRED, "Total")])
        neck = (low + high) / 2
        verdict = "cannot be one of 14 joints" if low > 100 else "can be one of 14 joints"
        told.append(f"the printed total of {column} {verdict} (its neck would be at {neck:.1f} %)")
    means = {column: _mean(printed, column, name) for column in test.columns}
    first, second = test.columns[:2]
    gap = means[first] - means[second]
    total = _number(printed, "Total", first, name) - _number(printed, "Total", second, name)
    told.append(
        f"means of the seven printed columns: {', '.join(f'{column} {mean:.2f}' for column, mean in means.items())}, a "
        f"difference of {gap:+.2f} where the totals say {total:+.1f}"
    )
    return Finding(None, where=(name,), reason=f"arithmetic: {'; '.join(told)}")


def needed_neck(numbers: list[float]) -> tuple[float, float]:
    """Return between which values the unprinted neck must lie for a printed total to be the mean of 14 joints.

    Args:
        numbers: Head, the six pairs and the total, in percent, each rounded to one decimal.

    >>> round(needed_neck([96.4, 94.0, 87.5, 81.4, 85.5, 80.5, 77.0, 87.4])[0])
    114
    """
    head, *pairs, total = numbers
    neck = JOINTS * total - head - 2 * sum(pairs)
    slack = HALF_DIGIT * (JOINTS + 1 + 2 * len(pairs))
    return neck - slack, neck + slack


def _mean(printed: dict[tuple[str, str], str], column: str, name: str) -> float:
    rows = (*ALONE, *PAIRED)
    return sum(_number(printed, row, column, name) for row in rows) / len(rows)


def _number(printed: dict[tuple[str, str], str], row: str, column: str, name: str) -> float:
    if (row, column) not in printed:
        raise InputError(f"{FILE}: {name} prints no {row} of {column}; name columns that it has")
    return float(printed[row, column])
