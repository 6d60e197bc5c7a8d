"""What the engine does to the score of a trained run, on a tiny one."""

import csv
from pathlib import Path

import pytest
import torch

import tiny
from lbrn.errors import InputError
from lbrn.files import read_json, write_json
from lbrn.reproduction import engine_accuracy
from lbrn.reproduction.project import Project
from lbrn.reproduction.score import score_run


@pytest.fixture(scope="module")
def trained(tiny_data: tiny.TinyData, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Project]:
    root = tmp_path_factory.mktemp("accuracy")
    spec = tiny_data.spec("lbrn-s")
    folder = root / "runs" / "one"
    tiny_data.train(spec, folder)
    tiny_data.predict(spec, folder)
    return folder, Project(root, root, root / "runs", tiny_data.store)


def test_scores_of_a_run(trained: tuple[Path, Project], tiny_data: tiny.TinyData) -> None:
    folder, project = trained
    in_torch, floats, fixed = engine_accuracy.measure(folder, project)
    assert [row["arithmetic"] for row in (in_torch, floats, fixed)] == ["torch", "float32", "fixed"]
    assert in_torch["difference"] == in_torch["largest_change_px"] == 0
    scores = read_json(score_run(folder, project))
    assert in_torch["score"] == pytest.approx(scores["metrics"][scores["primary"]]["Total"], abs=1e-4)
    for row in (floats, fixed):
        assert row["difference"] == pytest.approx(float(row["score"]) - float(in_torch["score"]), abs=2e-4)
    # Rounding moves joints by less than the neighbouring pixel of a heatmap; 8 bits may choose another maximum.
    assert float(floats["largest_change_px"]) < 0.1


def test_a_wrong_engine_shows(trained: tuple[Path, Project], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, project = trained
    right = engine_accuracy._InEngine.forward
    monkeypatch.setattr(
        engine_accuracy._InEngine, "forward", lambda self, images: [-torch.abs(m) for m in right(self, images)]
    )
    _, floats, _ = engine_accuracy.measure(folder, project)
    assert float(floats["largest_change_px"]) > 1


def test_several_draws_of_random_pooling_are_refused(tmp_path: Path, tiny_data: tiny.TinyData) -> None:
    spec = tiny_data.spec("lbrn-p", evaluation={"eval_draws": 2})
    write_json(tmp_path / "spec.yaml", spec)
    with pytest.raises(InputError, match="one draw of random pooling only"):
        engine_accuracy.measure(tmp_path, Project(tmp_path, tmp_path, tmp_path, tiny_data.store))


def test_table(tmp_path: Path) -> None:
    row = dict(zip(engine_accuracy.COLUMNS, ("a", "torch", 70.0, 0.0, 0.0), strict=True))
    engine_accuracy.write([row], tmp_path / "accuracy.csv")
    with (tmp_path / "accuracy.csv").open(newline="") as stream:
        assert [list(line.values()) for line in csv.DictReader(stream)] == [["a", "torch", "70.0", "0.0", "0.0"]]
