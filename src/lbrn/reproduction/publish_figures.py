"""Which figures are published with the tables of a scale, and which of their files may be."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from lbrn.files import read_json
from lbrn.reproduction.figures.entries import FOLDER, PHOTOGRAPHS, SUFFIXES

Told = Mapping[str, Any]
"""What a figure's JSON says of it."""


def made(results: Path, scale: str) -> dict[str, Told]:
    """The finished figures of a scale, and those that show no runs, by name.

    Args:
        results: Folder with `figures/`.
        scale: `quick`, `small` or `paper`.
    """
    found = {path.stem: read_json(path) for path in sorted((results / FOLDER.name).glob("*.json"))}
    return {name: told for name, told in found.items() if told["scale"] in (None, scale)}


def files(results: Path, figures: Mapping[str, Told], standins: Collection[str]) -> dict[str, Path]:
    """What is published of figures: path in the reference folder to the file.

    A figure itself is on plain ground. Its version with pictures is published only where every dataset behind it was
    drawn by lbrn.

    Args:
        results: Folder with `figures/`.
        figures: As `made` returns them.
        standins: Names of the datasets that are stand-ins.
    """
    found: dict[str, Path] = {}
    for name, told in figures.items():
        paths = [results / FOLDER.name / f"{name}{suffix}" for suffix in SUFFIXES]
        datasets = {folder.rpartition("-")[0] for folder in told["data"]}
        if datasets <= set(standins):
            paths += sorted((results / FOLDER.name / PHOTOGRAPHS).glob(f"{name}.*"))
        found |= {path.relative_to(results).as_posix(): path for path in paths}
    return found
