"""Verdicts follow the tables that are wished, and whatever other results come to be there."""

import csv
import json

import pytest

from workflow.workspace import Workspace

pytestmark = [pytest.mark.project, pytest.mark.slow]


def test_verdicts_are_made_after_the_tables_and_again_when_results_change(fresh: Workspace) -> None:
    fresh.knobs(columns=["SHN", "LBRN-S"])
    with fresh.counting() as calls:
        fresh.snakemake("results/claims.csv")
    assert "table 1" in calls and calls.index("table 1") < calls.index("claims")
    with (fresh.root / "results/claims.csv").open(newline="") as stream:
        rows = {row["id"]: row for row in csv.DictReader(line for line in stream if not line.startswith("#"))}
    assert len(rows) == 26
    assert rows["C8"]["verdict"] == "undecided" and "results/table1.json" in rows["C8"]["where"]

    with fresh.counting() as calls:
        fresh.snakemake("results/claims.csv")
    assert "claims" not in calls

    reference = fresh.root / "results/reference/paper/table1.json"
    reference.parent.mkdir(parents=True)
    content = json.loads((fresh.root / "results/table1.json").read_text())
    reference.write_text(json.dumps(content | {"scale": "paper"}))
    with fresh.counting() as calls:
        fresh.snakemake("results/claims.csv")
    assert [call for call in calls if call != "track"] == ["claims"]
    assert "results/reference/paper/table1.json" in (fresh.root / "results/claims.csv").read_text()
