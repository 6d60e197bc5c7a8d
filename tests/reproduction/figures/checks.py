"""What every figure is held to, and projects with made-up runs to draw figures from."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from matplotlib.transforms import Affine2D

from lbrn.files import write_json
from lbrn.reproduction import book, project, runs
from lbrn.reproduction.figures import entries, make, material, style
from reproduction import table_runs as fake
from toy_project import Toy

SMALLEST = 6.0
TOUCH = 0.5
"""Points by which two texts may overlap: the boxes of letters have some air."""


def figures(root: Path) -> dict[str, entries.Figure]:
    return entries.load(root)


def drawn_texts(figure: Any) -> list[tuple[str, Any, float]]:
    """Every text that is really drawn: what it says, its box in points, and the size of its letters."""
    found: list[Text] = []
    original = Text.draw

    def recorded(self: Text, renderer: Any, *arguments: Any, **options: Any) -> Any:
        found.append(self)
        return original(self, renderer, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", recorded)
        FigureCanvasAgg(figure).draw()
    shown = {id(text): text for text in found if text.get_visible() and text.get_text().strip()}
    points = 72 / figure.dpi
    return [
        (text.get_text(), Text.get_window_extent(text).transformed(Affine2D().scale(points)), text.get_fontsize())
        for text in shown.values()
    ]


def check_readable(figure: Any) -> None:
    """All texts are inside the figure, none is on another, and none is too small for print."""
    texts = drawn_texts(figure)
    assert texts
    width, height = (72 * side for side in figure.get_size_inches())
    assert width in (72 * style.COLUMN, 72 * style.PAGE)
    for said, box, size in texts:
        assert size >= SMALLEST, f"{said!r} has letters of {size} points"
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
        assert inside, f"{said!r} at {box} leaves the figure of {width} x {height} points"
    for (one, first, _), (other, second, _) in itertools.combinations(texts, 2):
        across = min(first.x1, second.x1) - max(first.x0, second.x0)
        up = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert across <= TOUCH or up <= TOUCH, f"{one!r} and {other!r} overlap"


def gathered(toy: Toy, name: str) -> material.Material:
    """A figure's material from made-up runs, all of which are made now."""
    settings = book.load(project.find(toy.root))
    figure = entries.get(entries.load(toy.root), name)
    for specs in material.figure_specs(settings, name, figure).values():
        for spec in specs:
            finish(toy, spec)
    return material.gather(settings, name, figure)


def finish(toy: Toy, spec: dict[str, Any]) -> Path:
    """A finished and scored run without any network; each has scores and a history of its own."""
    folder = toy.root / "results" / "runs" / runs.run_key(spec)
    if folder.exists():
        return folder
    noise = int(runs.run_key(spec)[-4:], 16) % 12
    _, made = fake.scored_run(toy.root / "elsewhere", spec, noise)
    lines = [f"{epoch},{0.02 / epoch + 0.0001 * noise},0.1,{50 + epoch + noise},0.01,1\n" for epoch in range(1, 13)]
    (made / "history.csv").write_text("".join(["epoch,loss,valid_loss,valid_pck,lr,seconds\n", *lines]))
    folder.parent.mkdir(parents=True, exist_ok=True)
    made.rename(folder)
    for name, h8 in spec["data"].items():
        write_json(toy.root / "data" / "prepared" / f"{name}-{h8}" / "info.json", fake.INFO | {"name": name})
    return folder


def drawn(figure: entries.Figure, content: Any, header: str = "scale quick", **options: Any) -> Iterator[Any]:
    """The finished figure while its style is applied."""
    with style.applied():
        yield make.drawn(figure, content, header, **options)


def lines_of(axis: Any) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Data of the labelled lines of an axis."""
    return {
        str(line.get_label()): (np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float))
        for line in axis.get_lines()
        if not str(line.get_label()).startswith("_")
    }
