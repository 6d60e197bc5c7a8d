"""Which form of a picture is taken, how large it is shown, and in which order figures come."""

import base64
import json
from pathlib import Path

import pytest
from PIL import Image

from lbrn.reproduction.report import pictures
from lbrn.reproduction.report.anchors import Part, linked

SVG = '<?xml version="1.0"?>\n<svg height="9pt" {}viewBox="0 0 9 9" width="144pt"></svg>'


def png(path: Path, dots: int | None) -> None:
    Image.new("RGB", (400, 10)).save(path, dpi=None if dots is None else (dots, dots))


@pytest.mark.parametrize(
    ("length", "dots", "kind", "width"),
    [(0, 200, "svg+xml", 144 / 72 * 96), (400_000, 200, "png", 400 / 200 * 96), (400_000, None, "png", 0)],
)
def test_lines_unless_they_are_too_many(tmp_path: Path, length: int, dots: int | None, kind: str, width: float) -> None:
    (tmp_path / "a.svg").write_text(SVG.format("") + " " * length)
    png(tmp_path / "a.png", dots)
    album = pictures.Album(tmp_path)
    found = album.take(tmp_path / "a", "A", 1.5, caption="c")
    assert found is not None and found.data.startswith(f"data:image/{kind};base64,")
    assert found.width == pytest.approx(1.5 * width, abs=0.6) and (found.name, found.caption) == ("a", "c")
    suffix = ".svg" if kind == "svg+xml" else ".png"
    assert base64.b64decode(found.data.partition(",")[2]) == (tmp_path / f"a{suffix}").read_bytes()
    assert album.left == pictures.BUDGET - len(found.data)
    assert album.take(tmp_path / "b", "B") is None


def test_what_is_beyond_the_budget_is_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.svg").write_text(SVG.format("") + " " * 1000)
    album = pictures.Album(tmp_path, left=2000)
    first, second = (album.take(tmp_path / name, "T") for name in ("a", "b"))
    assert first is not None and second is not None
    assert (bool(first.data), second.data, second.path, album.omitted) == (True, "", "b.svg", ["b.svg"])
    assert album.left == 2000 - len(first.data)


def test_figures_come_in_the_given_order_and_lead_to_known_runs(tmp_path: Path) -> None:
    for name, number in (("approximation", None), ("figure2", 2), ("figure10", 10)):
        told = {"name": name, "number": number, "title": "T", "caption": "c", "header": "", "standin": False}
        (tmp_path / f"{name}.json").write_text(json.dumps(told | {"runs": ["a", "b"], "commits": []}))
        (tmp_path / f"{name}.svg").write_text(SVG.format(""))
    order = ["figure2", "figure10"]
    found = pictures.figures([tmp_path], order, {"a": "run-a"}, pictures.Album(tmp_path))
    assert [picture.name for picture in found] == ["figure2", "figure10", "approximation"]
    assert [picture.title for picture in found] == ["Figure 2: T", "Figure 10: T", "T"]
    assert found[0].runs == (Part("a", "run-a"), Part("b"))


def test_only_files_that_are_shown_are_led_to() -> None:
    text = "results/a.json (stale): Total; see paper/b.csv, results/a.json"
    parts = linked(text, {"results/a.json": "x"})
    assert "".join(part.text for part in parts) == text
    assert [part.text for part in parts if part.anchor == "x"] == ["results/a.json"] * 2
    assert linked("", {}) == []
