"""Figures 2 and 4 show the networks: numbers of blocks, channels and maps known by hand."""

from collections import Counter

import pytest

from lbrn import models
from lbrn.reproduction.figures import anatomy
from lbrn.reproduction.figures.drawings import architecture, halved
from lbrn.reproduction.figures.entries import load
from reproduction.figures.checks import check_readable, drawn, gathered
from toy_project import Toy

pytestmark = pytest.mark.project


@pytest.fixture(scope="module")
def network() -> list[anatomy.Part]:
    return architecture.collect(None)  # type: ignore[arg-type]


def test_the_full_network_has_115_blocks_in_8_stacks(network: list[anatomy.Part]) -> None:
    counts = Counter(part.kind for part in network)
    assert counts["LBB"] == 115
    assert {part.stack for part in network} == {None, *range(1, 9)}
    stem = [(part.kind, part.channels, part.side) for part in network if part.stack is None]
    assert stem == [("7×7", (3, 64), 128), ("LBB", (64, 128), 128), ("LBB", (128, 256), 64), ("LBB", (256, 256), 64)]
    first = [part for part in network if part.stack == 1]
    sides = Counter(part.side for part in first if part.level)
    assert sides == {64: 1, 32: 3, 16: 3, 8: 3, 4: 3}
    behind = {part.role: (part.kind, part.channels) for part in first if part.level is None}
    assert behind == {
        "neck": ("LBB", (256, 256)), "features": ("1×1", (256, 256)), "score": ("1×1", (256, 16)),
        "remap_features": ("1×1", (256, 256)), "remap_score": ("1×1", (16, 256)),
    }  # fmt: skip
    last = {part.role for part in network if part.stack == 8 and part.level is None}
    assert last == {"neck", "features", "score"}
    assert len(architecture.rows(network)) == len(network)


def test_real_blocks_are_told_from_local_binary_ones() -> None:
    parts = anatomy.anatomy(models.build("shn", seed=0, stacks=1, width=32, depth=1))  # type: ignore[arg-type]
    assert {part.kind for part in parts if part.level} == {"residual"}


def test_the_halved_hourglass_has_7_blocks_and_2_poolings(toy: Toy) -> None:
    content = halved.collect(gathered(toy, "figure4"))
    shown = {label: parts for label, parts in content}
    assert [len(parts) for parts in shown.values()] == [13, 7]
    assert min(part.side for part in shown["LBRN(8)"]) == 4
    assert min(part.side for part in shown["LBRN(8, half)"]) == 16
    for figure in drawn(load(toy.root)["figure4"], content, ""):
        check_readable(figure)
        titles = [text.get_text() for text in figure.axes[0].texts]
        assert "full hourglass: 4 poolings, 13 blocks" in titles
        assert "halved hourglass: 2 poolings, 7 blocks" in titles
        blocks = [patch for patch in figure.axes[0].patches if type(patch).__name__ == "Rectangle"]
        assert len(blocks) == 13 + 7


def test_figure_2_shows_every_stack_and_can_be_read(network: list[anatomy.Part], project_root) -> None:
    for figure in drawn(load(project_root)["figure2"], network, ""):
        check_readable(figure)
        texts = [text.get_text() for text in figure.axes[0].texts]
    assert {str(number) for number in range(1, 9)} <= set(texts)
    assert "heatmaps of every stack: 16 maps of 64×64, all supervised" in texts
    assert "1×1\n256→16" in texts
