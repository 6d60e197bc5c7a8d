"""Publishing a project's results: nobody's photographs, and a reference that a later table is held against."""

import json
from pathlib import Path

import pytest

from lbrn.errors import InputError
from lbrn.files import write_json
from lbrn.reproduction.make_table import make_table
from lbrn.reproduction.publish_results import compare_table, publish_results
from oracles.toy_archives import mpii_parts
from reproduction import table_runs as fake
from toy_project import Toy, make_toy

pytestmark = pytest.mark.project


def scored(toy: Toy, standin: bool) -> Path:
    """A finished run of the project's settings, and table 1 from it, without any network."""
    _, made = fake.scored_run(toy.root / "elsewhere", toy.run_spec(), noise=3)
    folder = toy.run_folder()
    folder.parent.mkdir(parents=True)
    made.rename(folder)
    write_json(toy.prepared() / "info.json", fake.INFO | {"standin": standin})
    make_table(1, toy.book().project, costs=fake.costs)
    return folder


@pytest.fixture
def drawn(tmp_path: Path) -> Toy:
    toy = make_toy(tmp_path / "project")
    scored(toy, standin=True)
    return toy


@pytest.fixture
def photographed(tmp_path: Path) -> Toy:
    """A project whose MPII is somebody's own archive."""
    toy = make_toy(tmp_path / "project", sources={"mpii": mpii_parts(tmp_path), "lsp": "auto", "lspet": "auto"})
    scored(toy, standin=False)
    return toy


def pictures(toy: Toy) -> list[str]:
    publish_results(toy.book().project)
    return sorted(path.name for path in (toy.root / "results" / "reference").rglob("*.png"))


def test_pictures_of_a_stand_in_are_published(drawn: Toy) -> None:
    assert pictures(drawn) == ["curves.png", "predictions-plain.png", "predictions.png"]


def test_no_photograph_is_published(photographed: Toy) -> None:
    assert (photographed.run_folder() / "predictions.png").exists()
    assert pictures(photographed) == ["curves.png", "predictions-plain.png"]


def test_the_reference_of_the_same_scale_is_found(drawn: Toy) -> None:
    project = drawn.book().project
    with pytest.raises(InputError, match=r"there is no reference .*quick/table1.json; `lbrn publish` makes one"):
        compare_table(project, 1, 2.0)
    published = publish_results(project)
    assert {"table1.csv", "table1.json", "metrics/table1.json", "provenance.json"} <= set(published.files)
    outcome = compare_table(project, 1, 0.0)
    assert (outcome.status, outcome.largest) == (0, 0.0) and outcome.compared >= 10
    reference = published.folder / "table1.json"
    content = json.loads(reference.read_text())
    moved = next(cell for cell in content["cells"] if cell["row"] == "Total" and cell["value"] is not None)
    moved["value"] -= 5
    write_json(reference, content)
    assert compare_table(project, 1, 2.0).status == 1
    assert compare_table(project, 1, 5.1).status == 0


def test_tables_that_are_not_made_or_made_from_other_runs_are_refused(drawn: Toy) -> None:
    with pytest.raises(InputError, match=r"table7.json is not made; `snakemake .* results/table7.csv` makes it"):
        compare_table(drawn.book().project, 7, 2.0)
    drawn.knobs(seeds=[1])
    with pytest.raises(InputError, match="is in table 1 of scale quick but not among the runs: make table 1 again"):
        publish_results(drawn.book().project)
    drawn.knobs(scale="small", sources={"mpii": "embedded", "lsp": "embedded", "lspet": "embedded"})
    with pytest.raises(InputError, match="holds no table of scale small, but table1 \\(quick\\)"):
        publish_results(drawn.book().project)
    assert not (drawn.root / "results" / "reference").exists()


def test_results_with_overrides_are_not_those_of_the_scale(drawn: Toy) -> None:
    overrides = dict.fromkeys(drawn.book().params.overrides.model_dump()) | {"lr": 0.001}
    drawn.knobs(overrides=overrides)
    with pytest.raises(InputError, match=r"overrides \{'lr': 0.001\} are set"):
        publish_results(drawn.book().project)
