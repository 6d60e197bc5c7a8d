"""Packing exactly the wished runs, and restoring them into an empty store."""

from pathlib import Path

import pytest
import yaml

from lbrn.errors import InputError
from lbrn.files import read_json, write_json, write_text
from lbrn.reproduction import book, data_specs, pack, params, project, runs

pytestmark = pytest.mark.project


@pytest.fixture
def the_project(project_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> project.Project:
    """A project of settings only, in which SHN of table 1 is finished."""
    for variable in ("LBRN_RUNS", "LBRN_DATA", "DVC_ROOT"):
        monkeypatch.delenv(variable, raising=False)
    knobs = yaml.safe_load((project_root / "params.yaml").read_text()) | {"columns": ["SHN"]}
    write_text(tmp_path / "params.yaml", yaml.safe_dump(knobs))
    for name in ("scales.yaml", "experiments.yaml"):
        write_text(tmp_path / "workflow" / name, (project_root / "workflow" / name).read_text())
    found = project.find(tmp_path)
    for key, spec in wished(found).items():
        finish(found.run(key), spec)
    return found


def wished(found: project.Project) -> dict[str, runs.Spec]:
    columns = runs.table_runs(book.load(found), 1)
    return runs.unique(spec for specs in columns.values() for spec in specs)


def finish(folder: Path, spec: runs.Spec) -> None:
    for name in pack.FILES:
        write_text(folder / name, f"{name} of {folder.name}")
    write_text(folder / "spec.yaml", yaml.safe_dump(spec))
    write_text(folder / "curves.png", "a picture")
    write_text(folder / "checkpoint" / "1.pt", "large")


def test_packed_runs_are_restored_file_by_file(the_project: project.Project, tmp_path: Path) -> None:
    (key,) = wished(the_project)
    packed = pack.pack(the_project)
    assert sorted(path.name for path in (packed / key).iterdir()) == sorted(pack.FILES)
    assert (packed / "curves" / "shn-mpii-seed0.png").read_text() == "a picture"
    assert list(read_json(packed / "runs.json")) == [key]

    emptied = project.Project(the_project.root, the_project.main, tmp_path / "store", the_project.data)
    assert pack.restore(emptied) == [key]
    for name in pack.FILES:
        assert (emptied.run(key) / name).read_bytes() == (the_project.run(key) / name).read_bytes()
    times = [(emptied.run(key) / name).stat().st_mtime_ns for name in pack.FILES]
    assert times == sorted(times)
    assert pack.restore(emptied) == []


def test_pictures_of_several_runs_of_one_network_have_names_of_their_own(the_project: project.Project) -> None:
    knobs = params.load(the_project.root).model_copy(update={"columns": ("0.1", "0.9"), "tables": (2,)})
    specs = runs.table_runs(book.load(the_project, knobs), 2)
    for column in specs.values():
        finish(the_project.run(runs.run_key(column[0])), column[0])
    packed = pack.pack(the_project, knobs)
    digits = [runs.run_key(specs[label][0])[-8:] for label in ("0.1", "0.9")]
    assert sorted(path.name for path in (packed / "curves").iterdir()) == sorted(
        f"lbrn-s-mpii-seed0-{h8}.png" for h8 in digits
    )


def test_packing_again_forgets_runs_that_are_no_longer_wished(the_project: project.Project) -> None:
    before = pack.pack(the_project)
    (old,) = wished(the_project)
    knobs = params.load(the_project.root).model_dump(mode="json") | {"seeds": [1]}
    write_text(the_project.root / "params.yaml", yaml.safe_dump(knobs))
    (new,) = wished(the_project)
    finish(the_project.run(new), wished(the_project)[new])
    pack.pack(the_project)
    assert (before / new).is_dir()
    assert not (before / old).exists()


def test_unfinished_run_is_not_packed(the_project: project.Project) -> None:
    (key,) = wished(the_project)
    (the_project.run(key) / "scores.json").unlink()
    with pytest.raises(InputError, match=r"is not finished: it has no scores.json"):
        pack.pack(the_project)
    assert not (the_project.root / "results" / "packed").exists()


@pytest.mark.parametrize("damage", ["model.safetensors", "spec.yaml"])
def test_damaged_pack_is_refused(the_project: project.Project, tmp_path: Path, damage: str) -> None:
    packed = pack.pack(the_project)
    (key,) = wished(the_project)
    write_text(packed / key / damage, "other")
    emptied = project.Project(the_project.root, the_project.main, tmp_path / "store", the_project.data)
    with pytest.raises(InputError, match="is not the file that was packed"):
        pack.restore(emptied)
    assert not (tmp_path / "store").exists()


def test_run_under_a_foreign_name_is_refused(the_project: project.Project, tmp_path: Path) -> None:
    packed = pack.pack(the_project)
    (key,) = wished(the_project)
    digests = read_json(packed / "runs.json")[key]
    emptied = project.Project(the_project.root, the_project.main, tmp_path / "store", the_project.data)
    for name in (f"{key[:-8]}00000000", "../../outside/here"):
        write_json(packed / "runs.json", {name: digests})
        if not name.startswith(".."):
            (packed / key).rename(packed / name)
        with pytest.raises(InputError, match=r"describes another run|is no run's name"):
            pack.restore(emptied)
    assert not (tmp_path / "store").exists()


def test_nothing_packed_is_said(the_project: project.Project) -> None:
    with pytest.raises(InputError, match="holds no packed runs; `dvc pull` brings them"):
        pack.restore(the_project)


def test_data_digests_need_prepared_data(the_project: project.Project) -> None:
    with pytest.raises(InputError, match="mpii is not prepared"):
        pack.data_digests(the_project)
    spec = runs.data_spec("mpii", the_project)
    write_json(the_project.prepared(data_specs.data_key(spec)) / "info.json", {"digest": "ab"})
    told = read_json(pack.data_digests(the_project))
    assert told["mpii"]["digest"] == "ab"
    assert told["mpii"]["people"] == {"train": 2000, "test": 1000}
