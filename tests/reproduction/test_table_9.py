"""Table 9 by its commands, from drawn digits on: several datasets in one, both epochs, costs, what is not run."""

import csv
import json
from pathlib import Path

import pytest

from lbrn.metrics.topk import TOP1, TOP5
from lbrn.reproduction import runs
from toy_project import Toy, make_toy

pytestmark = [pytest.mark.project, pytest.mark.slow]

PLACES = ("CIFAR-10 / ResNet-56", "CIFAR-10 / ResNet-LBB-56")
BEST = "top-1 error (%), best epoch"


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A project with Table 9 of two tiny networks on CIFAR-10's stand-in."""
    toy = make_toy(tmp_path_factory.mktemp("toy9") / "project", columns=["ResNet-56", "ResNet-LBB-56"], tables=[9])
    toy.knobs(datasets=["CIFAR-10"])
    for place in PLACES:
        toy.score_run(9, place)
    toy.succeed("table", 9)
    return toy


def read(path: Path) -> list[dict[str, str]]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("# ")]
    return list(csv.DictReader(lines))


def test_one_row_a_network_and_dataset_each_number_beside_the_published_one(toy: Toy) -> None:
    rows = read(toy.root / "results" / "table9.csv")
    assert list(rows[0])[:5] == ["dataset", "network", TOP1, f"{TOP1} published", f"{TOP1} difference"]
    assert [(row["dataset"], row["network"]) for row in rows] == [
        (dataset, network)
        for dataset in ("CIFAR-10", "CIFAR-100", "ImageNet-sub")
        for network in ("ResNet-56", "ResNet-LBB-56", "LBCNN")
    ]
    printed = [row[f"{TOP1} published"] for row in rows if row["network"] != "LBCNN"]
    assert printed == ["7.09", "7.49", "26.44", "27.21", "9.6", "9.8"]
    assert [row[f"{TOP5} published"] for row in rows if row["network"] != "LBCNN"][:2] == ["0.26", "0.22"]
    for row, place in zip(rows, PLACES, strict=False):
        scores = json.loads((toy.run_folder(9, place) / "scores.json").read_text())["metrics"]
        assert float(row[TOP1]) == round(scores["error"][TOP1], 2)
        assert float(row[BEST]) == round(scores["error-best-epoch"][TOP1], 2) <= float(row[TOP1])
        assert float(row[f"{TOP1} difference"]) == round(float(row[TOP1]) - float(row[f"{TOP1} published"]), 2)
    assert [row[TOP1] for row in rows[2:]] == [""] * 7


def test_costs_are_of_the_whole_full_size_network(toy: Toy) -> None:
    rows = {(row["dataset"], row["network"]): row for row in read(toy.root / "results" / "table9.csv")}
    for dataset, classes in (("CIFAR-10", 10), ("CIFAR-100", 100)):
        for network, weights in (("ResNet-56", 476_080), ("ResNet-LBB-56", 185_776)):
            assert float(rows[dataset, network]["#Param (M)"]) == round((weights + 192 * classes) / 1e6, 3)
    row = rows["CIFAR-10", "ResNet-LBB-56"]
    assert (row["#Param (M) published"], row["FLOPs (G)"], row["FLOPs (G) published"]) == ("0.19", "0.030", "0.034")


def test_the_header_says_what_the_numbers_are(toy: Toy) -> None:
    text = (toy.root / "results" / "table9.md").read_text()
    assert (
        "Made from a stand-in" in text and "STAND-IN, not the paper's data (standin-digits-1); 20 train images" in text
    )
    assert "network of the last epoch" in text and "lowest of all epochs" in text
    assert "whole full-size network on a 32x32 picture" in text
    assert "Not run: CIFAR-10 / LBCNN, CIFAR-100 / ResNet-56" in text
    assert "CIFAR-10 / ResNet-LBB-56 - CIFAR-10 / ResNet-56" in text  # compared seed by seed
    assert "blocks 6 -> 1, width 16 -> 8, input 32 px, 2 epochs" in text


def test_the_run_says_what_it_is(toy: Toy) -> None:
    folder = toy.run_folder(9, PLACES[1])
    key = runs.run_key(toy.run_spec(9, PLACES[1]))
    assert key.startswith("quick/cifar10/resnet-lbb56-s0.5-seed0-")
    for name in ("curves.png", "predictions.png", "predictions-plain.png", "model.safetensors"):
        assert (folder / name).is_file()
    told = toy.succeed("explain", 9, "--row", PLACES[1], "--column", TOP1)
    assert f"run: {key}" in told
    cost = toy.succeed("explain", 9, "--row", "CIFAR-100 / ResNet-56", "--column", "#Param (M)")
    assert "remake: lbrn cost resnet56 --set classes=100" in cost
    info = toy.succeed("data", "info", "cifar10")
    assert "test: 20 images in 10 classes of 2 to 2" in info and "a stand-in for CIFAR-10" in info


def test_a_dataset_that_no_table_has_is_refused(toy: Toy, tmp_path: Path) -> None:
    other = make_toy(tmp_path / "project")
    other.knobs(datasets=["MNIST"])
    told = other.lbrn("table", 1).complaint
    assert "datasets names 'MNIST', but no table has it; there are CIFAR-10, CIFAR-100, " in told


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": {"optimiser": "adam"}}, "recipe is {'input': 32"),
        ({"recipe": {"input": 30}}, "input 30 must be a multiple of 4"),
        ({"recipe": {"crop_padding": 99}}, "recipe.crop_padding is 99, but must be 0 to 16 pixels"),
        ({"evaluation": {"flip": "x"}}, "evaluation.flip is 'x', but must be true or false"),
        ({"task": "chess"}, "task is 'chess', but must be pose or classification"),
    ],
)
def test_wrong_run_specs_are_refused(toy: Toy, change: dict[str, object], message: str) -> None:
    spec = toy.run_spec(9, PLACES[0])
    sgd = {"optimiser": "sgd", "momentum": 0.9, "weight_decay": 1e-4}
    spec["recipe"] = spec["recipe"] | sgd
    for key, value in change.items():
        spec[key] = spec[key] | value if isinstance(value, dict) else value
    assert message in toy.lbrn("train", "run", "--spec", json.dumps(spec)).complaint
