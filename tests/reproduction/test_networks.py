"""`lbrn variants`: which networks are listed, in which tables they are, and the numbers of `lbrn cost`."""

from pathlib import Path

import numpy as np
import pytest

from lbrn.models.costs import HEADINGS, as_json, numbers
from lbrn.models.variants import VARIANTS
from lbrn.reproduction import experiments, networks

pytestmark = pytest.mark.project


@pytest.fixture
def listed(project_root: Path) -> list[networks.Network]:
    return networks.networks(experiments.load(project_root))


def test_every_variant_and_every_size_of_the_tables_once(listed: list[networks.Network]) -> None:
    assert {network.name for network in listed} == {
        *VARIANTS, "shn stacks=4", "lbrn-s width=128 stem_width=256", "lbrn-s width=64 stem_width=256",
        "lbrn-s stacks=4", "lbrn-s depth=2",
    }  # fmt: skip
    assert len(listed) == len(VARIANTS) + 5
    assert [network.name for network in networks.networks({})] == list(VARIANTS)


def test_the_tables_of_a_network_with_its_labels(listed: list[networks.Network]) -> None:
    tables = {network.name: network.tables for network in listed}
    sparsities = [f"0.{tenth}" for tenth in range(1, 10)]
    assert tables["lbrn-s"] == {
        1: ["LBRN-S"], 2: sparsities, 3: ["LBRN(256)"], 5: ["LBRN(8)"], 6: ["LBRN-relu", "LBRN-sigmoid"], 7: ["LBRN-S"],
    }  # fmt: skip
    assert tables["lbrn-p"] == {1: ["LBRN-P"], 7: ["LBRN-P"], 8: sparsities}
    assert tables["lbrn-s-no-3x3"] == {4: ["LBRN-1"]} and tables["lbrn-s-one-1x1"] == {3: ["LBRN-1(256)"]}
    assert all(tables.values())


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, listed: list[networks.Network]) -> list[networks.Network]:
    """Two of the networks, whose filters are not drawn."""
    monkeypatch.setattr("lbrn.ternary.draw", lambda shape, *_, **__: np.ones(shape, np.int8))
    return [network for network in listed if network.name in ("lbrn-s width=64 stem_width=256", "lbrn-p")]


def test_the_text_has_a_line_of_numbers_for_each_network(small: list[networks.Network]) -> None:
    head, narrow, pyramid, *notes = networks.describe(small).splitlines()
    assert head.startswith("network") and [text for text in HEADINGS if text not in head] == []
    expected = numbers("lbrn-s", width=64, stem_width=256)
    assert narrow.split() == ["lbrn-s", "width=64", "stem_width=256", *expected, "3"]
    assert expected[:5] == ["4,096", "9,216", "0.034", "0.719", "1.226"]
    assert pyramid.split()[:6] == ["lbrn-p", "77,824", "184,320", "0.638", "2.812", "4.626"]
    assert pyramid.endswith("1, 7, 8") and len(notes) >= 4


def test_json_has_the_ledgers_and_the_complete_settings(small: list[networks.Network]) -> None:
    narrow, pyramid = networks.as_json(small)
    assert narrow["block"] == as_json("lbrn-s", width=64, stem_width=256)["block"]
    assert (narrow["variant"], narrow["label"], narrow["tables"]) == ("lbrn-s", "LBRN-S", {"3": ["LBRN(64)"]})
    assert (narrow["settings"]["stacks"], narrow["settings"]["sparsity"]) == (8, 0.5)
    # All weights are non-zero here: as many additions a pixel of the 64x64 map as there are fixed weights.
    assert narrow["block"]["adds"] == 9_216 * 64 * 64 and pyramid["network"]["fixed"] == 4_626_432
    assert set(pyramid["network"]) == set(narrow["block"])
