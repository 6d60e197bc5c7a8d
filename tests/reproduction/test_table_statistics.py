"""What several seeds add to the tables, and what a table of one seed says of itself."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy import stats

from lbrn.errors import InputError
from lbrn.reproduction import experiments, runs
from lbrn.reproduction.rendering import header as header_lines
from lbrn.reproduction.tables import Context, Table, build_table
from reproduction import table_runs as fake
from reproduction.pose_tables import Opened, made

pytestmark = pytest.mark.project
PAIRS = [["LBRN-S", "SHN"], ["LBRN-P", "PRM"]]


@pytest.fixture
def context(project_root: Path) -> Context:
    return Context(number=1, scale="quick", paper=project_root / "paper", data={"mpii": fake.INFO}, costs=fake.costs)


def compared(**changed: Any) -> experiments.Table:
    return fake.entry(**{"compare": {"row": "Total", "pairs": PAIRS}, **changed})


def total(run: tuple[dict[str, Any], Path]) -> float:
    return float(json.loads((run[1] / "scores.json").read_text())["metrics"]["pckh@0.5-mean14"]["Total"])


def test_comparisons_are_paired_by_seed_whatever_the_order_of_the_runs(context: Context, tmp_path: Path) -> None:
    found = fake.all_runs(tmp_path, seeds=(0, 1, 2))
    first, second = ([total(run) for run in found[label]] for label in PAIRS[0])
    found["SHN"].reverse()
    table = build_table(compared(), found, context)
    ours = table.comparisons[0]
    assert [(pair.first, pair.second) for pair in table.comparisons] == [tuple(pair) for pair in PAIRS]
    reference = stats.ttest_rel(first, second)
    assert (ours.seeds, ours.paired.n) == ((0, 1, 2), 3)
    assert ours.paired.difference == pytest.approx(np.mean(first) - np.mean(second))
    assert ours.paired.p == pytest.approx(reference.pvalue)
    assert ours.paired.interval == pytest.approx(tuple(reference.confidence_interval()))
    assert ours.published == pytest.approx(87.4 - 88.8)


def test_every_form_of_a_table_shows_them(opened: Opened, project_root: Path, tmp_path: Path) -> None:
    path = made(opened(seeds=[0, 1, 2]), 1, tmp_path, project_root)
    content = json.loads(path.with_suffix(".json").read_text())
    entry = yaml.safe_load((project_root / "workflow/experiments.yaml").read_text())["table1"]["compare"]
    assert [[pair["first"], pair["second"]] for pair in content["comparisons"]] == entry["pairs"]
    cells = {(cell["row"], cell["column"]): cell for cell in content["cells"]}
    for pair in content["comparisons"]:
        one, other = (cells["Total", pair[side]] for side in ("first", "second"))
        assert pair["difference"] == pytest.approx(one["value"] - other["value"])
        assert pair["published"] == pytest.approx(one["published"] - other["published"])
        assert pair["seeds"] == [0, 1, 2] and pair["p_sign_flip"] >= 0.25 and pair["detectable"] > 0
        shown = f"{pair['first']} - {pair['second']}"
        numbers = (f"{pair['difference']:+.2f}", f"{pair['detectable']:.2f}", f"{pair['published']:+.2f}")
        (in_csv,) = [line for line in path.read_text().splitlines() if line.startswith(f"# compared: {shown}, Total: ")]
        (in_text,) = [line for line in path.with_suffix(".md").read_text().splitlines() if f"| {shown} |" in line]
        for number in numbers:
            assert number in in_csv and f"| {number} |" in in_text
    header = path.read_text()
    assert "which 3 seeds cannot bring below 0.25" in header and "not corrected for the number" in header
    assert "has one seed" not in header


def test_every_score_has_an_interval_with_three_seeds(opened: Opened, project_root: Path, tmp_path: Path) -> None:
    for number in range(1, 9):
        path = made(opened(seeds=[0, 1, 2]), number, tmp_path / str(number), project_root)
        content = json.loads(path.with_suffix(".json").read_text())
        costs = set(experiments.load(project_root)[number].costs)
        for cell in content["cells"]:
            if cell["row"] in costs:
                assert cell["interval"] is None and cell["n"] == 0
            else:
                assert cell["interval"][0] <= cell["value"] <= cell["interval"][1] and cell["n"] == 3
        assert content["comparisons"], number


@pytest.mark.parametrize(
    ("number", "said"), [(1, "This table has one seed (4)"), (2, "sweep over sparsity has one seed (4)")]
)
def test_one_seed_says_that_it_has_one_and_what_it_cannot_decide(
    opened: Opened, project_root: Path, tmp_path: Path, number: int, said: str
) -> None:
    path = made(opened(seeds=[4]), number, tmp_path, project_root)
    claims = {1: "C8, C9, C10, C19", 2: "C11"}
    for text in (path.read_text(), path.with_suffix(".md").read_text()):
        assert "seeds: 4 (one seed: no intervals)" in text
        (note,) = [line for line in text.splitlines() if said in line]
        assert f"more than the chance of a seed (claims {claims[number]})" in note
        assert "differences of one seed, without interval and test" in text and "detectable: " not in text
    content = json.loads(path.with_suffix(".json").read_text())
    assert all(cell["interval"] is None for cell in content["cells"])
    assert all(pair["n"] == 1 and pair["interval"] is pair["p"] is None for pair in content["comparisons"])


def test_networks_that_were_not_run_are_not_compared(context: Context, tmp_path: Path) -> None:
    found = fake.all_runs(tmp_path, seeds=(0, 1))
    del found["PRM"]
    table = build_table(compared(), found, context)
    assert [pair.first for pair in table.comparisons] == ["LBRN-S"]


def test_off_the_papers_setting_no_published_difference_is_shown(context: Context, tmp_path: Path) -> None:
    found = fake.all_runs(tmp_path)
    found["LBRN-S"] = [fake.scored_run(tmp_path, fake.spec("lbrn-s", sparsity=0.7), 1)]
    assert [pair.published is None for pair in build_table(compared(), found, context).comparisons] == [True, False]


def test_a_network_beside_the_table_is_compared_with_and_is_no_column(
    opened: Opened, project_root: Path, tmp_path: Path
) -> None:
    path = made(opened(seeds=[0, 1]), 4, tmp_path, project_root)
    rows = csv.reader(line for line in path.read_text().splitlines() if not line.startswith("#"))
    assert not any("LBRN-S" in heading for heading in next(rows))
    content = json.loads(path.with_suffix(".json").read_text())
    assert [pair["second"] for pair in content["comparisons"]] == ["LBRN-S"] * 3
    assert [pair["published"] for pair in content["comparisons"]] == [None] * 3
    assert "LBRN-S" in content["reduction"] and "Not run" not in path.read_text()


def test_a_network_beside_the_table_is_run_where_its_name_is_asked_for(opened: Opened) -> None:
    assert "LBRN-S" in runs.table_runs(opened(), 4)
    assert list(runs.table_runs(opened(tables=[4], columns=["LBRN-1"]), 4)) == ["LBRN-1"]
    assert list(runs.table_runs(opened(tables=[4], columns=["LBRN-1", "LBRN-S"]), 4)) == ["LBRN-1", "LBRN-S"]


def test_the_header_says_whose_filters_they_are(context: Context, tmp_path: Path) -> None:
    def table(name: str, seeds: tuple[int, ...], filter_seed: int | None) -> Table:
        found = {}
        for label, variant in fake.VARIANTS.items():
            specs = [fake.spec(variant, seed) for seed in seeds]
            if filter_seed is not None and variant.startswith("lbrn"):
                specs = [spec | {"filter_seed": filter_seed} for spec in specs]
            found[label] = [fake.scored_run(tmp_path / name, spec, 0) for spec in specs]
        return build_table(compared(), found, context)

    own, shared, single = table("a", (0, 1), None), table("b", (0, 1), 5), table("c", (0,), 5)
    assert tuple(table.facts.filter_seeds for table in (own, shared, single)) == ((0, 1), (5,), (5,))
    lines = [next(t for t in header_lines(table) if t.startswith("seeds")) for table in (own, shared, single)]
    assert lines == [
        "seeds: 0, 1 (mean over seeds; +/- is half of the 95 % t-interval)",
        "seeds: 0, 1 (mean over seeds; +/- is half of the 95 % t-interval); fixed filters of seed 5: the same filters "
        "for every seed, so the spread leaves out the chance of drawing them",
        "seeds: 0 (one seed: no intervals); fixed filters of seed 5",
    ]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, ["LBRN-S was run with activation sigmoid", "LBRN-P was run with activation sigmoid"]),
        (2, ["LBRN-S at sparsity 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9 was run with activation sigmoid"]),
        (4, ["LBRN-2 was run with", "LBRN-3 was run with", "LBRN-S was run with activation sigmoid"]),
        (8, ["LBRN-P at sparsity 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9 was run with activation sigmoid"]),
    ],
)
def test_notes_name_the_network(
    opened: Opened, project_root: Path, tmp_path: Path, number: int, said: list[str]
) -> None:
    path = made(opened(activation="sigmoid"), number, tmp_path, project_root)
    notes = [line.split(": ", 1)[1] for line in path.read_text().splitlines() if line.startswith("# note ")]
    found = [note for note in notes if "was run with" in note]
    assert len(found) == len(said)
    for note, expected in zip(found, said, strict=True):
        assert note.startswith(expected) and note.endswith("no published numbers are shown.")


def test_what_of_a_sweep_was_not_run_is_named(opened: Opened, project_root: Path, tmp_path: Path) -> None:
    path = made(opened(tables=[8], columns=["0.1", "0.5", "0.9"]), 8, tmp_path, project_root)
    text = path.read_text()
    assert ": Not run: LBRN-P at sparsity 0.2, 0.3, 0.4, 0.6, 0.7, 0.8.\n" in text
    (size,) = [line for line in text.splitlines() if line.startswith("# size: ")]
    assert size.endswith(": sparsity 0.1, 0.5, 0.9")
    assert "compared, by sparsity: " in text and "# compared: 0.1 - 0.5, Total: " in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"compare": {"row": "Totl", "pairs": PAIRS}}, "table1: compare names row Totl, but the rows are Head, "),
        ({"compare": {"row": "Total", "pairs": [["SHN", "LBRN"]]}}, "compare names LBRN, but the networks are "),
        ({"compare": {"row": "Total", "pairs": [["SHN", "SHN"]]}}, "compare names SHN against itself"),
        (
            {"compare": {"row": "Total", "pairs": [["SHN"]]}},
            r"compare is \['SHN'\], but must be a row and pairs of labels",
        ),
        ({"compare": {"row": "Total"}}, "key compare.pairs is missing"),
        ({"beside": {"SHN": {"variant": "shn"}}}, "beside names SHN, which is a column"),
        ({"beside": {"X": {"variant": "shn", "stack": 4}}}, "table1, column X: shn has no setting 'stack'"),
    ],
)
def test_a_wrong_comparison_is_refused(
    project_root: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    content = yaml.safe_load((project_root / experiments.FILE).read_text())
    content["table1"] |= change
    (tmp_path / "workflow").mkdir()
    (tmp_path / experiments.FILE).write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=message):
        experiments.load(tmp_path)
