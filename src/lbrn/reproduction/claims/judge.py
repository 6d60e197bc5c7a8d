"""The verdict on every claim of the paper, from the strongest evidence there is."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lbrn.reproduction import published
from lbrn.reproduction.claims import accuracy, averaging, counting, measuring, plan
from lbrn.reproduction.claims.finding import Finding, Outcome, combined
from lbrn.reproduction.published import Claim


@dataclass(frozen=True)
class Verdict:
    """What becomes of a claim.

    Attributes:
        claim: The claim.
        outcome: The verdict.
        findings: What each of its tests says.
    """

    claim: Claim
    outcome: Outcome
    findings: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        """The verdict as plain data."""
        return {
            **asdict(self.claim),
            "verdict": self.outcome.value,
            "findings": [asdict(finding) for finding in self.findings],
        }


def judge(root: Path) -> list[Verdict]:
    """Judge every claim.

    Args:
        root: The project's root: with paper/, and whatever results there are.

    Returns:
        The verdicts, in the order of paper/claims.csv.

    Raises:
        InputError: A file of the paper or of the results cannot be used.
    """
    claims = published.read_claims(root / "paper" / "claims.csv")
    tests = plan.load(root, [claim.id for claim in claims])
    ground = accuracy.read_ground(root)
    return [_verdict(claim, tests[claim.id], ground) for claim in claims]


def _verdict(claim: Claim, tests: tuple[plan.Test, ...], ground: accuracy.Ground) -> Verdict:
    findings = tuple(finding for test in tests for finding in _findings(test, claim.id, ground))
    return Verdict(claim, combined(findings), findings)


def _findings(test: plan.Test, claim: str, ground: accuracy.Ground) -> list[Finding]:
    root = ground.root
    match test:
        case plan.Count():
            return [counting.count(test, root)]
        case plan.Budget():
            return [counting.budget(test, root)]
        case plan.Difference():
            return accuracy.difference(test, ground, claim)
        case plan.Spread():
            return [accuracy.spread(test, root, claim)]
        case plan.Speed():
            return [measuring.speed(test, root)]
        case plan.Averages():
            return [averaging.averages(test, root)]
        case plan.Approximation():
            return [measuring.approximation(test, root)]
        case plan.Additions():
            return [measuring.additions(test)]
        case plan.Remark():
            return [Finding(None, reason=test.text)]
