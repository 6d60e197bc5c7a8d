"""Figure 1 shows the modules: kinds, kernels and channels add up to the published weights; no arrow runs into a box."""

from itertools import pairwise

import pytest

from lbrn import models
from lbrn.models import costs
from lbrn.reproduction.figures import arrangement, flow
from lbrn.reproduction.figures.drawings import blocks
from lbrn.reproduction.figures.entries import load
from reproduction.figures.checks import check_readable, drawn

PUBLISHED = {"shn": 212_992, "lbrn-s": 65_536, "lbrn-p": 77_824}


@pytest.fixture(scope="module")
def content() -> list[blocks.Block]:
    return blocks.collect(None)  # type: ignore[arg-type]


def test_weights_of_the_boxes_are_those_of_the_ledgers(content: list[blocks.Block]) -> None:
    for variant, boxes in content:
        counted, ledger = blocks.weights(boxes), costs.block_ledger(variant)
        assert counted["fixed"] == ledger.fixed
        assert counted["real"] + counted["binary"] // 32 == ledger.trainable
        assert counted["real"] == PUBLISHED.get(variant, 0)


def test_rows_say_what_the_modules_are(content: list[blocks.Block]) -> None:
    rows = [row for row in blocks.rows(content) if row["block"] == "LBRN-S"]
    shown = [(row["kind"], row["before"], row["kernel"], row["in"], row["out"]) for row in rows]
    assert shown == [
        ("input", "", None, None, None),
        ("real", "BN ReLU", 1, 256, 128),
        ("fixed", "BN ReLU", 3, 128, 128),
        ("real", "BN ReLU", 1, 128, 256),
        ("add", "", None, None, None),
    ]
    assert rows[-1]["inputs"].split() == [rows[0]["box"], rows[3]["box"]]
    pyramid = [row for row in blocks.rows(content) if row["block"] == "LBRN-P"]
    pooled = [row for row in pyramid if row["before"].startswith("pool")]
    assert [row["before"] for row in pooled] == [f"pool to {2 ** (-n / 4):.2f}" for n in (1, 2, 3, 4)]
    assert all(row["after"] == "enlarge" and (row["in"], row["out"]) == (32, 32) for row in pooled)
    joined = next(row for row in blocks.rows(content) if row["kind"] == "cat")
    assert len(joined["inputs"].split()) == 3


def test_another_block_gives_another_picture() -> None:
    boxes = flow.boxes(models.block("lbrn-s", activation="sigmoid", width=64))
    assert [box.channels for box in boxes if box.channels] == [(64, 32), (32, 32), (32, 64)]
    assert {box.before for box in boxes if box.channels} == {("BN", "sigmoid")}


@pytest.mark.parametrize("variant", ["shn", "lbrn-s", "prm", "lbrn-p", "binary", "hg-binary", "lbrn-s-one-1x1"])
def test_no_arrow_runs_through_a_box_and_no_boxes_overlap(variant: str) -> None:
    layout = arrangement.arrange(flow.boxes(models.block(variant)))
    for name, place in layout.places.items():
        ours = {edge: corners for edge, corners in layout.arrows.items() if name not in edge}
        assert arrangement.crossings(ours, place) == 0, name
        own = {edge: corners[1:-1] for edge, corners in layout.arrows.items() if name in edge}
        assert arrangement.crossings(own, place) == 0, name
        for other, there in layout.places.items():
            apart = abs(place.x - there.x) >= (place.width + there.width) / 2 - 1e-9
            assert other == name or apart or abs(place.y - there.y) >= (place.height + there.height) / 2 - 1e-9
    for corners in layout.arrows.values():
        assert all(one[0] == other[0] or one[1] == other[1] for one, other in pairwise(corners))


@pytest.mark.project
def test_figure_says_every_box_and_can_be_read(content: list[blocks.Block], project_root) -> None:
    for figure in drawn(load(project_root)["figure1"], content, ""):
        check_readable(figure)
        texts = [text.get_text() for text in figure.axes[0].texts]
    for _, boxes in content:
        for box in boxes:
            for line in arrangement.lines(box):
                assert line in texts
    assert "212,992 real" in texts and "65,536 real\n147,456 fixed" in texts
