"""Plots of runs show what the runs say: their lines and points against the runs' own files and the paper's tables."""

import csv
import json
import statistics
from pathlib import Path

import numpy as np
import pytest

from lbrn.models import costs
from lbrn.reproduction.figures.drawings import cost, pck_curves, sparsity, training_curves
from lbrn.reproduction.figures.entries import load
from reproduction.figures.checks import check_readable, drawn, gathered, lines_of
from toy_project import Toy

pytestmark = pytest.mark.project

T_3 = 4.302653
"""Half width of a 95 % t-interval of three values, in standard errors."""


def totals(toy: Toy, found, metric: str) -> list[float]:
    """The Total of runs, from their files."""
    store = toy.root / "results" / "runs"
    return [json.loads((store / one.key / "scores.json").read_text())["metrics"][metric]["Total"] for one in found]


def published(toy: Toy, table: int) -> list[dict[str, str]]:
    with (toy.root / "paper" / "published" / f"table{table}.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_pck_curves_are_the_means_of_the_scores(toy: Toy) -> None:
    toy.knobs(seeds=[0, 1, 2])
    material = gathered(toy, "pck-mpii")
    content = pck_curves.collect(material)
    for figure in drawn(load(toy.root)["pck-mpii"], content, material.header):
        check_readable(figure)
        shown, bands = lines_of(figure.axes[0]), figure.axes[0].collections
    assert list(shown) == ["HG-Binary", "Binary", "SHN", "LBRN-S", "PRM", "LBRN-P"] and len(bands) == 6
    for (_, label), found in material.results.items():
        curves = [one.scores["curve"]["Total"] for one in found]
        assert len(curves) == 3
        np.testing.assert_allclose(shown[label][1], [statistics.fmean(values) for values in zip(*curves, strict=True)])
        # The right end is the table's number.
        assert shown[label][1][-1] == pytest.approx(statistics.fmean(totals(toy, found, "pckh@0.5-mean14")))
    assert shown["SHN"][0][-1] == 0.5
    rows = [row for row in pck_curves.rows(content) if row["network"] == "SHN"]
    last = [one.scores["curve"]["Total"][-1] for one in material.results[1, "SHN"]]
    assert rows[-1]["seeds"] == 3
    assert rows[-1]["high"] - rows[-1]["percent"] == pytest.approx(T_3 * statistics.stdev(last) / 3**0.5, rel=1e-5)


def test_training_curves_are_the_histories(toy: Toy) -> None:
    material = gathered(toy, "curves-mpii")
    content = training_curves.collect(material)
    for figure in drawn(load(toy.root)["curves-mpii"], content, material.header):
        check_readable(figure)
        shown = [lines_of(axis) for axis in figure.axes]
    for (_, label), (run,) in material.results.items():
        with (material.folder(run) / "history.csv").open(newline="") as stream:
            history = list(csv.DictReader(stream))
        for lines, name in zip(shown, ("loss", "valid_pck"), strict=True):
            assert list(lines[label][0]) == list(range(1, 13))
            np.testing.assert_allclose(lines[label][1], [float(row[name]) for row in history])
    (material.folder(run) / "history.csv").unlink()
    with pytest.raises(Exception, match=r"history.csv is missing"):
        training_curves.collect(material)


@pytest.mark.parametrize(
    ("name", "table", "metric"), [("sparsity-mpii", 2, "pckh@0.5-mean14"), ("sparsity-lsp", 8, "pck@0.2-torso")]
)
@pytest.mark.parametrize("seeds", [[0], [0, 1, 2]])
def test_sparsity_shows_ours_below_the_published(
    toy: Toy, name: str, table: int, metric: str, seeds: list[int]
) -> None:
    toy.knobs(seeds=seeds, columns=["0.1", "0.5", "0.9"], tables=[table])
    material = gathered(toy, name)
    content = sparsity.collect(material)
    for figure in drawn(load(toy.root)[name], content, material.header):
        check_readable(figure)
        upper, lower = figure.axes
        printed, ours = upper.get_lines()[0], lower.get_lines()[0]
        bars = [bar.get_segments() for bar in lower.collections]
        notes = [text.get_text() for text in lower.texts]
        # The same points to the inch.
        assert np.diff(upper.get_ylim()) == pytest.approx(np.diff(lower.get_ylim()))
    assert list(printed.get_xdata()) == [number / 10 for number in range(1, 10)]
    assert list(printed.get_ydata()) == [float(row["Total"]) for row in published(toy, table)]
    scores = [totals(toy, material.results[table, label], metric) for label in ("0.1", "0.5", "0.9")]
    assert list(ours.get_xdata()) == [0.1, 0.5, 0.9]
    np.testing.assert_allclose(ours.get_ydata(), [statistics.fmean(values) for values in scores])
    if len(seeds) == 1:
        assert bars == [] and notes == ["one seed: no interval"]
    else:
        ends = np.array(bars[0])[:, :, 1]
        half = [T_3 * statistics.stdev(values) / 3**0.5 for values in scores]
        np.testing.assert_allclose(ends[:, 1] - ends[:, 0], [2 * width for width in half], rtol=1e-5)
        assert notes == []
    rows = sparsity.rows(content)
    assert [row["percent"] is None for row in rows].count(True) == 6


def test_cost_places_networks_at_their_ledgers(toy: Toy) -> None:
    material = gathered(toy, "accuracy-cost")
    content = cost.collect(material)
    labels = [network.label for network in content]
    assert labels == [
        "HG-Binary",
        "Binary",
        "SHN",
        "LBRN-S",
        "PRM",
        "LBRN-P",
        "LBRN(128)",
        "LBRN(64)",
        "SHN(4)",
        "LBRN(4)",
    ]
    for figure in drawn(load(toy.root)["accuracy-cost"], content, material.header):
        check_readable(figure)
        points = [[(line.get_xdata()[0], line.get_ydata()[0]) for line in axis.get_lines()] for axis in figure.axes]
    # Of each network ours, then the published one.
    shn, published_shn = (labels.index("SHN") * 2, labels.index("SHN") * 2 + 1)
    assert points[0][shn] == pytest.approx(
        (25.595, totals(toy, material.results[1, "SHN"], "pckh@0.5-mean14")[0]), abs=1e-3
    )
    assert points[0][published_shn] == pytest.approx((25.595, 88.8), abs=1e-3)
    ledger = costs.network_ledger("lbrn-s", stacks=4)
    four = labels.index("LBRN(4)") * 2 + 1
    assert [panel[four][1] for panel in points] == [86.5] * 3
    assert [panel[four][0] for panel in points] == pytest.approx(
        [ledger.trainable / 1e6, ledger.bytes_seed / 1e6, (2 * ledger.macs + ledger.adds) / 1e9]
    )
    assert ledger.trainable == pytest.approx(4.422e6, rel=1e-3)
    rows = {row["network"]: row for row in cost.rows(content)}
    assert rows["LBRN(64)"]["published"] == 84.1 and rows["LBRN(64)"]["trainable"] < rows["LBRN-S"]["trainable"]


def test_header_says_scale_data_and_seeds(toy: Toy) -> None:
    assert gathered(toy, "pck-mpii").header == "scale quick; STAND-IN data, not the paper's; one seed: 0"
    assert gathered(toy, "figure1").header == ""
    toy.knobs(seeds=[0, 3])
    assert gathered(toy, "pck-mpii").header == "scale quick; STAND-IN data, not the paper's; seeds 0, 3"
    for info in Path(toy.root / "data" / "prepared").glob("*/info.json"):
        info.write_text(json.dumps(json.loads(info.read_text()) | {"standin": False}))
    assert gathered(toy, "pck-mpii").header == "scale quick; photographs; seeds 0, 3"
