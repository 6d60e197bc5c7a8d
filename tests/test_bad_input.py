"""What a user can get wrong: one line that names the value, the rule and the fix, and nothing half-written."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from lbrn import modelfile, modelformat, models
from lbrn.files import write_json
from lbrn.training.checkpoint import Checkpoints
from oracles.toy_archives import lspet_members, mpii_parts, write_zip
from toy_project import OVERRIDES, Toy, make_toy
from workflow.workspace import Workspace, make_project

pytestmark = pytest.mark.project

SETTINGS: list[tuple[dict[str, Any], list[str]]] = [
    ({"sparcity": 0.5}, ["params.yaml: unknown key sparcity", "did you mean sparsity?"]),
    ({"overrides": OVERRIDES | {"epoch": 3}}, ["unknown key overrides.epoch", "did you mean epochs?"]),
    (
        {"sparsity": 0},
        ["sparsity is 0,", "must be a number above 0 and at most 1", "write for example 'sparsity: 0.5'"],
    ),
    ({"sparsity": 1.5}, ["sparsity is 1.5,", "must be a number above 0 and at most 1", "'sparsity: 0.5'"]),
    ({"sparsity": "half"}, ["sparsity is 'half',", "must be a number", "'sparsity: 0.5'"]),
    ({"seeds": 0}, ["seeds is 0,", "must be a list of different whole numbers", "'seeds: [0]'"]),
    ({"tables": [1, True]}, ["tables is True,", "must be a list of different table numbers", "'tables: [1]'"]),
    ({"tables": [11]}, ["there is no table 11 to make", "workflow/experiments.yaml has 1, 2, 3, 4, 5, 6, 7, 8"]),
    ({"columns": ["SNH"]}, ["columns names", "SHN"]),
    (
        {"sources": {"mpii": "https://example.org/mpii.zip", "lsp": "auto", "lspet": "auto"}},
        ["'https://example.org/mpii.zip' of mpii is a URL", "`lbrn data fetch mpii --from URL`", "to official"],
    ),
    (
        {"sources": {"mpii": "none.zip", "lsp": "auto", "lspet": "auto"}},
        ["none.zip does not exist", "set sources.mpii"],
    ),
    ({"overrides": OVERRIDES | {"input": 30}}, ["input 30 must be a multiple of 8", "change overrides.input"]),
]
"""Settings, and what the line about them must say."""

ARGUMENTS: list[tuple[list[str], list[str]]] = [
    (["data", "info", "mpi"], ["dataset 'mpi' is unknown", "there are mpii, lsp, lspet"]),
    (["data", "info", "mpii", "--spec", "{broken"], ["--spec '{broken' is not JSON"]),
    (["data", "info", "mpii", "--spec", "{}"], ["--spec: key name is missing", '"name": "mpii"']),
    (["data", "fetch", "imagenet", "--official"], ["could not be had", "make an account", "--from PATH"]),
    (["data", "fetch", "coco", "--official"], ["unknown dataset 'coco'", "known datasets are mpii, lsp"]),
    (["data", "fetch", "mpii", "--from", "one.zip"], ["mpii_human_pose_v1.tar.gz and", "give a folder"]),
    (["data", "fetch", "lsp", "--from", "none.zip"], ["none.zip: there is no such file", "Get it yourself"]),
    (["data", "fetch", "lsp", "--from", "ftp://server/x.zip"], ["ftp://... cannot be downloaded", "http"]),
    (["data", "prepare", "mpii", "--spec", "[]"], ["--spec must hold a mapping", "not []"]),
    (["train", "run", "--spec", "nonsense"], ["--spec 'nonsense' is not JSON"]),
    (["train", "run", "--spec", '{"task": "chess"}'], ["task is 'chess'", "must be pose", '"task": "pose"']),
    (["train", "run"], ["run is not a run folder", "spec.yaml"]),
    (["predict", "run"], ["run is not a run folder"]),
    (["predict", "params.yaml"], ["params.yaml is a model file", "name the photographs too"]),
    (["predict", "params.yaml", "me.jpg"], ["params.yaml is no model file, or a damaged one"]),
    (["predict", "none.safetensors", "me.jpg"], ["cannot read none.safetensors", "check the path"]),
    (["predict", "params.yaml", "me.jpg", "--box", "1,2"], ["--box '1,2' is not x,y,w,h", "--box 40,20,120,300"]),
    (["export", "params.yaml"], ["params.yaml is no model file, or a damaged one"]),
    (["export", "params.yaml", "--format", "int8"], ["format 'int8' is unknown", "seed, 2bit, float, onnx"]),
    (["table", "1", "--params", "{"], ["--params '{' is not JSON"]),
    (
        ["table", "1", "--params", '{"scale": "huge"}'],
        ["--params: scale is 'huge'", "quick, small or paper", "'scale: quick'"],
    ),
    (["table", "11"], ["there is no table 11 to make", "has 1, 2, 3"]),
    (["table", "one"], ["Invalid value for 'number'", "given: 'one'", "table --help"]),
    (["table", "1"], ["table 1 needs", "`snakemake --cores 2 results/table1.csv` makes it"]),
    (["compare", "1"], ["table1.json is not made", "makes it"]),
    (["compare", "1", "--tolerance", "-1"], ["'--tolerance'", "greater than or equal to 0", "given: '-1'"]),
    (["train", "run", "--threads", "0"], ["'--threads'", "greater than or equal to 1", "given: '0'"]),
    (["cost", "lbrn-x"], ["variant 'lbrn-x' is unknown", "there are shn, lbrn-s"]),
    (["cost", "lbrn-s", "--set", "sparsity=1.5"], ["sparsity 1.5 is not possible", "from 0 to 1"]),
    (["cost", "lbrn-s", "--set", "width"], ["--set 'width' is not NAME=VALUE", "--set stacks=4"]),
    (["cost", "shn", "--set", "sparsity=0.5"], ["shn has no setting 'sparsity'", "it accepts stacks"]),
    (["score", "none.npz"], ["none.npz is not a run folder", "add --dataset mpii or lsp"]),
    (["score", "none.npz", "--dataset", "coco"], ["dataset 'coco' is unknown", "mpii"]),
    (["publish"], ["no table of scale quick", "make one first"]),
    (["restore"], ["holds no packed runs", "`dvc repro` makes them"]),
    (["dev", "same-bits", "no-such-revision"], ["is running, not the code of", "`./run lbrn`"]),
    (["tabel", "1"], ["No such command 'tabel'", "lbrn --help"]),
]
"""Commands, and what the line about them must say."""


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return make_toy(tmp_path / "project")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A project with its stand-in prepared."""
    toy = make_toy(tmp_path_factory.mktemp("prepared") / "project", columns=["SHN", "LBRN-S"])
    toy.succeed("data", "prepare", "mpii")
    return toy


def says(complaint: str, parts: list[str]) -> None:
    assert [part for part in parts if part not in complaint] == [], complaint


def made(folder: Path) -> list[str]:
    """Files of a store that carry a final name; locks and remembered checksums are no results."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if path.suffix != ".lock" and path.name != "identities.json"]


@pytest.mark.parametrize(("change", "parts"), SETTINGS, ids=lambda value: "" if isinstance(value, list) else str(value))
def test_settings(toy: Toy, change: dict[str, Any], parts: list[str]) -> None:
    toy.knobs(**change)
    says(toy.lbrn("table", 1).complaint, parts)
    assert made(toy.root / "results") == []


def test_a_settings_file_that_is_not_yaml(toy: Toy) -> None:
    path = toy.root / "params.yaml"
    path.write_text(path.read_text() + "\nfilter: [1, 2\n")
    says(toy.lbrn("table", 1).complaint, ["params.yaml, line", "is not YAML"])


@pytest.mark.parametrize(("words", "parts"), ARGUMENTS, ids=lambda value: " ".join(value))
def test_arguments(toy: Toy, words: list[str], parts: list[str]) -> None:
    says(toy.lbrn(*words).complaint, parts)
    assert made(toy.root / "data") == [] and made(toy.root / "results") == []


def test_a_run_spec_that_lacks_keys_or_has_odd_ones(toy: Toy) -> None:
    spec = toy.run_spec()
    for key in spec:
        told = toy.lbrn("train", "run", "--spec", json.dumps({name: spec[name] for name in spec if name != key}))
        says(told.complaint, [f"--spec: key {key} is missing", f'"{key}": '])
    recipe = {key: value for key, value in spec["recipe"].items() if key != "lr"}
    odd: list[tuple[dict[str, Any], list[str]]] = [
        ({"recipe": recipe}, ["key recipe.lr is missing"]),
        ({"network": spec["network"] | {"stacks": 0}}, ["stacks 0 is not possible", "1 or more"]),
        ({"variant": "shm"}, ["variant 'shm' is unknown"]),
        ({"data": {"lsp": "1a2b3c4d"}}, ["data names lsp, but not dataset mpii"]),
        ({"colour": 1}, ["unknown key colour"]),
    ]
    for change, parts in odd:
        says(toy.lbrn("train", "run", "--spec", json.dumps(spec | change)).complaint, parts)
    assert not (toy.root / "run").exists()


def test_a_run_on_data_that_is_not_prepared(toy: Toy) -> None:
    told = toy.lbrn("train", toy.run_folder(), "--spec", json.dumps(toy.run_spec()))
    says(told.complaint, [toy.prepared().name, "is not prepared", "`lbrn data prepare mpii` makes it"])


def truncated(path: Path) -> None:
    content = write_zip(path, lspet_members(4)).read_bytes()
    path.write_bytes(content[: len(content) // 2])


def web_page(path: Path) -> None:
    path.write_text("<!DOCTYPE html><html><body>Not found</body></html>")


def web_page_for_mat(path: Path) -> None:
    write_zip(path, lspet_members(4) | {"joints.mat": b"<html>Not found</html>"})


def missing_image(path: Path) -> None:
    members = lspet_members(4)
    del members["images/im00003.jpg"]
    write_zip(path, members)


@pytest.mark.parametrize(
    ("spoil", "parts"),
    [
        (truncated, ["toy.zip is truncated or damaged", "get it again"]),
        (web_page, ["toy.zip is a web page", "get the archive again"]),
        (web_page_for_mat, ["joints.mat", "is a web page, not a MATLAB file"]),
        (missing_image, ["toy.zip lacks 1 annotated images (im00003.jpg)", "get it again, or", "`subset`"]),
    ],
)
def test_archives(toy: Toy, spoil: Callable[[Path], None], parts: list[str]) -> None:
    spoil(toy.root / "toy.zip")
    toy.knobs(sources={"mpii": "auto", "lsp": "auto", "lspet": "toy.zip"})
    says(toy.lbrn("data", "prepare", "lspet").complaint, parts)
    assert made(toy.root / "data" / "prepared") == []
    assert set(made(toy.root / "data" / "raw")) <= {"source.json"}


def test_an_archive_that_vanished_since_its_spec_was_made(toy: Toy) -> None:
    write_zip(toy.root / "toy.zip", lspet_members(2))
    toy.knobs(sources={"mpii": "auto", "lsp": "auto", "lspet": "toy.zip"})
    spec = toy.data_spec("lspet")
    (toy.root / "toy.zip").unlink()
    told = toy.lbrn("data", "prepare", "lspet", "--spec", json.dumps(spec))
    says(told.complaint, ["cannot read", "toy.zip", "No such file", "check the path"])


def test_a_model_file_whose_filters_come_out_otherwise(prepared: Toy) -> None:
    spec, folder = prepared.run_spec(column="LBRN-S"), prepared.run_folder(column="LBRN-S")
    network = models.build(spec["variant"], seed=0, filter_seed=0, **spec["network"])
    modelfile.save(folder / "model.safetensors", network, spec)
    tensors, content = modelformat.read(folder / "model.safetensors")
    changed = modelformat.encode(tensors, content | {"filter_digest": "0" * 64})
    (folder / "model.safetensors").write_bytes(changed)
    write_json(folder / "spec.yaml", spec)
    says(prepared.lbrn("predict", folder).complaint, ["is not trained to its end", f"`lbrn train {folder}`"])
    write_json(folder / "done.json", {"digests": {"weights": "ab"}})
    told = prepared.lbrn("predict", folder).complaint
    says(told, ["model.safetensors: the fixed filters drawn from seed 0 have digest", "trained with 000000000000"])
    assert not (folder / "predictions.npz").exists()


def test_a_damaged_checkpoint_gives_way_to_the_one_before_and_two_end_the_training(prepared: Toy) -> None:
    folder = prepared.run_folder()
    checkpoints = Checkpoints(folder / "checkpoint")
    states = [{"step": step, "identity": torch.ones(2)} for step in (1, 2)]
    for state in states:
        checkpoints.save(state["step"], state)
    newest, oldest = sorted((folder / "checkpoint").glob("step-*.pt"), reverse=True)
    flip_a_byte(newest)
    assert checkpoints.load()["step"] == 1  # type: ignore[index]
    checkpoints.save(2, states[1])
    flip_a_byte(newest)
    flip_a_byte(oldest)
    answer = prepared.lbrn("train", folder, "--spec", json.dumps(prepared.run_spec()))
    assert answer.status == 2 and "Traceback" not in answer.err
    *remarks, told = answer.err.splitlines()
    says(told, [newest.name, "is damaged", "no older one is whole", f"remove {folder / 'checkpoint'}"])
    assert all(remark.startswith("lbrn: checkpoint ") for remark in remarks)
    assert not (folder / "model.safetensors").exists()


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 KiB, which only root can mount."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)]
    if (
        os.name != "posix"
        or not shutil.which("mount")
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("needs the right to mount a small tmpfs")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk(toy: Toy, small_disk: Path) -> None:
    (toy.root / "data").symlink_to(small_disk)
    toy.knobs(overrides=OVERRIDES | {"people_train": 60})
    told = toy.lbrn("data", "prepare", "mpii").complaint
    says(told, ["cannot write", "No space left on device", "make room, or move the stores by LBRN_RUNS, LBRN_DATA"])
    assert made(small_disk) == []


def test_a_disk_that_is_full_only_when_the_pixels_are_written(toy: Toy, small_disk: Path) -> None:
    spec = toy.data_spec()
    toy.succeed("data", "fetch", "mpii", "--spec", json.dumps(spec))
    before = sorted(made(toy.root / "data" / "raw"))
    shutil.move(toy.root / "data" / "raw", small_disk / "raw")
    (toy.root / "data").rename(toy.root / "moved")
    (toy.root / "data").symlink_to(small_disk)
    filled = small_disk / "filler"
    free = shutil.disk_usage(small_disk).free
    filled.write_bytes(bytes(free - 16384))
    says(toy.lbrn("data", "prepare", "mpii", "--spec", json.dumps(spec)).complaint, ["No space left on device"])
    assert sorted(made(small_disk / "raw")) == before
    assert made(small_disk / "prepared") == []


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A project in which Snakemake calls the real lbrn."""
    workspace = make_project(tmp_path / "project", overrides=OVERRIDES)
    del workspace.env["LBRN_COMMAND"]
    return workspace


@pytest.mark.slow
def test_snakemake_refuses_settings_with_one_line(workspace: Workspace) -> None:
    workspace.knobs(sparsity=0)
    output = workspace.snakemake("results/table1.csv", fails=True)
    says(one_line(output), ["sparsity is 0,", "above 0 and at most 1", "'sparsity: 0.5'"])
    assert not (workspace.root / "results" / "runs").exists()


@pytest.mark.slow
def test_snakemake_shows_the_line_of_a_rule_that_failed(workspace: Workspace) -> None:
    parts = mpii_parts(workspace.root)
    images = Path(parts["images"])
    images.write_bytes(images.read_bytes()[:-100])
    workspace.knobs(sources={"mpii": parts, "lsp": "auto", "lspet": "auto"})
    output = workspace.snakemake("results/table1.csv", fails=True)
    says(one_line(output), ["images.zip is truncated or damaged", "get it again"])
    assert not list((workspace.root / "results").glob("table1*"))
    assert made(workspace.root / "data" / "prepared") == []


def one_line(output: str) -> str:
    assert "Traceback" not in output
    lines = {line.strip() for line in output.splitlines() if line.strip().startswith("lbrn: ")}
    assert len(lines) == 1, output
    return lines.pop()


def test_the_program_itself_has_that_line_and_status(tmp_path: Path) -> None:
    toy = make_toy(tmp_path / "project", sparsity=1.5)
    command = [sys.executable, "-m", "lbrn", "data", "info", "mpii"]
    answer = subprocess.run(command, cwd=toy.root, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (2, "")
    says(one_line(answer.stderr), ["sparsity is 1.5"])
    assert len(answer.stderr.splitlines()) == 1
