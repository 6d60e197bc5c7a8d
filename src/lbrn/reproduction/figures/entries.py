"""The figures of paper/figures.yaml: what each shows, from which runs, and its caption. Loads no torch."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from lbrn.errors import InputError
from lbrn.reproduction.settings import Settings, check, read_yaml, rule

FILE = "paper/figures.yaml"
FOLDER = Path("results/figures")
PHOTOGRAPHS = "photographs"
"""Folder inside `FOLDER` of the versions that show the pictures of a dataset: never published unless drawn by lbrn."""

SUFFIXES = (".svg", ".png", ".csv", ".json")
DRAWINGS = "lbrn.reproduction.figures.drawings"
"""Package of the modules that collect and draw, one a kind of figure."""

_FOLDER = Path(__file__).with_name("drawings")

Labels = tuple[str, ...] | Literal["all"]


class Figure(Settings):
    """One figure; see the head of paper/figures.yaml."""

    title: str = rule("a text", "title: Sparsity and accuracy")
    caption: str = rule("a text", "caption: The accuracy of ...")
    draws: str = rule("the name of a module in src/lbrn/reproduction/figures/drawings", "draws: sparsity")
    number: int | None = Field(default=None, description="the figure's number in the paper", examples=["number: 1"])
    task: Literal["pose"] = rule("pose", "task: pose")
    runs: dict[int, Labels] = Field(
        default={},
        description="a mapping of a table's number to a list of its columns, or all",
        examples=["runs: {1: [SHN, LBRN-S]}"],
    )
    knobs: tuple[Literal["sparsity", "filter_seed", "seeds"], ...] = Field(
        default=(), description="a list of knobs that it takes beside its runs", examples=["knobs: [sparsity]"]
    )
    photographs: bool = Field(
        default=False, description="true where there is a version with the pictures", examples=["photographs: true"]
    )


def load(root: Path) -> dict[str, Figure]:
    """Read and check the list of figures of a project.

    Args:
        root: The folder with paper/.

    Returns:
        Figures by name, in the order of the file.

    Raises:
        InputError: The file cannot be read, or something in it is wrong.
    """
    content = read_yaml(root / FILE)
    if not isinstance(content, Mapping):
        raise InputError(f"{FILE} must hold a mapping of figure to entry")
    return {_name(name): _figure(name, entry) for name, entry in content.items()}


def get(figures: Mapping[str, Figure], name: str) -> Figure:
    """A figure by its name.

    Raises:
        InputError: There is no such figure.
    """
    if name not in figures:
        raise InputError(f"there is no figure {name!r}; {FILE} has {', '.join(figures)}")
    return figures[name]


def _name(name: object) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise InputError(f"{FILE}: key {name!r} is not possible: write small letters, digits and -, such as figure1")
    return name


def _figure(name: str, entry: object) -> Figure:
    figure = check(Figure, entry, f"{FILE}, {name}")
    known = sorted(path.stem for path in _FOLDER.glob("[a-z]*.py"))
    if figure.draws not in known:
        raise InputError(f"{FILE}, {name}: draws {figure.draws!r} is unknown; there are {', '.join(known)}")
    return figure
