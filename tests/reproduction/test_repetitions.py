"""The paper's rows of ten repetitions: which runs they are, and their numbers on another way."""

import csv
import json
import math
import statistics
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy import stats

from lbrn.errors import InputError
from lbrn.files import write_json
from lbrn.reproduction import dag, runs
from lbrn.reproduction.publish_results import publish_results
from lbrn.reproduction.published import read_repetitions
from lbrn.reproduction.repetitions import make_repetitions
from reproduction import table_runs as fake
from reproduction.pose_tables import Opened
from toy_project import Toy, make_toy

pytestmark = pytest.mark.project
NETWORKS = {"LBRN-S": ("mpii", "pckh@0.5-mean14"), "LBRN-P": ("lsp", "pck@0.2-torso")}


def scored(toy: Toy) -> None:
    """All runs of the repetitions with made-up scores, and what the data say of themselves."""
    noise = 0
    for _, specs in runs.repetition_runs(toy.book()):
        for spec in specs:
            noise += 1
            folder = toy.root / "results" / "runs" / runs.run_key(spec)
            if not folder.exists():
                _, made = fake.scored_run(toy.root / "elsewhere", spec, noise)
                folder.parent.mkdir(parents=True, exist_ok=True)
                made.rename(folder)
    for name in ("mpii", "lsp", "lspet"):
        write_json(toy.prepared(name) / "info.json", fake.INFO | {"name": name})


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    toy = make_toy(tmp_path / "project", repetitions=4)
    scored(toy)
    return toy


def own_totals(toy: Toy, network: str) -> list[float]:
    dataset, metric = NETWORKS[network]
    variant = network.lower()
    files = (toy.root / "results/runs/quick" / dataset).glob(f"{variant}-s0.*/scores.json")
    by_seed = {int(path.parent.name.split("-seed")[1].split("-")[0]): json.loads(path.read_text()) for path in files}
    return [by_seed[seed]["metrics"][metric]["Total"] for seed in sorted(by_seed)]


def test_the_runs_are_those_of_the_tables(opened: Opened) -> None:
    book = opened(seeds=[0, 1], repetitions=2)
    found = {printed.column: [runs.run_key(spec) for spec in specs] for printed, specs in runs.repetition_runs(book)}
    assert list(found) == ["LBRN-S", "LBRN-P"]
    for number, column in ((1, "LBRN-S"), (7, "LBRN-P")):
        assert found[column] == [runs.run_key(spec) for spec in runs.table_runs(book, number)[column]]
    for _, specs in runs.repetition_runs(opened()):
        assert [(spec["seed"], spec["filter_seed"]) for spec in specs] == [(seed, seed) for seed in range(10)]


def test_they_do_not_hang_on_columns_and_seeds(opened: Opened) -> None:
    def keys(**knobs: Any) -> list[str]:
        return dag.Dag(opened(**knobs)).repetition_keys()

    assert keys(columns=["SHN"]) == keys(seeds=[5]) == keys() and len(keys()) == 20
    assert set(keys(repetitions=3)) < set(keys()) and not set(keys(sparsity=0.7)) & set(keys())


def test_mean_spread_and_intervals_beside_the_papers(toy: Toy) -> None:
    make_repetitions(toy.book().project)
    path = toy.root / "results" / "repetitions.csv"
    frame = pd.read_csv(path, comment="#").set_index("network")
    content = {cell["network"]: cell for cell in json.loads(path.with_suffix(".json").read_text())["cells"]}
    flat = json.loads((toy.root / "results/metrics/repetitions.json").read_text())["repetitions"]
    printed = {"LBRN-S": (87.2, 0.14), "LBRN-P": (91.9, 0.41)}
    for network, (dataset, _) in NETWORKS.items():
        totals = own_totals(toy, network)
        mean, deviation = statistics.mean(totals), statistics.stdev(totals)
        half = 3.182446305284263 * deviation / 2  # 97.5 % point of Student's t with 3 degrees of freedom; 4 seeds
        low, high = (math.sqrt(3 * deviation**2 / stats.chi2(3).ppf(share)) for share in (0.975, 0.025))
        cell, row = content[network], frame.loc[network]
        assert cell["values"] == totals and cell["n"] == row["seeds"] == 4 and len(set(cell["runs"])) == 4
        assert (cell["mean"], cell["deviation"]) == (pytest.approx(mean), pytest.approx(deviation))
        assert cell["interval"] == pytest.approx([mean - half, mean + half])
        assert cell["deviation_interval"] == pytest.approx([low, high])
        shown = row[["mean", "low", "high", "deviation", "deviation low", "deviation high"]].astype(float)
        assert list(shown) == pytest.approx([mean, mean - half, mean + half, deviation, low, high], abs=0.005 + 1e-9)
        assert (row["published mean"], row["published +/-"], row["published repetitions"]) == (*printed[network], 10)
        assert row["difference"] == pytest.approx(row["mean"] - row["published mean"], abs=1e-9)
        assert cell["difference"] == pytest.approx(mean - printed[network][0])
        assert flat[f"{network} on {dataset}"] == {"mean": round(mean, 4), "deviation": round(deviation, 4), "n": 4}


def test_the_header_says_what_they_are(toy: Toy) -> None:
    make_repetitions(toy.book().project)
    path = toy.root / "results" / "repetitions.csv"
    told = "\n".join(line for line in path.read_text().splitlines() if line.startswith("# "))
    text = path.with_suffix(".md").read_text()
    for part in (
        "scale: quick", "data: mpii: STAND-IN", "data: lsp: STAND-IN", "seeds: 0, 1, 2, 3", "cannot decide: C19, C21",
        "does not say what follows its +/-", "pckh@0.5-mean14: ", "pck@0.2-torso: ", "stacks 8 -> 1",
    ):  # fmt: skip
        assert part in told and part in text
    rows = [line for line in text.splitlines() if line.startswith("| LBRN-")]
    assert len(rows) == 2 and "| 87.2 | 0.14 | 10 |" in rows[0] and "| 91.9 | 0.41 | 10 |" in rows[1]
    with path.open(newline="") as stream:
        lines = list(csv.reader(line for line in stream if not line.startswith("#")))
    assert {len(line) for line in lines} == {14} and len(lines) == 3


def test_off_the_papers_setting_nothing_published_is_shown(toy: Toy) -> None:
    toy.knobs(sparsity=0.7)
    scored(toy)
    make_repetitions(toy.book().project)
    path = toy.root / "results" / "repetitions.csv"
    frame = pd.read_csv(path, comment="#")
    assert frame[["published mean", "published +/-", "published repetitions", "difference"]].isna().all(axis=None)
    assert "LBRN-P on lsp was run with sparsity 0.7, which is not the paper's setting" in path.read_text()
    cells = json.loads(path.with_suffix(".json").read_text())["cells"]
    assert [(cell["published"], cell["difference"]) for cell in cells] == [(None, None)] * 2


def test_a_run_that_is_missing_is_named_with_the_command(toy: Toy) -> None:
    (_, specs), *_ = runs.repetition_runs(toy.book())
    key = runs.run_key(specs[2])
    (toy.root / "results/runs" / key / "scores.json").unlink()
    told = toy.lbrn("repetitions").complaint
    assert f"repetitions of LBRN-S, table 1: run {key} has no scores.json" in told
    assert "`snakemake --cores 2 results/repetitions.csv` makes what is missing" in told
    assert not (toy.root / "results/repetitions.json").exists()


def test_they_are_published_with_their_runs(toy: Toy) -> None:
    make_repetitions(toy.book().project)
    done = publish_results(toy.book().project)
    assert {"repetitions.csv", "repetitions.md", "repetitions.json", "metrics/repetitions.json"} <= set(done.files)
    assert len(list((done.folder / "runs").rglob("scores.json"))) == 8
    assert publish_results(toy.book().project).removed == ()


def test_the_printed_numbers_are_those_of_the_claims(project_root: Path) -> None:
    with (project_root / "paper/claims.csv").open(newline="") as stream:
        claims = {row["id"]: row for row in csv.DictReader(stream)}
    for line in read_repetitions(project_root / "paper/published/repetitions.csv"):
        claim = claims[line.claim]
        assert claim["published"] == f"{line.mean} +/- {line.spread}" and claim["where"] == f"Table {line.table}"
        assert line.column in claim["claim"] or line.table == 1
        assert "ten repetitions" in claim["claim"] and line.repetitions == 10


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("7,LBRN-P", "7,LBRN-Q", "experiments.yaml has no Total of LBRN-Q in table 7; restore both from git"),
        ("7,LBRN-P", "17,LBRN-P", "has no Total of LBRN-P in table 17"),
        (",10,C21", ",ten,C21", "is damaged .*restore it from git"),
        ("spread", "width", "does not have the columns of repetitions"),
        (",C21", "", "lines have different numbers of fields"),
    ],
)
def test_a_damaged_file_of_the_paper_is_one_message(toy: Toy, old: str, new: str, message: str) -> None:
    path = toy.root / "paper/published/repetitions.csv"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=message):
        runs.repetition_runs(toy.book())
    plan = dag.Dag(toy.book())
    with pytest.raises(InputError, match=message):
        plan.repetition_keys()
    assert plan.run_keys(1)
