"""Every published number and every difference of Tables 1 to 8, read and computed again by code of its own."""

import json
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import pytest

from reproduction.pose_tables import Opened, made

pytestmark = pytest.mark.project
SWEEPS = (2, 8)
EXCHANGED = {5: {"Wrist": "Elbow", "Elbow": "Wrist"}}
"""Rows of the paper that carry the other's label; Table 6, with one network of Table 5, shows it."""


def fields(line: str) -> list[str]:
    """The fields of a line of CSV, of which none here holds a doubled quote or a line break."""
    parts, quoted = [""], False
    for character in line:
        if character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def grid(path: Path) -> dict[tuple[str, str], str]:
    """Texts by (row, column)."""
    head, *lines = (fields(line) for line in path.read_text().splitlines() if not line.startswith("# "))
    return {(line[0], label): text for line in lines for label, text in zip(head[1:], line[1:], strict=True)}


def expected(folder: Path, number: int) -> dict[tuple[str, str], str]:
    """The paper's numbers under the rows that they belong to; cells that it leaves empty are absent."""
    names = EXCHANGED.get(number, {})
    cells = grid(folder / f"table{number}.csv")
    return {(names.get(row, row), column): text for (row, column), text in cells.items() if text}


def kind(cells: dict[tuple[str, str], str], ending: str) -> dict[tuple[str, str], str]:
    """The filled cells of one kind of column, by row and network."""
    return {(row, label.removesuffix(ending)): t for (row, label), t in cells.items() if label.endswith(ending) and t}


@pytest.mark.parametrize("seeds", [[0], [0, 1, 2]], ids=str)
@pytest.mark.parametrize("number", range(1, 9))
def test_published_numbers_and_differences(
    opened: Opened, project_root: Path, published: Path, tmp_path: Path, number: int, seeds: list[int]
) -> None:
    path = made(opened(seeds=seeds), number, tmp_path, project_root)
    printed, ours = expected(published, number), grid(path)
    assert kind(ours, " published") == printed
    differences = kind(ours, " difference")
    assert differences.keys() == {place for place in printed if ours[place]}
    for place, text in differences.items():
        assert Decimal(text) == Decimal(ours[place]) - Decimal(printed[place]), place

    cells = {(cell["row"], cell["column"]): cell for cell in json.loads(path.with_suffix(".json").read_text())["cells"]}
    assert {place: cell["published"] for place, cell in cells.items() if cell["published"] is not None} == {
        place: float(text) for place, text in printed.items()
    }
    for place, cell in cells.items():
        if place in differences:
            assert cell["difference"] == pytest.approx(cell["value"] - float(printed[place]), abs=1e-12)
            rounded = Decimal(cell["value"]).quantize(Decimal(ours[place]), ROUND_HALF_EVEN)
            assert rounded == Decimal(ours[place]), place
        else:
            assert cell["difference"] is None

    rows = list(dict.fromkeys(row for row, _ in ours))
    if number in SWEEPS:
        assert rows == [f"0.{tenth}" for tenth in range(1, 10)] and path.read_text().count("\nsparsity,") == 1
    else:
        assert set(rows) >= {row for row, _ in printed} and path.read_text().count("\nrow,") == 1


def test_the_markdown_shows_the_same(opened: Opened, project_root: Path, published: Path, tmp_path: Path) -> None:
    for number in range(1, 9):
        path = made(opened(), number, tmp_path / str(number), project_root)
        ours, lines = grid(path), path.with_suffix(".md").read_text().splitlines()
        for (row, column), text in expected(published, number).items():
            difference = ours[row, f"{column} difference"]
            sign = "" if difference.startswith("-") else "+"
            shown = f"{ours[row, column]} ({text}; {sign}{difference})" if difference else f"({text})"
            assert any(line.startswith(f"| {row} |") and shown in line for line in lines), (number, row, column)
