"""The verdicts as the page shows them: what is wrong first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lbrn.reproduction.claims.finding import Finding, Outcome
from lbrn.reproduction.claims.judge import Verdict
from lbrn.reproduction.published import Claim
from lbrn.reproduction.report.anchors import Part, linked

ORDER = (Outcome.FAILS, Outcome.REFUTED, Outcome.HOLDS, Outcome.UNDECIDED, Outcome.NOT_RUN)
GLANCE = 3


@dataclass(frozen=True)
class Number:
    """Our number.

    Attributes:
        value: The number.
        rest: What it is of, its interval, the number of samples, and the smallest effect that can be seen.
    """

    value: str
    rest: str


@dataclass(frozen=True)
class Line:
    """What one test of a claim says.

    Attributes:
        outcome: The verdict of this test alone.
        kind: The same as a name of a style.
        ours: Our number; None for none.
        test: What was tested.
        where: Evidence, as parts that may lead to other places.
        runs: The runs behind it, likewise.
    """

    outcome: str
    kind: str
    ours: Number | None
    test: str
    where: list[Part]
    runs: list[Part]


@dataclass(frozen=True)
class Shown:
    """A verdict.

    Attributes:
        claim: The claim.
        outcome: The verdict.
        kind: The verdict as a name of a style.
        ours: Our numbers at a glance: of the tests that decide first, and of no more than `GLANCE`.
        reasons: Why, each once, as parts that may lead to other places.
        lines: What its tests say.
    """

    claim: Claim
    outcome: str
    kind: str
    ours: tuple[Number, ...]
    reasons: tuple[list[Part], ...]
    lines: tuple[Line, ...]


def shown(verdicts: Sequence[Verdict], anchors: Mapping[str, str], runs: Mapping[str, str]) -> list[Shown]:
    """Verdicts in the order in which they are read.

    Args:
        verdicts: Those of all claims.
        anchors: Ids of the tables and measurements in the page, by path.
        runs: Ids of the runs in the page, by key.
    """
    ordered = sorted(verdicts, key=lambda verdict: ORDER.index(verdict.outcome))
    return [_shown(verdict, anchors, runs) for verdict in ordered]


def counts(verdicts: Sequence[Verdict]) -> list[tuple[str, str, list[str]]]:
    """The claims of each verdict: its name, name of the style, ids of the claims, in the order of reading."""
    found: dict[Outcome, list[str]] = {outcome: [] for outcome in ORDER}
    for verdict in verdicts:
        found[verdict.outcome].append(verdict.claim.id)
    return [(outcome.value, _kind(outcome), claims) for outcome, claims in found.items() if claims]


def _shown(verdict: Verdict, anchors: Mapping[str, str], runs: Mapping[str, str]) -> Shown:
    deciding = sorted(verdict.findings, key=lambda finding: finding.outcome is not verdict.outcome)
    ours = dict.fromkeys(filter(None, map(_ours, deciding)))
    return Shown(
        verdict.claim,
        verdict.outcome.value,
        _kind(verdict.outcome),
        tuple(ours)[:GLANCE],
        tuple(linked(text, anchors) for text in dict.fromkeys(one.reason for one in deciding) if text),
        tuple(_line(finding, anchors, runs) for finding in verdict.findings if finding.outcome is not None),
    )


def _kind(outcome: Outcome | None) -> str:
    return "remark" if outcome is None else outcome.name.lower().replace("_", "-")


def _line(finding: Finding, anchors: Mapping[str, str], runs: Mapping[str, str]) -> Line:
    where: list[Part] = []
    for place in finding.where:
        where += [*([Part("; ")] if where else []), *linked(place, anchors)]
    return Line(
        outcome="" if finding.outcome is None else finding.outcome.value,
        kind=_kind(finding.outcome),
        ours=_ours(finding),
        test=finding.test,
        where=where,
        runs=[Part(key, runs.get(key, "")) for key in finding.runs],
    )


def _ours(finding: Finding) -> Number | None:
    if not finding.ours:
        return None
    value, parenthesis, rest = finding.ours.partition(" (")
    parts = [f"{parenthesis}{rest}"]
    if finding.interval is not None:
        parts.append(f"95 % interval {finding.interval[0]:.2f} to {finding.interval[1]:.2f}")
    if finding.n:
        parts.append(f"n = {finding.n}")
    if finding.detectable is not None:
        parts.append(f"detectable {finding.detectable:.2f}")
    return Number(value, ", ".join(parts))
