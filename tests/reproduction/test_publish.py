"""Publishing: what gets to the reference folder, what never does, and comparing with it."""

import json

import pytest

from lbrn.errors import InputError
from lbrn.reproduction.compare import compare
from lbrn.reproduction.publish import LARGEST, publish
from lbrn.reproduction.rendering import write_table
from lbrn.reproduction.tables import Context, build_table
from reproduction import table_runs as fake

pytestmark = pytest.mark.project


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


@pytest.fixture
def runs(results, project_root):
    made = fake.all_runs(results / "runs")
    context = Context(1, "quick", project_root / "paper", {"mpii": fake.INFO}, fake.costs)
    write_table(build_table(fake.entry(), made, context), results)
    return [run for column in made.values() for run in column]


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_tables_runs_and_provenance_are_copied(results, runs, tmp_path):
    done = publish(results, tmp_path / "reference", "quick", runs)
    assert done.folder == tmp_path / "reference" / "quick"
    assert names(done.folder) == set(done.files)
    assert {"table1.csv", "table1.md", "table1.json", "metrics/table1.json", "provenance.json"} <= set(done.files)
    key = "/".join(runs[0][1].parts[-3:])
    for name in ("spec.yaml", "scores.json", "history.csv", "done.json", "curves.png", "predictions-plain.png"):
        assert (done.folder / "runs" / key / name).read_bytes() == (runs[0][1] / name).read_bytes()
    provenance = json.loads((done.folder / "provenance.json").read_text())
    assert provenance["runs"][key]["commit"] == "0123456789ab" and len(provenance["runs"]) == 6


@pytest.mark.parametrize(("standins", "shown"), [((), False), (("lsp",), False), (("mpii",), True)])
def test_photographs_are_published_only_of_stand_ins(results, runs, tmp_path, standins, shown):
    done = publish(results, tmp_path / "reference", "quick", runs, standins=standins)
    assert any(name.endswith("/predictions.png") for name in done.files) is shown
    assert sum(name.endswith("/predictions-plain.png") for name in done.files) == 6


def test_publishing_again_removes_runs_that_no_table_names(results, runs, tmp_path, project_root):
    publish(results, tmp_path / "reference", "quick", runs)
    other = fake.scored_run(results / "runs", fake.spec("shn", width=64), 1)
    shn = next(run for run in runs if run[0]["variant"] == "shn")
    made = {"SHN": [other]}
    context = Context(1, "quick", project_root / "paper", {"mpii": fake.INFO}, fake.costs)
    write_table(build_table(fake.entry(), made, context), results)
    done = publish(results, tmp_path / "reference", "quick", [other])
    assert "/".join(shn[1].parts[-3:]) in done.removed and len(done.removed) == 6
    assert {name.split("/")[3] for name in names(done.folder) if name.startswith("runs/")} == {other[1].name}


def test_nothing_is_written_when_something_is_wrong(results, runs, tmp_path):
    reference = tmp_path / "reference"
    with pytest.raises(InputError, match=r"no table of scale small, but table1 \(quick\)"):
        publish(results, reference, "small", runs)
    with pytest.raises(InputError, match=r"quick/mpii/.* is in table 1 .* not among the runs"):
        publish(results, reference, "quick", runs[1:])
    (runs[0][1] / "curves.png").write_bytes(bytes(LARGEST + 1))
    with pytest.raises(InputError, match=r"curves\.png has 2000001 bytes"):
        publish(results, reference, "quick", runs)
    (runs[0][1] / "history.csv").unlink()
    with pytest.raises(InputError, match=r"history\.csv is missing"):
        publish(results, reference, "quick", runs)
    assert not reference.exists()


@pytest.fixture
def pair(results, runs, tmp_path):
    """The table and a copy of it to be changed."""
    path = results / "table1.json"
    content = json.loads(path.read_text())

    def changed(**keys):
        other = tmp_path / "other.json"
        other.write_text(json.dumps({**content, **keys}))
        return other

    return path, content, changed


def test_a_table_agrees_with_itself(pair):
    path, content, _ = pair
    found = compare(path, path, 0.0)
    known = [cell for cell in content["cells"] if cell["value"] is not None]
    assert found.status == 0 and found.compared == len(known) and found.largest == 0
    assert "agrees with the reference" in found.report


def test_differences_beyond_the_tolerance_are_listed(pair):
    path, content, changed = pair
    cells = [dict(cell) for cell in content["cells"]]
    place = next(cell for cell in cells if (cell["row"], cell["column"]) == ("Total", "SHN"))
    place["value"] += 1.5
    other = changed(cells=cells)
    assert compare(other, path, 1.6).status == 0
    found = compare(other, path, 1.4)
    assert found.status == 1 and found.largest == pytest.approx(1.5)
    assert len(found.complaints) == 1 and found.complaints[0].startswith("Total, SHN: ")
    assert "difference +1.5" in found.report


def test_costs_must_be_equal_and_cells_must_not_vanish(pair):
    path, content, changed = pair
    cells = [dict(cell) for cell in content["cells"]]
    next(cell for cell in cells if cell["row"] == "#Param (M)")["value"] += 1e-6
    assert compare(changed(cells=cells), path, 5.0).status == 1
    cells = [dict(cell) for cell in content["cells"]]
    cells[0]["value"] = None
    found = compare(changed(cells=cells), path, 5.0)
    assert found.status == 1 and "empty in the new table" in found.report
    back = compare(path, changed(cells=cells), 5.0)
    assert back.status == 0 and "only in the new table: Head, HG-Binary" in back.report


def test_tables_of_different_kinds_are_not_compared(pair, tmp_path):
    path, _, changed = pair
    with pytest.raises(InputError, match=r"scale is 'small' in .* and 'quick' in"):
        compare(changed(scale="small"), path, 1.0)
    assert "note: seeds differs" in compare(changed(seeds=[0, 1]), path, 1.0).report
    (tmp_path / "page.json").write_text("<html>")
    with pytest.raises(InputError, match="is not a table written by lbrn"):
        compare(tmp_path / "page.json", path, 1.0)
    with pytest.raises(InputError, match="tolerance -1"):
        compare(path, path, -1)
