"""Tables from runs: every rendering read back by other readers, every number recomputed on another way."""

import csv
import json
import math
import statistics

import pandas as pd
import pytest

from lbrn.errors import InputError
from lbrn.reproduction.published import accuracy_claims, read_claims, read_table, undecidable
from lbrn.reproduction.rendering import write_table
from lbrn.reproduction.tables import Context, build_table
from reproduction import table_runs as fake

pytestmark = pytest.mark.project
ALL_ROWS = [*fake.ROWS, "Total (16 joints)", "#Param (M)", "FLOPs (G)"]


@pytest.fixture
def context(project_root):
    return Context(number=1, scale="quick", paper=project_root / "paper", data={"mpii": fake.INFO}, costs=fake.costs)


@pytest.fixture
def runs(tmp_path):
    return fake.all_runs(tmp_path / "runs")


def written(entry, runs, context, folder):
    table = build_table(entry, runs, context)
    write_table(table, folder)
    return table, folder / "table1.csv"


def read_with_csv(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(line for line in stream if not line.startswith("#")))


def own_scores(run):
    return json.loads((run[1] / "scores.json").read_text())["metrics"]


def test_pandas_and_csv_find_every_row_and_column(runs, context, tmp_path):
    _, path = written(fake.entry(), runs, context, tmp_path)
    frame = pd.read_csv(path, comment="#")
    rows = read_with_csv(path)
    assert list(frame["row"]) == [row["row"] for row in rows] == ALL_ROWS
    expected = [f"{label}{kind}" for label in fake.VARIANTS for kind in ("", " published", " difference")]
    assert list(frame.columns) == list(rows[0]) == ["row", *expected]
    # The row that begins with "#" is there in bytes, quoted.
    assert '\n"#Param (M)",' in path.read_text()


def test_values_published_numbers_and_differences(runs, context, tmp_path, project_root):
    _, path = written(fake.entry(), runs, context, tmp_path)
    frame = pd.read_csv(path, comment="#").set_index("row")
    paper = pd.read_csv(project_root / "paper" / "published" / "table1.csv").set_index("joint")
    for label in fake.VARIANTS:
        for row in fake.ROWS:
            value = own_scores(runs[label][0])["pckh@0.5-mean14"][row]
            assert frame.loc[row, label] == pytest.approx(value, abs=0.005 + 1e-9)
            assert frame.loc[row, f"{label} published"] == paper.loc[row, label]
            difference = frame.loc[row, label] - paper.loc[row, label]
            assert frame.loc[row, f"{label} difference"] == pytest.approx(difference, abs=1e-9)
        total16 = own_scores(runs[label][0])["pckh@0.5-mean16"]["Total"]
        assert frame.loc["Total (16 joints)", label] == pytest.approx(total16, abs=0.005 + 1e-9)
        assert math.isnan(frame.loc["Total (16 joints)", f"{label} published"])
    assert frame.loc["#Param (M)", "LBRN-S"] == 0.066 and frame.loc["#Param (M)", "LBRN-S difference"] == 0.001
    assert frame.loc["FLOPs (G)", "SHN"] == 1.745 and frame.loc["FLOPs (G)", "SHN difference"] == 0.045
    assert math.isnan(frame.loc["FLOPs (G)", "Binary"])


def test_the_header_says_what_the_numbers_are(runs, context, tmp_path):
    _, path = written(fake.entry(), runs, context, tmp_path)
    comments = [line for line in path.read_text().splitlines() if line.startswith("# ")]
    text = "\n".join(comments)
    assert "plain mean of 14 joints" in text and "scale: quick" in text and "STAND-IN" in text
    assert (
        "stacks 8 -> 2, width 256 -> 32, depth 4 -> 3, input 64 px, 12 epochs: HG-Binary, Binary, SHN, LBRN-S" in text
    )
    assert "width 256 -> 32, depth 4 -> 3, input 64 px, 12 epochs: PRM, LBRN-P" in text
    assert "seeds: 0" in text and "0123456789ab" in text and "pose 1" in text
    assert "cannot decide: C8, C9, C10, C19" in text
    assert "note 1: HG-Binary and Binary are built here" in text
    assert path.read_text().splitlines()[: len(comments)] == comments


def test_a_single_epoch_is_no_epochs(context, tmp_path):
    run = fake.spec("shn") | {"recipe": {"input": 64, "epochs": 1}}
    found = {label: [] for label in fake.VARIANTS} | {"SHN": [fake.scored_run(tmp_path / "runs", run, 0)]}
    assert build_table(fake.entry(), found, context).reduction["SHN"].endswith(", input 64 px, 1 epoch")


def test_json_holds_every_cell_and_dvc_gets_flat_numbers(runs, context, tmp_path):
    _, path = written(fake.entry(), runs, context, tmp_path)
    table = json.loads(path.with_suffix(".json").read_text())
    cells = {(cell["row"], cell["column"]): cell for cell in table["cells"]}
    assert set(cells) == {(row, label) for row in ALL_ROWS for label in fake.VARIANTS}
    cell = cells["Total", "SHN"]
    assert cell["value"] == own_scores(runs["SHN"][0])["pckh@0.5-mean14"]["Total"]
    assert cell["published"] == 88.8 and cell["difference"] == cell["value"] - 88.8
    assert cell["runs"] == ["/".join(runs["SHN"][0][1].parts[-3:])] and cell["n"] == 1 and cell["interval"] is None
    assert "pelvis and thorax left out" in cell["definition"]
    flat = json.loads((tmp_path / "metrics" / "table1.json").read_text())
    assert flat["table1"]["SHN"]["Total"] == round(cell["value"], 4)
    assert set(flat["table1"]["SHN"]) == {*fake.ROWS, "Total (16 joints)"}


def test_markdown_shows_each_row_with_its_published_number(runs, context, tmp_path):
    table, path = written(fake.entry(), runs, context, tmp_path)
    lines = path.with_suffix(".md").read_text().splitlines()
    for row in ALL_ROWS:
        line = next(line for line in lines if line.startswith(f"| {row} |"))
        assert line.count("|") == len(fake.VARIANTS) + 2
    total = next(line for line in lines if line.startswith("| Total |"))
    shown = f"{table.cells['Total', 'SHN'].value:.2f}"
    assert f"| {shown} (88.8; {float(shown) - 88.8:+.2f}) |" in total
    assert any("stand-in" in line for line in lines)


def test_the_same_runs_make_the_same_bytes(runs, context, tmp_path):
    for name in ("a", "b"):
        written(fake.entry(), runs, context, tmp_path / name)
    for path in (tmp_path / "a").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_several_seeds_give_mean_and_interval(context, tmp_path):
    runs = fake.all_runs(tmp_path / "runs", seeds=(0, 1, 2))
    table, path = written(fake.entry(), runs, context, tmp_path)
    values = [own_scores(run)["pckh@0.5-mean14"]["Total"] for run in runs["SHN"]]
    cell = table.cells["Total", "SHN"]
    half = 4.302652729911275 * statistics.stdev(values) / math.sqrt(3)  # Student's t, 2 degrees of freedom, 97.5 %
    assert cell.n == 3 and len(cell.runs) == 3
    assert cell.value == pytest.approx(statistics.mean(values))
    assert cell.interval == pytest.approx((cell.value - half, cell.value + half))
    frame = pd.read_csv(path, comment="#").set_index("row")
    assert frame.loc["Total", "SHN +/-"] == pytest.approx(half, abs=0.005 + 1e-9)
    assert "mean over seeds" in path.read_text() and "seeds: 0, 1, 2" in path.read_text()


def test_columns_not_run_are_empty_and_named(runs, context, tmp_path):
    del runs["PRM"]
    _, path = written(fake.entry(), runs, context, tmp_path)
    frame = pd.read_csv(path, comment="#").set_index("row")
    assert frame.loc[fake.ROWS, "PRM"].isna().all() and frame.loc[fake.ROWS, "PRM difference"].isna().all()
    assert frame.loc["Total", "PRM published"] == 88.4 and frame.loc["#Param (M)", "PRM"] == 0.262
    assert "Not run: PRM." in path.read_text()
    assert "PRM" not in json.loads((tmp_path / "metrics" / "table1.json").read_text())["table1"]


@pytest.mark.parametrize(("knob", "value"), [("sparsity", 0.7), ("activation", "sigmoid")])
def test_off_the_papers_setting_nothing_published_is_shown(runs, context, tmp_path, knob, value):
    runs["LBRN-S"] = [fake.scored_run(tmp_path / "other", fake.spec("lbrn-s", **{knob: value}), 1)]
    _, path = written(fake.entry(), runs, context, tmp_path)
    frame = pd.read_csv(path, comment="#").set_index("row")
    assert frame["LBRN-S published"].isna().all() and frame["LBRN-S difference"].isna().all()
    assert frame.loc["Total", "LBRN-P published"] == 87.6
    assert f"LBRN-S was run with {knob} {value}" in path.read_text()


def test_a_column_that_names_its_setting_is_the_papers(runs, context, tmp_path):
    columns = {label: {"variant": variant} for label, variant in fake.VARIANTS.items()}
    columns["LBRN-S"]["sparsity"] = 0.7
    runs["LBRN-S"] = [fake.scored_run(tmp_path / "other", fake.spec("lbrn-s", sparsity=0.7), 1)]
    table = build_table(fake.entry(columns=columns), runs, context)
    assert table.cells["Total", "LBRN-S"].published == "87.4"


@pytest.mark.parametrize("name", ["scores.json", "done.json"])
def test_a_missing_run_is_named_with_the_command(runs, context, name):
    folder = runs["LBRN-P"][0][1]
    (folder / name).unlink()
    with pytest.raises(InputError, match=rf"column LBRN-P: run quick/mpii/{folder.name} has no {name}.*snakemake"):
        build_table(fake.entry(), runs, context)


def test_scores_that_do_not_fit_are_refused(runs, context):
    path = runs["SHN"][0][1] / "scores.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "dataset": "lsp"}))
    with pytest.raises(InputError, match="scored on lsp, not on mpii"):
        build_table(fake.entry(), runs, context)
    path.write_text(json.dumps({**content, "metrics": {}}))
    with pytest.raises(InputError, match=r"no score 'Head' of pckh@0\.5-mean14; score it again"):
        build_table(fake.entry(), runs, context)


def test_unknown_metric_and_cost_are_refused(runs, context):
    with pytest.raises(InputError, match="metric 'pck' is unknown"):
        build_table(fake.entry(metric="pck"), runs, context)
    with pytest.raises(InputError, match="no cost row 'MACs'"):
        build_table(fake.entry(costs=["MACs"]), runs, context)


def test_the_real_cost_rows_are_the_papers_counts(runs, context):
    real = Context(context.number, context.scale, context.paper, context.data)
    cells = build_table(fake.entry(), runs, real).cells
    for label, variant in fake.VARIANTS.items():
        trainable, flops = fake.COSTS[variant]
        assert cells["#Param (M)", label].value == trainable / 1e6
        assert cells["FLOPs (G)", label].value == (flops / 1e9 if flops else None)


def test_every_published_table_can_be_read(project_root):
    tables = {n: read_table(project_root / "paper" / "published" / f"table{n}.csv") for n in range(1, 11)}
    assert tables[1]["Total", "SHN"] == "88.8" and ("FLOPs (G)", "Binary") not in tables[1]
    assert tables[7]["Total", "LBRN-P"] == "92.1"
    assert all(tables.values())


def test_claims_of_a_table(project_root):
    claims = read_claims(project_root / "paper" / "claims.csv")
    assert len(claims) == 26
    assert accuracy_claims(claims, 1) == ["C8", "C9", "C10", "C19"]
    assert accuracy_claims(claims, 10) == ["C24"]
    assert undecidable("quick", True) and undecidable("small", False) and undecidable("paper", True)
    assert not undecidable("paper", False)


def test_damaged_paper_files_are_one_message(tmp_path):
    path = tmp_path / "table1.csv"
    with pytest.raises(InputError, match="restore it from git"):
        read_table(path)
    path.write_text("a,b\n1\n")
    with pytest.raises(InputError, match="different numbers of fields"):
        read_table(path)
