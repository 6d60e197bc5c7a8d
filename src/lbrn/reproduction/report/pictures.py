"""Pictures inside the page: figures and curves of measurements, as data, within a budget of bytes."""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from lbrn.errors import InputError
from lbrn.files import read_json
from lbrn.reproduction.report.anchors import Part

KINDS = {".svg": "image/svg+xml", ".png": "image/png"}
LARGEST_SVG = 300_000
"""Bytes beyond which lines are better shown as pixels."""

SCALE = 1.3
"""How much larger than in print figures are shown."""

PER_INCH = 96
"""Pixels of CSS; a point is 1/72 inch."""

BUDGET = 12_000_000
"""Characters that all pictures together may take: the page is to stay below 15 MB."""


@dataclass(frozen=True)
class Picture:
    """A picture.

    Attributes:
        name: Its name, without folder and suffix.
        path: Its file from the project's root.
        data: The picture as a `data:` address; empty where the budget was used up.
        title: A few words.
        width: Width on the page in pixels of CSS; 0 where the picture does not say how large it is.
        caption: What stands under it.
        standin: Whether it shows a stand-in.
        runs: The runs behind it, as parts that may lead to them.
        commits: Where they were trained at.
    """

    name: str
    path: str
    data: str
    title: str
    width: int = 0
    caption: str = ""
    standin: bool = False
    runs: tuple[Part, ...] = ()
    commits: tuple[str, ...] = ()


@dataclass
class Album:
    """All pictures of the page.

    Attributes:
        root: The project's root.
        left: Characters that are left of the budget.
        omitted: Paths of the pictures for which nothing was left.
    """

    root: Path
    left: int = BUDGET
    omitted: list[str] = field(default_factory=list)

    def take(self, base: Path, title: str, scale: float = 1.0, **more: Any) -> Picture | None:
        """Take a picture in, as SVG where that is not too large, else as PNG; None where it is neither.

        Args:
            base: Its path without suffix.
            title: A few words.
            scale: How much larger than in print it is shown.
            more: Further attributes of `Picture`.
        """
        forms = [path for suffix in KINDS if (path := base.with_name(base.name + suffix)).is_file()]
        if not forms:
            return None
        path = forms[0] if forms[0].stat().st_size <= LARGEST_SVG else forms[-1]
        more["width"] = round(scale * _width(path))
        name = path.relative_to(self.root).as_posix()
        data = f"data:{KINDS[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"
        if len(data) > self.left:
            self.omitted.append(name)
            return Picture(base.name, name, "", title, **more)
        self.left -= len(data)
        return Picture(base.name, name, data, title, **more)


def figures(folders: Iterable[Path], order: Sequence[str], runs: Mapping[str, str], album: Album) -> list[Picture]:
    """The finished figures of some folders, each as often as it is made from other runs.

    Args:
        folders: Such as results/figures.
        order: Names of figures, in the order of the paper.
        runs: Ids of the runs in the page, by key.
        album: Where they are taken in.

    Raises:
        InputError: What a figure says of itself cannot be read.
    """
    found: dict[tuple[str, ...], Picture] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.json")):
            told = _told(path)
            key = (told["name"], *told["runs"])
            if key in found:
                continue
            picture = _figure(path.with_suffix(""), told, runs, album)
            if picture is None:
                raise InputError(f"{path} has no picture beside it; `lbrn figure {told['name']}` makes it again")
            found[key] = picture
    rank = {name: place for place, name in enumerate(order)}
    return sorted(found.values(), key=lambda picture: rank.get(picture.name, len(rank)))


def label(number: int | None) -> str:
    """What stands before the title of a figure with a number in the paper; nothing without one.

    Args:
        number: Its number.
    """
    return "" if number is None else f"Figure {number}: "


def _figure(base: Path, told: Mapping[str, Any], runs: Mapping[str, str], album: Album) -> Picture | None:
    header = f"{told['header']}. " if told["header"] else ""
    return album.take(
        base,
        f"{label(told['number'])}{told['title']}",
        SCALE,
        caption=f"{header}{told['caption']}",
        standin=bool(told["standin"]),
        runs=tuple(Part(key, runs.get(key, "")) for key in told["runs"]),
        commits=tuple(told["commits"]),
    )


def _width(path: Path) -> float:
    """Width in print in pixels of CSS; 0 where the picture does not say."""
    if path.suffix == ".svg":
        said = re.search(r'<svg[^>]*\swidth="([\d.]+)pt"', path.read_text()[:5000])
        return float(said[1]) / 72 * PER_INCH if said else 0
    with Image.open(path) as image:
        dots = image.info.get("dpi", (0, 0))[0]
        return image.width / dots * PER_INCH if dots else 0


def _told(path: Path) -> Mapping[str, Any]:
    needed = ("name", "number", "title", "caption", "header", "standin", "runs", "commits")
    try:
        told: Mapping[str, Any] = read_json(path)
        return {name: told[name] for name in needed}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not what lbrn says of a figure ({error!r}); draw the figure again") from error
