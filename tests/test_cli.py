"""Every command of lbrn, typed in a project of toy size with a real training in it."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from lbrn.datasets.people import People
from lbrn.models.variants import VARIANTS
from lbrn.reproduction import code_version, networks, project
from toy_project import Toy, make_toy

pytestmark = pytest.mark.project

LEDGER = ["trainable", "fixed", "flops_paper", "macs", "adds", "bytes_float", "bytes_2bit", "bytes_seed"]
ROWS = ["Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "Total"]


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A project with table 1, made command by command."""
    toy = make_toy(tmp_path_factory.mktemp("cli") / "project")
    toy.score_run()
    toy.succeed("table", 1)
    return toy


@pytest.fixture
def people(toy: Toy) -> People:
    return People.load(toy.prepared() / "test.npz")


def test_cost_as_json_has_the_keys_of_the_issue(toy: Toy) -> None:
    told = json.loads(toy.succeed("cost", "lbrn-s", "--json", "--set", "stacks=1", "--set", "sparsity=0.25"))
    assert told["variant"] == "lbrn-s"
    assert list(told["block"]) == LEDGER
    assert list(told["network"]) == LEDGER
    assert (told["block"]["trainable"], told["block"]["fixed"]) == (65536, 147456)
    assert told["network"]["trainable"] > told["block"]["trainable"]


def test_cost_in_words_names_what_was_set(toy: Toy) -> None:
    text = toy.succeed("cost", "shn", "--set", "stacks=1", "--set", "activation=sigmoid")
    assert "SHN (stacks 1," in text and "activation sigmoid" in text
    assert "212,992" in text


def test_variants_lists_the_networks_of_the_project_or_without_one_the_package_s(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "as_json", lambda listed: [network.name for network in listed])
    names = json.loads(toy.succeed("variants", "--json"))
    assert {"lbrn-s-no-3x3", "lbrn-s depth=2"} <= set(names)
    monkeypatch.setattr(project, "find_root", lambda: None)
    assert json.loads(toy.succeed("variants", "--json")) == list(VARIANTS)


def test_data_commands_leave_what_the_others_need(toy: Toy) -> None:
    spec = toy.data_spec("lspet")
    raw = toy.succeed("data", "fetch", "lspet", "--spec", json.dumps(spec)).strip()
    assert Path(raw) == toy.raw("lspet")
    assert "not prepared yet" in toy.succeed("data", "info", "lspet")
    answer = toy.lbrn("data", "prepare", "lspet")
    assert (answer.status, Path(answer.out.strip())) == (0, toy.prepared("lspet"))
    told = toy.succeed("data", "info", "lspet", "--spec", json.dumps(spec))
    # Half of the eight training people: LSP has the other half.
    assert "train: 4 people in 4 images" in told and "a stand-in for" in told


def test_training_a_finished_run_again_leaves_it_alone(toy: Toy) -> None:
    folder = toy.run_folder()
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    toy.succeed("train", folder)
    toy.succeed("train", folder, "--spec", json.dumps(toy.run_spec()))
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert {"model.safetensors", "history.csv", "done.json", "predictions.npz", "scores.json"} <= set(before)


def test_predicting_and_scoring_again_gives_the_same_bytes(toy: Toy) -> None:
    folder = toy.run_folder()
    before = [(folder / name).read_bytes() for name in ("predictions.npz", "scores.json")]
    assert toy.succeed("predict", folder).strip() == str(folder / "predictions.npz")
    assert toy.succeed("score", folder).strip() == str(folder / "scores.json")
    assert [(folder / name).read_bytes() for name in ("predictions.npz", "scores.json")] == before


def test_a_model_is_exported_and_reads_photographs_here_and_elsewhere(toy: Toy, tmp_path: Path) -> None:
    photograph = tmp_path / "me.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 60, 3)).astype(np.uint8)).save(photograph)
    exported = tmp_path / "mine.safetensors"
    assert toy.succeed("export", toy.run_folder(), "--format", "2bit", "--out", exported).strip() == str(exported)
    here = toy.succeed("predict", toy.run_folder(), photograph, "--out", tmp_path / "here").strip()
    outside = Toy(tmp_path)
    there = outside.succeed("predict", exported, photograph, "--engine", "numba", "--box", "0,0,60,90").strip()
    assert there == str(Path("predictions") / "me.pose.json") and (tmp_path / "predictions" / "me.pose.png").exists()
    ours, theirs = (json.loads(Path(tmp_path, path).read_text()) for path in (here, there))
    for one, other in zip(ours["joints"], theirs["joints"], strict=True):
        assert one["name"] == other["name"] and one["score"] == pytest.approx(other["score"], abs=1e-3)
    assert outside.succeed("export", exported, "--format", "onnx").strip() == "mine.onnx"
    assert (tmp_path / "mine.onnx").exists()


def test_without_its_training_data_a_model_file_does_not_read_photographs(toy: Toy, tmp_path: Path) -> None:
    shutil.copyfile(toy.run_folder() / "model.safetensors", tmp_path / "model.safetensors")
    outside = Toy(tmp_path)
    complaint = outside.lbrn("predict", "model.safetensors", "me.jpg").complaint
    assert "`lbrn export model.safetensors --format seed`, typed where it was trained" in complaint
    told = outside.lbrn("export", "model.safetensors")
    assert told.status == 0 and "will not do for `lbrn predict` with photographs elsewhere" in told.err


def test_own_predictions_score_the_same_as_a_foreign_file(toy: Toy, tmp_path: Path) -> None:
    scores = json.loads((toy.run_folder() / "scores.json").read_text())
    copy = shutil.copyfile(toy.run_folder() / "predictions.npz", tmp_path / "copy.npz")
    assert json.loads(toy.succeed("score", copy, "--dataset", "mpii")) == scores


def test_barely_right_foreign_predictions_of_every_format_score_full(toy: Toy, people: People, tmp_path: Path) -> None:
    joints = np.nan_to_num(people.joints, nan=0.0)
    joints[..., 0] += 0.5 * people.head[:, None] - 0.5  # as far away as may be: a pixel more is a miss
    np.savez(tmp_path / "a.npz", preds=joints)
    savemat(tmp_path / "b.mat", {"preds": joints.transpose(1, 2, 0) + 1})
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["preds"] = joints
        file["others"] = joints + 1000
    options: dict[str, list[str]] = {"a.npz": [], "b.mat": ["--one-based"], "c.h5": ["--name", "preds"]}
    for name, extra in options.items():
        scores = json.loads(toy.succeed("score", tmp_path / name, "--dataset", "mpii", *extra))
        row = scores["metrics"]["pckh@0.5-mean14"]
        assert scores["people"] == len(people) == 4
        assert {row[key] for key in ROWS if row[key] is not None} == {100.0}, name
    for wrong in (["c.h5", "--name", "others"], ["b.mat"]):
        scores = json.loads(toy.succeed("score", tmp_path / wrong[0], "--dataset", "mpii", *wrong[1:]))
        assert scores["metrics"]["pckh@0.5-mean14"]["Shoulder"] == 0.0, wrong
    assert "name one (others, preds) with --name" in toy.lbrn("score", tmp_path / "c.h5", "--dataset", "mpii").complaint


def test_table_has_every_row(toy: Toy) -> None:
    out = toy.succeed("table", 1).split()
    assert [Path(path).name for path in out] == ["table1.json", "table1.md", "table1.csv", "table1.json"]
    lines = (toy.root / "results" / "table1.csv").read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    labels = [next(iter(row.values())) for row in rows]
    assert [label for label in labels if label in ROWS] == ROWS
    assert {"#Param (M)", "FLOPs (G)"} < set(labels)
    shoulder, parameters = rows[labels.index("Shoulder")], rows[labels.index("#Param (M)")]
    assert 0 <= float(shoulder["SHN"]) <= 100 and shoulder["LBRN-S"] == ""  # only SHN was run; costs need no run
    assert (parameters["LBRN-S"], parameters["SHN published"]) == ("0.066", "0.213")


def test_published_results_are_compared_with(toy: Toy) -> None:
    folder = Path(toy.succeed("publish").strip())
    assert folder == toy.root / "results" / "reference" / "quick"
    assert (folder / "provenance.json").exists()
    same = toy.lbrn("compare", 1)
    assert same.status == 0 and same.out.startswith("agrees with")
    table = toy.root / "results" / "table1.json"
    before = table.read_text()
    content = json.loads(before)
    moved = next(cell for cell in content["cells"] if cell["row"] in ROWS and cell["value"] is not None)
    moved["value"] += 2.5
    table.write_text(json.dumps(content))
    worse, tolerated = toy.lbrn("compare", 1), toy.lbrn("compare", 1, "--tolerance", 3)
    table.write_text(before)
    assert worse.status == 1 and worse.out.startswith("differs from") and f"{moved['row']}, SHN" in worse.out
    assert tolerated.status == 0


def test_packed_runs_come_back(toy: Toy) -> None:
    packed = Path(toy.succeed("pack").strip())
    run = toy.run_folder()
    kept = shutil.copytree(run, toy.root / "kept")
    shutil.rmtree(run)
    assert toy.succeed("restore").split() == [run.relative_to(toy.root / "results" / "runs").as_posix()]
    assert (run / "model.safetensors").read_bytes() == (kept / "model.safetensors").read_bytes()
    assert toy.succeed("restore") == ""
    shutil.rmtree(packed)
    assert "holds no packed runs" in toy.lbrn("restore").complaint


def test_data_digests_are_written(toy: Toy) -> None:
    path = Path(toy.succeed("data", "digests").strip())
    told = json.loads(path.read_text())["mpii"]
    assert told["digest"] == json.loads((toy.prepared() / "info.json").read_text())["digest"]


def test_track_of_an_empty_store_makes_no_database(tmp_path: Path) -> None:
    empty = make_toy(tmp_path / "empty")
    assert "0 logged, 0 unchanged, 0 unfinished" in empty.succeed("track")
    assert not (empty.root / "mlflow.db").exists()


def test_track_logs_a_run_once_and_says_only_that(toy: Toy) -> None:
    first, second = toy.lbrn("track"), toy.lbrn("track")
    assert (first.status, first.err) == (0, "")
    assert "1 logged" in first.out and "0 logged, 1 unchanged" in second.out


def test_hold_records_the_present_code(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = tmp_path / "digests.json"
    monkeypatch.setattr(code_version.hold, "__defaults__", (record, None))
    toy.succeed("dev", "hold")
    assert code_version.moved(record) == []


def test_commands_need_a_project_only_where_they_use_one(toy: Toy, tmp_path: Path) -> None:
    outside = Toy(tmp_path)
    assert "is not inside an lbrn project" in outside.lbrn("table", 1).complaint
    assert "65,536" in outside.succeed("cost", "lbrn-s", "--set", "stacks=1")


def test_without_a_command_the_help_is_shown(toy: Toy) -> None:
    answer = toy.lbrn()
    assert answer.status == 2 and "Usage" in answer.out + answer.err
    assert "Usage" in toy.succeed("--help")


@pytest.mark.parametrize("program", [["-m", "lbrn"], ["-c", "from lbrn.cli import main; main()"]])
def test_as_a_program_it_keeps_the_streams_apart(toy: Toy, program: list[str]) -> None:
    command = [sys.executable, *program, "cost", "shm"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (2, "")
    expected = f"lbrn: variant 'shm' is unknown; there are {', '.join(VARIANTS)}\n"
    assert answer.stderr == expected
