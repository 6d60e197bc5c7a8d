"""The rules by themselves: what is made again, what is not, and what a user reads when something is wrong."""

import os
import shutil
import time
from pathlib import Path

import pytest
import yaml

from workflow.workspace import ROOT, Workspace, make_project, trained

pytestmark = [pytest.mark.project, pytest.mark.slow]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A project with table 1, made by a bare `snakemake`."""
    workspace = make_project(tmp_path_factory.mktemp("rules") / "project")
    workspace.run("snakemake")
    return workspace


def test_repro_after_snakemake_trains_nothing(finished: Workspace) -> None:
    assert (finished.root / "results" / "table1.csv").exists()
    assert len(trained(finished.log.read_text().splitlines())) == 4
    with finished.counting() as calls:
        finished.dvc("repro")
    assert trained(calls) == []
    assert "table 1" in calls
    for name in ("data.json", "packed/runs.json", "packed/curves/shn-mpii-seed0.png", "metrics/table1.json"):
        assert (finished.root / "results" / name).exists(), name


def test_nothing_to_do_is_quick(finished: Workspace) -> None:
    finished.snakemake("results/table1.csv")
    began = time.monotonic()
    assert "Nothing to be done" in finished.snakemake("results/table1.csv")
    assert time.monotonic() - began < 15


def test_vanished_data_and_newer_files_train_nothing(finished: Workspace) -> None:
    shutil.rmtree(finished.root / "data")
    for path in (finished.root / "src").rglob("*.py"):
        os.utime(path)
    finished.knobs(sparsity=0.9)
    with finished.counting() as calls:
        finished.snakemake("results/table1.csv")
    assert trained(calls) == ["lbrn-p-s0.9", "lbrn-s-s0.9"]
    assert "prepare mpii" in calls
    finished.knobs(sparsity=0.5)
    with finished.counting() as calls:
        finished.snakemake("results/table1.csv")
    assert [call for call in calls if call != "track"] == ["table 1"]


def test_new_scoring_code_scores_again_but_neither_predicts_nor_trains(finished: Workspace) -> None:
    definitions = finished.root / "src" / "lbrn" / "metrics" / "definitions.py"
    before = definitions.read_text()
    with finished.counting() as calls:
        definitions.write_text(before + "\n# a remark\n")
        finished.snakemake("results/table1.csv")
    assert calls == []
    with finished.counting() as calls:
        definitions.write_text(before + "\nMARGIN = 1\n")
        finished.snakemake("results/table1.csv")
    assert {call.split()[0] for call in calls} == {"score", "table", "track"}
    assert sum(call.startswith("score") for call in calls) == 4
    definitions.write_text(before)


def test_wording_of_a_rule_trains_nothing(finished: Workspace) -> None:
    rules = finished.root / "workflow" / "rules" / "train.smk"
    finished.snakemake("results/table1.csv")
    rules.write_text(rules.read_text().replace("lbrn train {params.run}", "lbrn  train  {params.run}"))
    with finished.counting() as calls:
        assert "Nothing to be done" in finished.snakemake("results/table1.csv")
    assert calls == []


def test_both_entry_files_plan_the_same(finished: Workspace) -> None:
    def plan(*arguments: str) -> list[str]:
        lines = finished.snakemake("-n", "--forceall", *arguments).splitlines()
        start = next(index for index, line in enumerate(lines) if line.startswith("Job stats"))
        counts = [line.split() for line in lines[start + 3 : start + 12] if len(line.split()) == 2]
        return sorted(f"{rule} {count}" for rule, count in counts if rule not in ("default", "all", "total"))

    root = plan()
    assert "train 4" in root
    assert plan("-s", "workflow/Snakefile") == root


def test_equal_runs_of_two_tables_are_trained_once_and_tables_stand_alone(fresh: Workspace) -> None:
    fresh.knobs(
        tables=[1, 7],
        columns=["SHN"],
        overrides=yaml.safe_load((fresh.root / "params.yaml").read_text())["overrides"] | {"epochs": 1},
    )
    with fresh.counting() as calls:
        fresh.snakemake("results/table7.csv", "results/table1.csv", "results/packed/runs.json", "results/data.json")
    assert sorted(call for call in calls if call.startswith("prepare")) == [
        "prepare lsp",
        "prepare lspet",
        "prepare mpii",
    ]
    assert trained(calls) == ["shn", "shn"]
    assert len(list((fresh.root / "results" / "runs" / "quick").glob("*/shn-*/scores.json"))) == 2


def test_a_failed_run_does_not_stop_the_others_and_is_all_that_is_made_again(fresh: Workspace) -> None:
    with fresh.counting() as calls:
        output = fresh.snakemake("results/table1.csv", fails=True, FAKE_FAIL="/shn-")
    assert trained(calls) == ["lbrn-p-s0.5", "lbrn-s-s0.5", "prm"]
    assert "the fake trainer was told to fail here" in output
    assert calls[-1] == "track"
    with fresh.counting() as calls:
        fresh.snakemake("results/table1.csv")
    assert trained(calls) == ["shn"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sparsity": 1.5}, "params.yaml: sparsity is 1.5, but must be a number above 0 and at most 1"),
        ({"sparcity": 0.5}, "unknown key sparcity: did you mean sparsity?"),
        ({"sources": {"mpii": "none.zip", "lsp": "auto", "lspet": "auto"}}, "none.zip does not exist"),
    ],
)
def test_bad_settings_end_with_one_line(finished: Workspace, change: dict[str, object], message: str) -> None:
    before = (finished.root / "params.yaml").read_text()
    finished.knobs(**change)
    output = finished.snakemake("results/table1.csv", fails=True)
    (finished.root / "params.yaml").write_text(before)
    complaints = [line for line in output.splitlines() if line.startswith("lbrn: ")]
    assert len(complaints) == 1
    assert message in complaints[0]
    assert "Traceback" not in output
    assert list((finished.root / ".snakemake" / "locks").glob("*")) == []


def test_knobs_come_from_params_only(finished: Workspace) -> None:
    output = finished.snakemake("results/table1.csv", "--config", "sparsity=0.7", fails=True)
    assert "write the knobs into params.yaml" in output


def test_report_is_built(finished: Workspace) -> None:
    finished.snakemake("results/table1.csv")
    finished.snakemake("--report", "report.html", "results/table1.csv")
    text = (finished.root / "report.html").read_text()
    assert "Table 1 of the paper, made anew at scale quick" in text


def test_lint_and_format(project_root: Path) -> None:
    workspace = Workspace(project_root, calls=Path(os.devnull))
    assert "good condition" in workspace.run("snakemake", "--lint")
    workspace.run("snakefmt", "--check", "Snakefile", "workflow")
    assert project_root == ROOT
