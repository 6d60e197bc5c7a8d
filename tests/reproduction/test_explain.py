"""Where a number comes from: a real toy run behind a table, and what is told without it."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from toy_project import Toy, make_toy

pytestmark = pytest.mark.project


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A project with Table 1 made of one run of SHN, tracked."""
    toy = make_toy(tmp_path_factory.mktemp("explain") / "project")
    toy.score_run()
    toy.succeed("table", "1")
    toy.succeed("track")
    return toy


def test_a_score_is_traced_to_its_run(toy: Toy) -> None:
    folder = toy.run_folder()
    done = json.loads((folder / "done.json").read_text())
    scores = json.loads((folder / "scores.json").read_text())
    with sqlite3.connect(toy.root / "mlflow.db") as view:
        ((run_id,),) = view.execute("SELECT run_uuid FROM runs").fetchall()
    for table in ("1", "results/table1.csv", "results/table1.json", toy.root / "results" / "table1.md"):
        told = toy.succeed("explain", table, "--row", "Total", "--column", "SHN")
        wanted = [
            f"value: {scores['metrics']['pckh@0.5-mean14']['Total']:.6g}, one run; the paper prints 88.8",
            "definition: % of labelled joints",
            "run: quick/mpii/shn-seed0-", "network: shn; seed 0, fixed filters of seed 0", done["digests"]["weights"],
            done["data"]["mpii"], done["environment"]["packages"]["torch"], "1 of ", done["finished"],
            f"MLflow: run {run_id} in sqlite:///", f"lbrn score {folder}",
            "remake: snakemake --cores 2 results/table1.csv, with scale: quick and seeds: [0] in params.yaml",
        ]  # fmt: skip
        assert [text for text in wanted if text not in told] == []
        assert "commit: " in told and "stale" not in told


def test_a_cost_is_counted_by_a_command(toy: Toy) -> None:
    told = toy.succeed("explain", "1", "--row", "#Param (M)", "--column", "SHN")
    assert "value: 0.212992; the paper prints 0.213" in told and "remake: lbrn cost shn" in told and "run:" not in told


def test_a_stale_table_and_an_absent_run_are_told(toy: Toy, tmp_path: Path) -> None:
    content = json.loads((toy.root / "results/table1.json").read_text())
    for cell in content["cells"]:
        cell["runs"] = ["quick/mpii/gone-seed0-00000000"] if cell["runs"] else []
    moved = tmp_path / "table1.json"
    moved.write_text(json.dumps(content | {"code_version": "pose 1"}))
    told = toy.succeed("explain", moved, "--row", "Total", "--column", "SHN")
    assert "stale: trained by version pose 1" in told
    assert "run: quick/mpii/gone-seed0-00000000" in told and "`lbrn restore` brings packed runs back" in told


def test_a_published_table_finds_the_runs_beside_it(toy: Toy, tmp_path: Path) -> None:
    other = tmp_path / "reference" / "quick"
    shutil.copytree(toy.root / "results/runs", other / "runs")
    shutil.copyfile(toy.root / "results/table1.json", other / "table1.json")
    away = toy.root / "results/away"
    (toy.root / "results/runs").rename(away)
    try:
        told = toy.succeed("explain", other / "table1.csv", "--row", "Head", "--column", "SHN")
    finally:
        away.rename(toy.root / "results/runs")
    assert f"folder: {other / 'runs' / 'quick'}" in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("7", "--row", "Total", "--column", "SHN"), "table7.json is not there; tables that are made: results/table1"),
        (("1", "--row", "Totl", "--column", "SHN"), "has no row 'Totl'; did you mean 'Total'? there are Head, "),
        (("1", "--row", "Total", "--column", "HRNet"), "has no column 'HRNet'; there are HG-Binary, "),
        (("params.json", "--row", "Total", "--column", "SHN"), "params.json is not a table written by lbrn"),
    ],
)
def test_what_is_not_there_is_refused(toy: Toy, words: tuple[str, ...], message: str) -> None:
    (toy.root / "params.json").write_text("{}")
    assert message in toy.lbrn("explain", *words).complaint
