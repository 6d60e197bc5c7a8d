"""Tables 1 to 8: which runs they share, which knobs they follow, how they are printed, and what stands beside them."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from lbrn.errors import InputError
from lbrn.models.variants import get
from lbrn.reproduction import book, deviations, experiments, params, runs
from lbrn.reproduction.tables import Context, build_table
from reproduction import table_runs as fake
from reproduction.pose_tables import Opened, made

pytestmark = pytest.mark.project

POSE = range(1, 9)
SWEEPS = (2, 8)


def printed(root: Path, number: int) -> list[list[str]]:
    with (root / "paper" / "published" / f"table{number}.csv").open(newline="") as stream:
        return list(csv.reader(stream))


def keys(opened_book: book.Book, number: int) -> dict[str, str]:
    return {label: runs.run_key(specs[0]) for label, specs in runs.table_runs(opened_book, number).items()}


def test_published_runs_keep_their_names_and_specs(opened: Opened, project_root: Path) -> None:
    folders = sorted((project_root / "results/reference/quick/runs/quick/mpii").iterdir())
    found = {runs.run_key(specs[0]): specs[0] for specs in runs.table_runs(opened(), 1).values()}
    assert sorted(found) == [f"quick/mpii/{folder.name}" for folder in folders]
    for folder in folders:
        assert yaml.safe_load((folder / "spec.yaml").read_text()) == found[f"quick/mpii/{folder.name}"]


def test_runs_on_photographs_keep_their_specs_but_for_data_and_code(opened: Opened, project_root: Path) -> None:
    found = {specs[0]["variant"]: specs[0] for specs in runs.table_runs(opened(scale="small"), 7).values()}
    published = [yaml.safe_load(path.read_text()) for path in
                 (project_root / "results/reference/small/runs/small/lsp").glob("*/spec.yaml")]  # fmt: skip
    assert len(published) >= 2
    for spec in published:
        same = {key: value for key, value in spec.items() if key not in ("data", "version")}
        ours = found[spec["variant"]]
        assert {key: ours[key] for key in same} == same and ours.keys() == spec.keys()


def test_equal_networks_of_several_tables_are_one_run(opened: Opened) -> None:
    found = {number: keys(opened(), number) for number in POSE}
    assert found[1]["SHN"] == found[5]["SHN(8)"]
    ours = [
        found[1]["LBRN-S"], found[2]["0.5"], found[3]["LBRN(256)"], found[5]["LBRN(8)"], found[6]["LBRN-relu"],
    ]  # fmt: skip
    assert len(set(ours)) == 1
    assert found[7]["LBRN-P"] == found[8]["0.5"] != found[1]["LBRN-P"]
    assert found[3]["LBRN-1(256)"] != found[4]["LBRN-1"]
    # Tables 1 and 7 have 6 and 4 networks; the others add 8, 3, 3, 3, 1 on MPII and 8 on LSP.
    assert len({key for number in POSE for key in found[number].values()}) == 6 + 4 + 8 + 3 + 3 + 3 + 1 + 8


def test_variants_have_paths_of_their_own_and_sparsities_are_seen_in_them(opened: Opened) -> None:
    names = {label: key.split("/")[2].split("-seed")[0] for label, key in keys(opened(), 4).items()}
    assert names == {
        "LBRN-1": "lbrn-s-no-3x3", "LBRN-2": "lbrn-s-fixed-1x1-s0.5", "LBRN-3": "lbrn-s-half-fixed-s0.5",
        "LBRN-S": "lbrn-s-s0.5",
    }  # fmt: skip
    assert "/lbrn-p-s0.3-seed0-" in keys(opened(), 8)["0.3"]


@pytest.mark.parametrize("number", POSE)
@pytest.mark.parametrize(("knob", "value"), [("sparsity", 0.7), ("activation", "sigmoid")])
def test_a_knob_moves_the_networks_with_fixed_filters_whose_entry_does_not_name_it(
    opened: Opened, project_root: Path, number: int, knob: str, value: Any
) -> None:
    table = yaml.safe_load((project_root / "workflow/experiments.yaml").read_text())[f"table{number}"]
    entries = table["columns"] | table.get("beside", {})
    follows = {
        label for label, entry in entries.items() if get(entry["variant"]).has_fixed_filters and knob not in entry
    }
    before, after = opened(), opened(**{knob: value})
    assert {label for label, key in keys(after, number).items() if key != keys(before, number)[label]} == follows
    for label, specs in runs.table_runs(after, number).items():
        if label in follows:
            assert specs[0]["network"][knob] == value


def test_which_networks_follow_the_sparsity(opened: Opened) -> None:
    before, after = opened(), opened(sparsity=0.7)
    moved = {n: [label for label, key in keys(after, n).items() if key != keys(before, n)[label]] for n in POSE}
    assert moved == {
        1: ["LBRN-S", "LBRN-P"],
        2: [],
        3: ["LBRN(256)", "LBRN(128)", "LBRN(64)", "LBRN-1(256)"],
        4: ["LBRN-2", "LBRN-3", "LBRN-S"],
        5: ["LBRN(8)", "LBRN(4)", "LBRN(8, half)"],
        6: ["LBRN-relu", "LBRN-sigmoid"],
        7: ["LBRN-S", "LBRN-P"],
        8: [],
    }


@pytest.mark.parametrize(
    ("scale", "sizes"),
    [
        ("quick", [(32, 64), (16, 64), (8, 64)]),
        ("small", [(64, None), (32, 64), (16, 64)]),
        ("paper", [(256, None), (128, 256), (64, 256)]),
    ],
)
def test_widths_of_table_3_have_the_stem_of_the_widest(opened: Opened, scale: str, sizes: list[Any]) -> None:
    overrides = {**params.load(opened().project.root).overrides.model_dump(), "people_train": 20, "people_test": 10}
    found = runs.table_runs(opened(scale=scale, overrides=overrides), 3)
    networks = [found[label][0]["network"] for label in ("LBRN(256)", "LBRN(128)", "LBRN(64)")]
    assert [(network["width"], network.get("stem_width")) for network in networks] == sizes


def test_stacks_and_depth_of_table_5(opened: Opened) -> None:
    found = {label: specs[0]["network"] for label, specs in runs.table_runs(opened(), 5).items()}
    assert {label: (network["stacks"], network["depth"]) for label, network in found.items()} == {
        "SHN(8)": (2, 3), "SHN(4)": (1, 3), "LBRN(8)": (2, 3), "LBRN(4)": (1, 3), "LBRN(8, half)": (2, 1),
    }  # fmt: skip


@pytest.mark.parametrize("number", POSE)
def test_labels_are_those_of_the_paper(opened: Opened, project_root: Path, number: int) -> None:
    entry = opened().tables[number]
    head, *lines = printed(project_root, number)
    if number in SWEEPS:
        assert (entry.sweep, list(entry.columns), list(entry.rows)) == (head[0], [line[0] for line in lines], head[1:])
        return
    rows = [line[0] for line in lines if line[0] not in entry.costs]
    assert (entry.sweep, list(entry.columns)) == (None, head[1:])
    assert list(entry.rows) == (rows if number != 5 else [{"Wrist": "Elbow", "Elbow": "Wrist"}.get(r, r) for r in rows])


@pytest.fixture(params=POSE)
def number(request: pytest.FixtureRequest) -> Iterator[int]:
    yield request.param


def test_cost_rows_are_those_of_each_network_at_full_size(
    opened: Opened, project_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lbrn.ternary.draw", lambda shape, *_, **__: np.zeros(shape, np.int8))
    tables = opened().tables
    found = {}
    for number in (3, 4):
        paper = project_root / "paper"
        cells = build_table(tables[number], {}, Context(number, "quick", paper, {"mpii": fake.INFO})).cells
        found |= {label: [cells[row, label].value for row in tables[number].costs] for label in tables[number].columns}
    assert {label: [round(value * 1e6), round(flops, 3)] for label, (value, flops) in found.items()} == {
        "LBRN(256)": [65_536, 0.537], "LBRN(128)": [16_384, 0.134], "LBRN(64)": [4_096, 0.034],
        "LBRN-1(256)": [32_768, 0.268], "LBRN-1": [65_536, 0.537], "LBRN-2": [147_456, 1.208],
        "LBRN-3": [139_264, 1.141],
    }  # fmt: skip


@pytest.mark.parametrize("number", SWEEPS)
def test_a_sweep_has_its_networks_as_rows_in_every_form(
    opened: Opened, project_root: Path, tmp_path: Path, number: int
) -> None:
    path = made(opened(), number, tmp_path, project_root)
    content = json.loads(path.with_suffix(".json").read_text())
    assert content["sweep"] == "sparsity" and content["rows"] == [f"0.{tenth}" for tenth in range(1, 10)]
    places = [(cell["row"], cell["column"]) for cell in content["cells"]]
    assert places == [(row, column) for row in content["rows"] for column in content["columns"]]
    cell = content["cells"][places.index(("0.3", "Total"))]
    assert "-s0.3-seed0-" in json.dumps(keys(opened(), number)["0.3"]) and cell["n"] == 1
    text = path.with_suffix(".md").read_text()
    assert "\n| sparsity | " in text and "\n| 0.3 | " in text
    flat = json.loads((tmp_path / "metrics" / f"table{number}.json").read_text())[f"table{number}"]
    assert flat["sparsity=0.3"]["Total"] == round(cell["value"], 4)
    assert list(flat) == [f"sparsity=0.{tenth}" for tenth in range(1, 10)]


FOOTNOTES = {
    1: ["truncates #Param of HG-Binary", "three published totals"],
    2: ["rows 0.3 and 0.4 have the same", "fraction of NON-zero weights"],
    3: ["calls two networks LBRN-1", "are not printed in this table"],
    4: ["calls two networks LBRN-1", "2.26", "are not printed in this table"],
    5: ["Wrist and Elbow are exchanged", '"half" is read as'],
    6: ["All three activations"],
    7: ["calls this metric PCKh@0.2"],
    8: ["caption calls this metric PCKh@0.5 and its text PCKh@0.2"],
}


def test_every_deviation_is_a_footnote(opened: Opened, project_root: Path, tmp_path: Path, number: int) -> None:
    path = made(opened(), number, tmp_path, project_root)
    entries = yaml.safe_load((project_root / deviations.FILE).read_text())
    texts = {" ".join(entry["text"].split()): number in entry["tables"] for entry in entries}
    in_csv, in_markdown = (
        [line.split(": ", 1)[1] for line in path.with_suffix(suffix).read_text().splitlines() if line.startswith(mark)]
        for suffix, mark in ((".csv", "# note "), (".md", "* note "))
    )
    for notes in (in_csv, in_markdown, json.loads(path.with_suffix(".json").read_text())["notes"]):
        assert {text: notes.count(text) for text in texts} == {text: int(here) for text, here in texts.items()}
        for part in FOOTNOTES[number]:
            assert any(part in note for note in notes), part


def test_every_deviation_belongs_to_a_table(opened: Opened, project_root: Path) -> None:
    entries = yaml.safe_load((project_root / deviations.FILE).read_text())
    assert {table for entry in entries for table in entry["tables"]} == {*POSE, 9, 10}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"tables": [5]}, "must hold a list of deviations"),
        ([3], "must hold a mapping of keys to values, not 3"),
        ([{"tables": [5]}], "key text is missing"),
        ([{"tables": [5], "text": "x", "row": {}}], "unknown key row: did you mean rows"),
        ([{"tables": [5], "text": "x", "rows": {"Elbow": "Wrist"}}], "must be exchanged with each other"),
    ],
)
def test_a_wrong_list_of_deviations_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    (tmp_path / "deviations.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=message):
        deviations.read(tmp_path, 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"costs": ["FLOPs (G)"]}, "table2: a sweep has no cost rows"),
        ({"sweep": "activation"}, "table2: in a sweep each label is the value of its activation; 0.1 is not"),
        ({"columns": {"0.2": {"variant": "lbrn-s", "sparsity": 0.1}}}, "label is the value of its sparsity; 0.2 is"),
    ],
)
def test_a_wrong_sweep_is_refused(project_root: Path, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    content = yaml.safe_load((project_root / experiments.FILE).read_text())
    content["table2"] |= change
    (tmp_path / "workflow").mkdir()
    (tmp_path / experiments.FILE).write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=message):
        experiments.load(tmp_path)
