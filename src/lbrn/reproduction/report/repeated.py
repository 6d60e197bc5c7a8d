"""The paper's repeated networks as the page shows them: a card for each row."""

import shlex
from pathlib import Path

from lbrn.reproduction.claims.evidence import Evidence
from lbrn.reproduction.report.anchors import Part, slug
from lbrn.reproduction.report.measurements import Listing, listing
from lbrn.reproduction.report.runs import Runs
from lbrn.reproduction.report.sheets import Card


def repeated(evidence: Evidence, root: Path, runs: Runs) -> Listing:
    """Show mean and spread over seeds.

    Args:
        evidence: The finished repetitions.
        root: The project's root.
        runs: Where the runs are looked up, and kept for the page.

    Raises:
        InputError: The file, or one of the runs, cannot be read.
    """
    path = root / evidence.name
    found = listing(root, path.with_suffix(".csv"), f"Repetitions, scale {evidence.scale}")
    cards, rows = [], []
    for number, (row, given) in enumerate(zip(found.rows, evidence.content["cells"], strict=True)):
        anchor = slug("from", found.anchor, number)
        behind = tuple(Part(key, run.anchor if (run := runs.get(key, path.parent)) else "") for key in given["runs"])
        facts = (
            ("values", ", ".join(f"{value:.6g}" for value in given["values"])),
            ("definition", str(given["definition"])),
            ("file", evidence.label),
        )
        command = f"grep -A 40 {shlex.quote(given['network'])} {shlex.quote(evidence.name)}"
        cards.append((anchor, Card(f"{given['network']} on {given['dataset']}", facts, behind, command)))
        rows.append(tuple(Part(field.text, anchor) for field in row))
    return Listing(**{**vars(found), "rows": tuple(rows), "cards": tuple(cards)})
