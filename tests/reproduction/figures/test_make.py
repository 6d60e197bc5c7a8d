"""Figures as files: from really trained networks, with pictures apart, the same bytes every time."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from lbrn.metrics.pck import pck
from lbrn.reproduction import book, project, publish_figures
from lbrn.reproduction.figures import entries, material, style
from lbrn.reproduction.figures.drawings import examples, heatmaps
from lbrn.reproduction.publish_results import publish_results
from lbrn.tasks.heatmaps import decode
from reproduction.figures.checks import check_readable, drawn
from toy_project import Toy, make_toy

pytestmark = [pytest.mark.project, pytest.mark.slow]

PEOPLE = 24
NETWORKS = ["SHN", "LBRN-S", "HG-Binary"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Three networks of Table 1 and two of Table 7, trained for a moment."""
    toy = make_toy(tmp_path_factory.mktemp("trained") / "project", columns=NETWORKS)
    scales = toy.root / "workflow" / "scales.yaml"
    content = yaml.safe_load(scales.read_text())
    content["quick"]["pose"]["people"]["test"] = PEOPLE
    scales.write_text(yaml.safe_dump(content, sort_keys=False))
    for table, column in [*((1, name) for name in NETWORKS), (7, "SHN"), (7, "LBRN-S")]:
        toy.score_run(table, column)
    return toy


def gathered(toy: Toy, name: str) -> material.Material:
    return material.gather(book.load(project.find(toy.root)), name, entries.load(toy.root)[name])


def stored(toy: Toy, table: int, column: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Stored predictions of a run, and the people that it was tested on."""
    folder = toy.run_folder(table, column)
    name = "mpii" if table == 1 else "lsp"
    with np.load(folder / "predictions.npz") as predictions, np.load(toy.prepared(name) / "test.npz") as people:
        return predictions["joints"].astype(float), dict(people)


def slow_error(joints: np.ndarray, truth: np.ndarray, size: float) -> list[float]:
    """Capped distances of one person's 14 joints."""
    chosen = [joint for joint in range(16) if joint not in (6, 7)]
    pairs = [(joints[joint], truth[joint]) for joint in chosen if not math.isnan(truth[joint][0])]
    return [min(1.0, math.dist(guess, right) / size) for guess, right in pairs]


def test_figure_5_shows_the_median_person_and_the_maps_behind_the_predictions(trained: Toy) -> None:
    content = heatmaps.collect(gathered(trained, "figure5"))
    errors = {}
    for row in range(PEOPLE):
        found: list[float] = []
        for name in NETWORKS:
            joints, people = stored(trained, 1, name)
            found += slow_error(joints[row], people["joints"][row], people["head"][row])
        if len(found) == 14 * len(NETWORKS):
            errors[row] = sum(found) / len(found)
    order = sorted(errors, key=lambda row: errors[row])
    assert content.index == order[(len(order) - 1) // 2]
    assert [answer.label for answer in content.answers] == NETWORKS
    for answer in content.answers:
        joints, people = stored(trained, 1, answer.label)
        chosen = slice(content.index, content.index + 1)
        percent, count = pck(joints[chosen], people["joints"][chosen], people["head"][chosen], 0.5)
        counts = [joint for joint in range(16) if joint not in (6, 7)]
        assert answer.correct == round((percent[counts] * count[counts] / 100).sum())
        # The maps are those that the stored joints were decoded from.
        peaks, _ = decode(torch.from_numpy(answer.maps[None]))
        scale = heatmaps.SIZE / answer.maps.shape[-1]
        np.testing.assert_allclose((peaks[0] + 0.5) * scale - 0.5, answer.joints, atol=0.02)


def test_figure_5_shows_pictures_only_where_asked_and_can_be_read(trained: Toy) -> None:
    found = gathered(trained, "figure5")
    content = heatmaps.collect(found)
    entry = entries.load(trained.root)["figure5"]
    for photographs in (False, True):
        for figure in drawn(entry, content, found.header, photographs=photographs):
            check_readable(figure)
            poses = [axis for axis in figure.axes if axis.get_ylabel().startswith(tuple(NETWORKS))]
            maps = [axis for axis in figure.axes if axis.get_title()]
        assert len(poses) == 3 and len(maps) == 3 * 16
        for axis in poses:
            shown = axis.images[0].get_array()
            assert (shown.shape == (256, 256, 3) and (shown == content.ground).all()) == photographs
            assert photographs or np.unique(shown).size == 1
        np.testing.assert_array_equal(maps[16].images[0].get_array(), content.answers[1].maps[0])
        assert maps[16].get_title() == "r ankle" and len({axis.images[0].norm.vmax for axis in maps}) == 1
        lines = [line for line in poses[0].get_lines() if line.get_linestyle() == "-"]
        np.testing.assert_array_equal(lines[0].get_xydata(), content.answers[0].joints[[0, 1]])


def test_figure_6_takes_failures_from_the_worst_tenth(trained: Toy) -> None:
    found = gathered(trained, "figure6")
    content = examples.collect(found)
    errors = {}
    for row in range(PEOPLE):
        caps: list[float] = []
        for name in ("SHN", "LBRN-S"):
            joints, people = stored(trained, 7, name)
            truth = people["joints"][row]
            torso = math.dist(truth[13], truth[2])
            caps += slow_error(joints[row], truth, torso) if torso > 0 else []
        if caps:
            errors[row] = sum(caps) / len(caps)
    order = sorted(errors, key=lambda row: errors[row])
    worst = order[-math.ceil(len(order) / 10) :]
    names = stored(trained, 7, "SHN")[1]["image"]
    failures = [example for example in content if example.failure]
    assert [example.image for example in failures] == [names[row] for row in worst]
    others = [example for example in content if not example.failure]
    assert [others[0].image, others[-1].image] == [names[order[0]], names[order[-len(worst) - 1]]]
    assert [example.error for example in others] == sorted(example.error for example in others)
    assert content[-1].rank == len(order) and content[-1].error == pytest.approx(errors[order[-1]])
    for figure in drawn(entries.load(trained.root)["figure6"], content, found.header):
        check_readable(figure)
        panels = [axis for axis in figure.axes if axis.images]
        assert len(panels) == 2 * len(content)
        assert all(np.unique(axis.images[0].get_array()).size == 1 for axis in panels)


def test_files_say_where_they_come_from_and_are_the_same_every_time(trained: Toy, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for out in (first, second):
        said = trained.succeed("figure", "figure5", "--out", out).split()
        trained.succeed("figure", "pck-mpii", "--out", out)
    names = {path.relative_to(first).as_posix() for path in first.rglob("*.*")}
    assert {Path(path).relative_to(second).as_posix() for path in said} == {name for name in names if "figure5" in name}
    assert {"figure5.svg", "figure5.png", "figure5.csv", "figure5.json", "photographs/figure5.png"} <= names
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    told = json.loads((first / "figure5.json").read_text())
    assert told["number"] == 5 and told["scale"] == "quick" and told["standin"] is True and told["seeds"] == [0]
    keys = ["/".join(trained.run_folder(1, name).parts[-3:]) for name in NETWORKS]
    assert told["runs"] == sorted(keys) and list(told["data"]) == [trained.prepared().name]
    lines = (first / "pck-mpii.csv").read_text().splitlines()
    assert lines[0].startswith("# scale quick; STAND-IN data")
    rows = list(csv.DictReader(lines[1:]))
    assert {row["network"] for row in rows} == set(NETWORKS) and len(rows) == 3 * 21
    assert b"<dc:date>" not in (first / "figure5.svg").read_bytes()


def test_published_are_figures_of_the_scale_with_their_runs(trained: Toy) -> None:
    trained.succeed("table", 1)
    for name in ("figure3", "figure5", "pck-mpii"):
        trained.succeed("figure", name)
    published = publish_results(trained.book().project)
    shown = {name for name in published.files if name.startswith("figures/")}
    suffixes = [".svg", ".png", ".csv", ".json"]
    expected = {f"figures/{name}{suffix}" for name in ("figure3", "figure5", "pck-mpii") for suffix in suffixes}
    assert shown == expected | {"figures/photographs/figure5.svg", "figures/photographs/figure5.png"}
    assert any(name.startswith("runs/") and "/hg-binary-" in name for name in published.files)
    results = trained.root / "results"
    made = publish_figures.made(results, "quick")
    assert not [name for name in publish_figures.files(results, made, ["lsp"]) if "photographs/figure5" in name]
    assert list(publish_figures.made(results, "small")) == ["figure3"]


def test_users_settings_of_matplotlib_change_nothing(trained: Toy, tmp_path: Path) -> None:
    import matplotlib as mpl

    trained.succeed("figure", "pck-mpii", "--out", tmp_path / "own")
    with mpl.rc_context({"font.size": 20, "lines.linewidth": 9, "svg.hashsalt": "mine"}):
        trained.succeed("figure", "pck-mpii", "--out", tmp_path / "odd")
        assert mpl.rcParams["font.size"] == 20
    assert (tmp_path / "own" / "pck-mpii.svg").read_bytes() == (tmp_path / "odd" / "pck-mpii.svg").read_bytes()
    assert style.COLUMN == 3.5
