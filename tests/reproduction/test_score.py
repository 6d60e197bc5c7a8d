"""Scoring runs and files: on the data they were predicted on, or not at all."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import tiny
from lbrn.datasets.people import People
from lbrn.errors import InputError
from lbrn.reproduction.project import Project
from lbrn.reproduction.score import score_file, score_run
from toy_project import make_toy


@pytest.fixture
def project(tmp_path: Path, tiny_data: tiny.TinyData) -> Project:
    return Project(root=tmp_path, main=tmp_path, runs=tmp_path / "runs", data=tiny_data.store)


def predictions(tiny_data: tiny.TinyData, dataset: str, **changed: Any) -> dict[str, Any]:
    """What a perfect network would leave: the annotated joints themselves."""
    people = People.load(tiny_data.folder(dataset) / "test.npz")
    info = json.loads((tiny_data.folder(dataset) / "info.json").read_text())
    return {
        "joints": np.nan_to_num(people.joints).astype(np.float32), "score": np.ones(people.joints.shape[:2]),
        "image": people.image, "person": people.person, "dataset": np.array(dataset),
        "data_digest": np.array(info["digest"]), **changed,
    }  # fmt: skip


def predicted_run(folder: Path, spec: dict[str, Any], arrays: dict[str, Any]) -> Path:
    folder.mkdir()
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec))
    np.savez(folder / "predictions.npz", **arrays)
    return folder


@pytest.mark.parametrize(("dataset", "train_on"), [("mpii", ("mpii",)), ("lsp", ("lsp", "lspet"))])
def test_a_run_is_scored_on_its_own_test_people_in_any_order(
    tmp_path: Path, tiny_data: tiny.TinyData, project: Project, dataset: str, train_on: tuple[str, ...]
) -> None:
    arrays = predictions(tiny_data, dataset)
    turned = {key: value[::-1] if value.ndim else value for key, value in arrays.items()}
    folder = predicted_run(tmp_path / "run", tiny_data.spec("shn", dataset, train_on), turned)
    path = score_run(folder, project)
    told = json.loads(path.read_text())
    assert path == folder / "scores.json"
    assert (told["dataset"], told["people"]) == (dataset, 6)
    row = told["metrics"][told["primary"]]
    assert {value for value in row.values() if isinstance(value, float)} == {100.0}


def test_predictions_on_other_data_are_refused(tmp_path: Path, tiny_data: tiny.TinyData, project: Project) -> None:
    arrays = predictions(tiny_data, "mpii", data_digest=np.array("0" * 64))
    folder = predicted_run(tmp_path / "run", tiny_data.spec("shn"), arrays)
    with pytest.raises(InputError, match=r"was predicted on other data \(000000000000\) than .* predict it again"):
        score_run(folder, project)
    assert not (folder / "scores.json").exists()


def test_predictions_on_another_dataset_are_refused(tmp_path: Path, tiny_data: tiny.TinyData, project: Project) -> None:
    arrays = predictions(tiny_data, "lsp")
    folder = predicted_run(tmp_path / "run", tiny_data.spec("shn", "mpii"), arrays)
    with pytest.raises(InputError, match="holds predictions on lsp, not on mpii"):
        score_run(folder, project)


def test_runs_without_predictions_or_data_are_refused(
    tmp_path: Path, tiny_data: tiny.TinyData, project: Project
) -> None:
    folder = predicted_run(tmp_path / "run", tiny_data.spec("shn"), predictions(tiny_data, "mpii"))
    (folder / "predictions.npz").unlink()
    with pytest.raises(InputError, match=r"predictions.npz: there is no such prediction file"):
        score_run(folder, project)
    elsewhere = Project(root=tmp_path, main=tmp_path, runs=tmp_path, data=tmp_path / "empty")
    with pytest.raises(InputError, match="is not a prepared dataset"):
        score_run(folder, elsewhere)


@pytest.mark.project
def test_a_file_is_scored_on_the_data_of_the_settings(tmp_path: Path) -> None:
    toy = make_toy(tmp_path / "toy")
    toy.succeed("data", "prepare", "mpii")
    people = People.load(toy.prepared() / "test.npz")
    shifted = np.nan_to_num(people.joints)
    shifted[1:] += 1000
    np.save(tmp_path / "shifted.npy", shifted)
    told = score_file(tmp_path / "shifted.npy", "mpii", toy.book().project)
    assert told["people"] == 4
    # One person of the four is right, if that joint is labelled in all of them.
    labelled = ~np.isnan(people.joints[:, 12:14, 0])
    expected = np.mean([100 * labelled[0, side] / labelled[:, side].sum() for side in (0, 1)])
    assert told["metrics"]["pckh@0.5-mean14"]["Shoulder"] == pytest.approx(expected)
    with pytest.raises(InputError, match="is not a prepared dataset"):
        score_file(tmp_path / "shifted.npy", "lsp", toy.book().project)
