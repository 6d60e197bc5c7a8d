"""The verdicts as files: results/claims.csv, .md and .json. Imports no torch."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from lbrn.files import write_json, write_text
from lbrn.reproduction.claims.finding import Finding
from lbrn.reproduction.claims.judge import Verdict

NAME = "claims"
COLUMNS = (
    "id", "claim", "published", "ours", "interval", "n", "test", "detectable", "verdict", "where", "reason",
)  # fmt: skip
HEADER = (
    "Verdicts on the paper's claims, from the strongest evidence in results/ and results/reference/ (scale paper "
    "before small before quick)",
    "fields with several parts, one a test, are divided by |",
    "interval: 95 %, over seeds or from quartiles; n: pairs of seeds, runs or samples; detectable: the true difference "
    "that the test finds in 80 % of cases",
    "intervals of claims with several parts are not corrected for their number",
)
BETWEEN = " | "


def write(verdicts: Sequence[Verdict], results: Path) -> list[Path]:
    """Write the verdicts.

    Args:
        verdicts: Those of all claims.
        results: The results folder.

    Returns:
        The files written.
    """
    paths = [results / f"{NAME}{suffix}" for suffix in (".json", ".md", ".csv")]
    write_json(paths[0], {"claims": [verdict.as_json() for verdict in verdicts]})
    write_text(paths[1], markdown(verdicts))
    write_text(paths[2], csv_text(verdicts))
    return paths


def fields(verdict: Verdict) -> tuple[str, ...]:
    """A verdict as it is printed, see `COLUMNS`."""
    found = verdict.findings
    tested = [finding for finding in found if finding.outcome is not None]
    where = dict.fromkeys(place for finding in found for place in finding.where)
    runs = dict.fromkeys(key for finding in found for key in finding.runs)
    return (
        verdict.claim.id,
        verdict.claim.text,
        verdict.claim.published,
        _joined(tested, lambda one: one.ours),
        _joined(tested, _interval),
        _joined(tested, lambda one: str(one.n) if one.n else ""),
        _joined(tested, lambda one: one.test),
        _joined(tested, lambda one: "" if one.detectable is None else f"{one.detectable:.2f}"),
        verdict.outcome.value,
        BETWEEN.join([*where, *([f"runs: {', '.join(runs)}"] if runs else [])]),
        BETWEEN.join(dict.fromkeys(finding.reason for finding in found if finding.reason)),
    )


def csv_text(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as CSV under comment lines."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(fields(verdict) for verdict in verdicts)
    return "".join(f"# {line}\n" for line in HEADER) + stream.getvalue()


def markdown(verdicts: Sequence[Verdict]) -> str:
    """The verdicts for readers: the table, under it how they are distributed."""
    counts = Counter(verdict.outcome.value for verdict in verdicts)
    lines = [f"# {HEADER[0]}", "", ", ".join(f"{name}: {count}" for name, count in counts.most_common()), ""]
    lines += [f"| {' | '.join(COLUMNS)} |", "|" + ":--|" * len(COLUMNS)]
    lines += [f"| {' | '.join(map(_markdown_field, fields(verdict)))} |" for verdict in verdicts]
    return "\n".join([*lines, "", *(f"* {line}" for line in HEADER[2:]), ""])


def line(verdict: Verdict) -> str:
    """A verdict in one line."""
    _, claim, _, ours, *_, reason = fields(verdict)
    parts = [f"{verdict.claim.id:4}{verdict.outcome.value.upper()}: {claim}", f"ours: {ours}" if ours else "", reason]
    return "\n     ".join(filter(None, parts))


def _joined(findings: Iterable[Finding], shown: Callable[[Finding], str]) -> str:
    texts = [shown(finding) for finding in findings]
    return BETWEEN.join(texts) if any(texts) else ""


def _interval(finding: Finding) -> str:
    return "" if finding.interval is None else f"{finding.interval[0]:.2f} to {finding.interval[1]:.2f}"


def _markdown_field(text: str) -> str:
    return text.replace(BETWEEN, "<br>").replace("|", "\\|")
