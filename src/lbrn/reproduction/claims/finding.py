"""What one test says of a claim, and how the tests of a claim make its verdict. Imports no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """A verdict."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"
    NOT_RUN = "not run"
    REFUTED = "refuted by arithmetic"


@dataclass(frozen=True)
class Finding:
    """What one test says.

    Attributes:
        outcome: The verdict of this test alone; None for a remark, which decides nothing.
        test: What was tested, and the threshold.
        ours: Our number, with what it is; empty without one.
        interval: Ends of its 95 % interval, in the unit of `ours`.
        n: Pairs of seeds, runs or samples behind it; 0 for what is counted.
        detectable: Smallest true effect that the test finds in 80 % of cases; None where that is not known.
        where: File and place of the evidence, one an item.
        runs: Keys of the runs behind it.
        reason: Why it is undecided, not run or refuted, and what else a reader must know; empty for nothing.
    """

    outcome: Outcome | None
    test: str = ""
    ours: str = ""
    interval: tuple[float, float] | None = None
    n: int = 0
    detectable: float | None = None
    where: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    reason: str = ""


def combined(findings: Sequence[Finding]) -> Outcome:
    """Return the verdict on a claim from the outcomes of its tests.

    One false part makes the whole false; what is not wholly decided is undecided; all parts must hold for it to hold.

    Args:
        findings: One a test; remarks do not count.

    >>> combined([Finding(Outcome.HOLDS), Finding(Outcome.NOT_RUN)]).value
    'not run'
    """
    outcomes = {finding.outcome for finding in findings} - {None}
    for worst in (Outcome.REFUTED, Outcome.FAILS, Outcome.UNDECIDED, Outcome.NOT_RUN):
        if worst in outcomes:
            return worst
    return Outcome.HOLDS
