"""Another seed trains what is new and nothing else; the paper's ten repetitions have a target of their own."""

import json

import pandas as pd
import pytest

from workflow.workspace import Workspace

pytestmark = [pytest.mark.project, pytest.mark.slow]


def seeds_trained(calls: list[str]) -> dict[str, list[int]]:
    """Seeds of each variant that was trained: `train lbrn-s-s0.5-seed3-1a2b3c4d` -> lbrn-s-s0.5: 3."""
    found: dict[str, list[int]] = {}
    for call in calls:
        if call.startswith("train "):
            variant, rest = call.split()[1].split("-seed")
            found.setdefault(variant, []).append(int(rest.split("-")[0]))
    return {variant: sorted(seeds) for variant, seeds in sorted(found.items())}


def test_another_seed_trains_its_runs_only_and_repetitions_share_them(fresh: Workspace) -> None:
    fresh.knobs(columns=["SHN", "LBRN-S"], repetitions=4)
    with fresh.counting() as calls:
        fresh.snakemake("results/table1.csv")
    assert seeds_trained(calls) == {"lbrn-s-s0.5": [0], "shn": [0]}

    fresh.knobs(seeds=[0, 2])
    with fresh.counting() as calls:
        fresh.snakemake("results/table1.csv")
    assert seeds_trained(calls) == {"lbrn-s-s0.5": [2], "shn": [2]}
    assert not [call for call in calls if call.startswith(("predict", "score")) and "-seed0-" in call]
    table = json.loads((fresh.root / "results/table1.json").read_text())
    assert table["seeds"] == [0, 2]
    (pair,) = table["comparisons"]
    assert (pair["first"], pair["second"], pair["n"]) == ("LBRN-S", "SHN", 2)

    with fresh.counting() as calls:
        fresh.snakemake("repetitions")
    assert seeds_trained(calls) == {"lbrn-p-s0.5": [0, 1, 2, 3], "lbrn-s-s0.5": [1, 3]}
    assert "repetitions" in calls
    frame = pd.read_csv(fresh.root / "results/repetitions.csv", comment="#").set_index("network")
    assert list(frame["seeds"]) == [4, 4] and frame.loc["LBRN-P", "published mean"] == 91.9

    fresh.knobs(seeds=[0])
    with fresh.counting() as calls:
        fresh.snakemake("results/table1.csv", "repetitions")
    assert set(calls) == {"table 1", "repetitions", "track"}
    assert json.loads((fresh.root / "results/table1.json").read_text())["seeds"] == [0]

    fresh.knobs(repetitions=5)
    with fresh.counting() as calls:
        fresh.snakemake("repetitions")
    assert seeds_trained(calls) == {"lbrn-p-s0.5": [4], "lbrn-s-s0.5": [4]}


def test_a_filter_seed_of_its_own_leaves_the_training_seeds_alone(fresh: Workspace) -> None:
    fresh.knobs(columns=["SHN", "LBRN-S"], seeds=[0, 1])
    fresh.snakemake("results/table1.csv")
    fresh.knobs(filter_seed=7)
    with fresh.counting() as calls:
        fresh.snakemake("results/table1.csv")
    assert seeds_trained(calls) == {"lbrn-s-s0.5": [0, 1]}
    assert "fixed filters of seed 7: the same filters" in (fresh.root / "results/table1.csv").read_text()
