"""`lbrn figure NAME`: a figure as SVG and PNG, what it shows as CSV, and its caption with provenance as JSON.

The modules that draw are imported by name: each figure is then made again where its own code changes, and not where
another's does (`lbrn.reproduction.figures.plan`).
"""

import csv
import importlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from lbrn import __version__
from lbrn.files import write_json, write_text
from lbrn.reproduction import book as settings
from lbrn.reproduction.figures import entries, style
from lbrn.reproduction.figures.material import Material, gather
from lbrn.reproduction.params import Params
from lbrn.reproduction.project import Project

Rows = Sequence[Mapping[str, Any]]


class Drawing(Protocol):
    """A module of `lbrn.reproduction.figures.drawings`."""

    def collect(self, material: Material) -> Any:
        """Gather what the figure shows.

        Args:
            material: The figure's entry and runs.
        """

    def rows(self, content: Any) -> Rows:
        """What the figure shows as a table; every row has the same columns.

        Args:
            content: What `collect` returned.
        """

    def draw(self, content: Any, *, photographs: bool = False) -> Any:
        """Draw it, inside `style.applied`.

        Args:
            content: What `collect` returned.
            photographs: Whether to show the pictures of the dataset; only where the figure's entry says so.
        """


def module(figure: entries.Figure) -> Drawing:
    """The module that draws a figure."""
    return cast(Drawing, importlib.import_module(f"{entries.DRAWINGS}.{figure.draws}"))


def drawn(figure: entries.Figure, content: Any, header: str, *, photographs: bool = False) -> Any:
    """The finished figure, inside `style.applied`.

    Args:
        figure: Its entry.
        content: What its module collected.
        header: The line above it.
        photographs: Whether to show the pictures of the dataset.
    """
    drawing = module(figure).draw(content, photographs=photographs)
    style.head(drawing, header)
    return drawing


def make_figure(name: str, project: Project, knobs: Params | None = None, out: Path | None = None) -> list[Path]:
    """Make a figure.

    Args:
        name: Its name in paper/figures.yaml.
        project: The project.
        knobs: What to use instead of its params.yaml.
        out: Folder to write into; results/figures of the project where not given.

    Returns:
        The files written; the last names the runs, the data and the caption.

    Raises:
        InputError: There is no such figure, the settings do not fit, or something that it shows is not made yet.
    """
    figure = entries.get(entries.load(project.root), name)
    material = gather(settings.load(project, knobs), name, figure)
    folder = project.root / entries.FOLDER if out is None else out
    drawing = module(figure)
    content = drawing.collect(material)
    told = provenance(material)
    written: list[Path] = []
    with style.applied():
        written += style.save(drawn(figure, content, material.header), folder / name)
        if figure.photographs:
            shown = drawn(figure, content, material.header, photographs=True)
            written += style.save(shown, folder / entries.PHOTOGRAPHS / name)
    write_text(folder / f"{name}.csv", csv_text(drawing.rows(content), [material.header] if material.header else []))
    write_json(folder / f"{name}.json", told)
    return [*written, folder / f"{name}.csv", folder / f"{name}.json"]


def csv_text(rows: Rows, header: Sequence[str]) -> str:
    """Rows as CSV under comment lines; numbers in full, nothing for None.

    Args:
        rows: At least one; all with the same columns.
        header: Comment lines.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return "".join([*(f"# {line}\n" for line in header), stream.getvalue()])


def provenance(material: Material) -> dict[str, Any]:
    """What is said of a figure beside the picture.

    Args:
        material: What it was made from.
    """
    found = material.every_run.values()
    return {
        "name": material.name,
        "number": material.entry.number,
        "title": material.entry.title,
        "caption": material.entry.caption,
        "header": material.header,
        "scale": material.book.params.scale if material.results else None,
        "standin": material.standin,
        "data": {folder: info["digest"] for folder, info in material.data.items()},
        "runs": sorted(material.every_run),
        "seeds": sorted({result.spec["seed"] for result in found}),
        "commits": sorted({str(result.done["environment"]["commit"]) for result in found}),
        "lbrn": __version__,
    }
