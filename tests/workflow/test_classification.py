"""`snakemake classification`: Table 9 from one plan, with a trainer that makes its network at once."""

import csv

import pytest

from workflow.test_pose import planned
from workflow.workspace import Workspace, trained

pytestmark = [pytest.mark.project, pytest.mark.slow]


def test_table_9_is_planned_and_made_with_every_network_on_every_dataset(fresh: Workspace) -> None:
    fresh.knobs(columns=None, tables=[9])
    counts = planned(fresh.snakemake("-n", "classification"))
    assert (counts["train"], counts["score"], counts["prepare"], counts["table"]) == (9, 9, 3, 1)
    fresh.knobs(columns=["ResNet-56", "ResNet-LBB-56"], datasets=["CIFAR-10", "CIFAR-100"])
    with fresh.counting() as calls:
        fresh.snakemake("results/table9.csv")
    assert trained(calls) == ["resnet-lbb56-s0.5", "resnet-lbb56-s0.5", "resnet56", "resnet56"]
    lines = (fresh.root / "results" / "table9.csv").read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("# ")))
    assert [bool(row["top-1 error (%)"]) for row in rows] == [True, True, False] * 2 + [False] * 3
    with fresh.counting() as calls:
        assert "Nothing to be done" in fresh.snakemake("results/table9.csv")
    assert calls == []
    fresh.knobs(sparsity=0.7)
    with fresh.counting() as calls:
        fresh.snakemake("results/table9.csv")
    assert trained(calls) == ["resnet-lbb56-s0.7", "resnet-lbb56-s0.7"]
