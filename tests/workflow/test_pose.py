"""`snakemake pose`: Tables 1 to 8 from one plan, every network once, and the tables as the paper prints them."""

import re

import pandas as pd
import pytest

from workflow.workspace import Workspace, trained

pytestmark = [pytest.mark.project, pytest.mark.slow]

COLUMNS = [
    "SHN", "LBRN-S", "0.1", "0.5", "LBRN(256)", "LBRN(64)", "LBRN-1", "LBRN-2", "LBRN(8)", "LBRN(8, half)",
    "LBRN-sigmoid",
]  # fmt: skip
"""Some of every table but one of Table 3, whose LBRN-1 has another label."""


def planned(text: str) -> dict[str, int]:
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", text, flags=re.MULTILINE)}


def test_the_whole_study_is_planned_with_every_network_once(fresh: Workspace) -> None:
    fresh.knobs(columns=None)
    counts = planned(fresh.snakemake("-n", "pose"))
    assert (counts["train"], counts["predict"], counts["score"], counts["table"]) == (36, 36, 36, 8)
    assert (counts["prepare"], counts["pose"]) == (3, 1)
    fresh.knobs(seeds=[0, 1])
    assert planned(fresh.snakemake("-n", "pose"))["train"] == 72


def test_tables_2_to_8_are_made_and_a_new_sparsity_trains_what_follows_it(fresh: Workspace) -> None:
    fresh.knobs(columns=COLUMNS)
    with fresh.counting() as calls:
        fresh.snakemake("pose")
    mpii = ["lbrn-s-fixed-1x1-s0.5", "lbrn-s-no-3x3", "lbrn-s-s0.1", *["lbrn-s-s0.5"] * 4, "shn"]
    lsp = ["lbrn-p-s0.1", "lbrn-p-s0.5", "lbrn-s-s0.5", "shn"]
    assert trained(calls) == sorted(mpii + lsp)
    assert sorted(call for call in calls if call.startswith("table")) == [f"table {n}" for n in range(1, 9)]

    def read(number: int, heading: str = "row") -> pd.DataFrame:
        path = fresh.root / "results" / f"table{number}.csv"
        return pd.read_csv(path, comment="#", dtype={heading: str}).set_index(heading)

    half = read(5).loc["Elbow", "LBRN(8, half) published"]
    assert half == 86.4  # in the paper's row Wrist
    sweep = read(2, "sparsity")
    assert sweep.loc["0.5", "Total"] == read(3).loc["Total", "LBRN(256)"] == read(1).loc["Total", "LBRN-S"]
    assert sweep.loc["0.1", "Total difference"] == pytest.approx(sweep.loc["0.1", "Total"] - 87.2)
    assert sweep["Total"].notna().sum() == 2 and sweep["Total published"].notna().all()
    assert read(8, "sparsity").loc["0.5", "Total"] != sweep.loc["0.5", "Total"]

    with fresh.counting() as calls:
        assert "Nothing to be done" in fresh.snakemake("pose")
    assert calls == []
    fresh.knobs(sparsity=0.1)
    with fresh.counting() as calls:
        fresh.snakemake("results/table2.csv", "results/table4.csv", "results/table8.csv")
    assert trained(calls) == ["lbrn-s-fixed-1x1-s0.1"]


def test_columns_that_a_table_lacks_are_named(fresh: Workspace) -> None:
    output = fresh.snakemake("-n", "pose", fails=True)
    assert "lbrn: params.yaml: columns names none of table 2, which has 0.1, 0.2" in output
    assert "Traceback" not in output
