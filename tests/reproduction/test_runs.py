"""Which runs exist under which settings, and what their names hang on."""

from pathlib import Path
from typing import Any

import pytest

from lbrn.errors import InputError
from lbrn.files import digest
from lbrn.models import variants
from lbrn.reproduction import book, data_specs, params, project, runs

pytestmark = pytest.mark.project


@pytest.fixture
def the_project(project_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> project.Project:
    monkeypatch.setenv("LBRN_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("LBRN_RUNS", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return project.find(project_root / "workflow")


@pytest.fixture
def knobs(project_root: Path) -> dict[str, Any]:
    return params.load(project_root).model_dump(mode="json")


def opened(the_project: project.Project, knobs: dict[str, Any], **changed: Any) -> book.Book:
    overrides = {**knobs["overrides"], **changed.pop("overrides", {})}
    sources = {**knobs["sources"], **changed.pop("sources", {})}
    return book.load(the_project, params.parse({**knobs, **changed, "overrides": overrides, "sources": sources}))


def keys(opened_book: book.Book, number: int = 1) -> dict[str, str]:
    return {label: runs.run_key(specs[0]) for label, specs in runs.table_runs(opened_book, number).items()}


def test_quick_is_the_stated_reduction(the_project: project.Project, knobs: dict[str, Any]) -> None:
    found = runs.table_runs(opened(the_project, knobs), 1)
    networks = {label: specs[0]["network"] for label, specs in found.items()}
    sizes = {label: [network[size] for size in ("width", "stacks", "depth")] for label, network in networks.items()}
    assert sizes == {label: [32, 2, 3] for label in ("HG-Binary", "Binary", "SHN", "LBRN-S", "PRM", "LBRN-P")}
    spec = found["LBRN-S"][0]
    assert spec["network"] == {
        "joints": 16, "width": 32, "stacks": 2, "depth": 3, "stem_width": 64, "sparsity": 0.5, "activation": "relu",
    }  # fmt: skip
    assert spec["data"].keys() == {"mpii"}
    assert "sparsity" not in found["SHN"][0]["network"]
    data = data_specs.table_data(opened(the_project, knobs), 7)
    assert {name: spec["people"] for name, spec in data.items()} == {
        "lsp": {"train": 1000, "test": 1000}, "lspet": {"train": 1000, "test": 0},
    }  # fmt: skip


def test_paper_scale_is_the_papers_full_size_and_recipe(
    the_project: project.Project, knobs: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "archive.zip").write_bytes(b"bytes")
    sources = dict.fromkeys(("mpii", "lsp", "lspet"), str(tmp_path / "archive.zip"))
    opened_book = opened(the_project, knobs, scale="paper", sources=sources)
    found = {label: specs[0] for label, specs in runs.table_runs(opened_book, 7).items()}
    for label, (stacks, epochs, batch, milestones, rotated) in {
        "SHN": (8, 100, 4, [60, 90], 0.6), "LBRN-S": (8, 100, 4, [60, 90], 0.6),
        "PRM": (2, 250, 6, [150, 170, 200], 0.4), "LBRN-P": (2, 250, 6, [150, 170, 200], 0.4),
    }.items():  # fmt: skip
        network, recipe = found[label]["network"], found[label]["recipe"]
        assert (network["stacks"], network["width"], network["depth"]) == (stacks, 256, 4)
        assert (recipe["epochs"], recipe["batch"], recipe["rotation_probability"]) == (epochs, batch, rotated)
        assert recipe["schedule"] == {"kind": "steps", "milestones": milestones, "factor": 0.1}
        assert (recipe["optimiser"], recipe["lr"], recipe["input"]) == ("rmsprop", 2.5e-4, 256)
    assert list(found["SHN"]["data"]) == ["lsp", "lspet", "mpii"]


@pytest.mark.parametrize("scale", ["quick", "small", "paper"])
def test_every_network_of_every_scale_is_accepted_by_its_variant(
    the_project: project.Project, knobs: dict[str, Any], scale: str
) -> None:
    embedded = dict.fromkeys(("mpii", "lsp", "lspet", "cifar10", "cifar100", "imagenette"), "embedded")
    people = {"people_train": 20, "people_test": 10, "images_train": 200, "images_test": 100}
    opened_book = opened(the_project, knobs, scale=scale, sources=embedded, overrides=people)
    for number in opened_book.tables:
        for specs in runs.table_runs(opened_book, number).values():
            for spec in specs:
                variants.get(spec["variant"]).settings(spec["network"])


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ({"sparsity": 0.7}, {"LBRN-S", "LBRN-P"}),
        ({"activation": "sigmoid"}, {"LBRN-S", "LBRN-P"}),
        ({"filter_seed": 5}, {"LBRN-S", "LBRN-P"}),
        ({"overrides": {"lr": 0.001}}, {"HG-Binary", "Binary", "SHN", "LBRN-S", "PRM", "LBRN-P"}),
        ({"overrides": {"people_test": 10}}, {"HG-Binary", "Binary", "SHN", "LBRN-S", "PRM", "LBRN-P"}),
        ({"tables": [7]}, set()),
        ({"columns": ["SHN", "LBRN-S"]}, set()),
        ({"sources": {"lsp": "official"}}, set()),
    ],
)
def test_only_the_runs_that_a_knob_shapes_get_another_name(
    the_project: project.Project, knobs: dict[str, Any], change: dict[str, Any], moved: set[str]
) -> None:
    before = keys(opened(the_project, knobs))
    after = keys(opened(the_project, knobs, **change))
    assert {label for label, key in after.items() if key != before[label]} == moved


def test_names_say_what_matters_and_hold_the_whole_spec(the_project: project.Project, knobs: dict[str, Any]) -> None:
    found = runs.table_runs(opened(the_project, knobs, sparsity=0.30000000000000004, seeds=[0, 3]), 1)
    spec = found["LBRN-S"][1]
    assert runs.run_key(spec) == f"quick/mpii/lbrn-s-s0.3-seed3-{digest(spec)[:8]}"
    assert runs.run_key(found["SHN"][0]) == f"quick/mpii/shn-seed0-{digest(found['SHN'][0])[:8]}"
    assert [spec["filter_seed"] for spec in found["LBRN-S"]] == [0, 3]
    assert len(runs.unique(spec for specs in found.values() for spec in specs)) == 12


def test_version_of_the_code_is_part_of_the_name(
    the_project: project.Project, knobs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keys(opened(the_project, knobs))
    monkeypatch.setitem(runs.TRAIN_VERSION, "pose", 99)
    after = keys(opened(the_project, knobs))
    assert not set(before.values()) & set(after.values())


def test_name_of_data_hangs_on_bytes_not_on_their_place(
    the_project: project.Project, knobs: dict[str, Any], tmp_path: Path
) -> None:
    places = [tmp_path / "here.zip", tmp_path / "there.zip", tmp_path / "other.zip"]
    for path, content in zip(places, (b"same", b"same", b"other"), strict=True):
        path.write_bytes(content)
    names = [keys(opened(the_project, knobs, sources={"mpii": str(path)}))["SHN"] for path in places]
    assert names[0] == names[1]
    assert names[2] != names[0]


def test_milestones_move_with_the_number_of_epochs(the_project: project.Project, knobs: dict[str, Any]) -> None:
    shorter = opened(the_project, knobs, scale="paper", overrides={"epochs": 10})
    recipe = shorter.preset("pose").recipe_for("hourglass", shorter.params.overrides)
    assert recipe["schedule"]["milestones"] == [6, 9]
    assert recipe["epochs"] == 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tables": [11]}, "there is no table 11 to make"),
        ({"columns": ["LBRN"]}, "columns names none of table 1, which has HG-Binary"),
        ({"columns": ["SHN", "LBRN"]}, "columns names 'LBRN', but no table has it"),
        ({"overrides": {"input": 100}}, "input 100 must be a multiple of 32"),
        ({"overrides": {"width": 20}}, "width 20 is not possible"),
        ({"sources": {"mpii": "nowhere.zip"}}, "nowhere.zip does not exist"),
        ({"scale": "paper", "sources": {"mpii": "embedded"}}, "scale paper does not say how many people to draw"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(
    the_project: project.Project, knobs: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        runs.table_runs(opened(the_project, knobs, **change), 1)


def test_data_spec_of_a_dataset_by_its_name(the_project: project.Project) -> None:
    assert runs.data_spec("lspet", the_project)["people"] == {"train": 1000, "test": 0}
    with pytest.raises(InputError, match="dataset 'coco' is unknown; there are mpii, lsp, lspet"):
        runs.data_spec("coco", the_project)


def test_stores_are_those_of_the_main_checkout(
    the_project: project.Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert the_project.runs == the_project.root / "results" / "runs"
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.delenv("LBRN_DATA")
    shared = project.find(the_project.root)
    assert (shared.root, shared.main) == (the_project.root, tmp_path)
    assert (shared.runs, shared.data) == (tmp_path / "results" / "runs", tmp_path / "data")


def test_outside_a_project_one_message_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not inside an lbrn project"):
        project.find(tmp_path)
