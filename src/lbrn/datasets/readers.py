"""Which parser reads which dataset, and from which member of its archives."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lbrn.datasets.archive import Archive
from lbrn.datasets.catalog import entry, limits
from lbrn.datasets.lsp import read_lsp, read_lspet
from lbrn.datasets.mpii import read_mpii
from lbrn.datasets.people import People
from lbrn.datasets.sources import SUBSET, is_standin
from lbrn.datasets.splits import PersonList, parse_people_list, published_validation
from lbrn.errors import InputError


def read_people(spec: Mapping[str, Any], files: Mapping[str, Path]) -> dict[str, People]:
    """Parse a dataset's annotation.

    Args:
        spec: A data spec (`sources.data_spec`).
        files: Paths of its parts (`fetch.parts`).

    Returns:
        People by split, without patches; LSP's without centre and scale, which need the image.

    Raises:
        InputError: The annotation cannot be used.
    """
    name = spec["name"]
    if name == "mpii":
        return read_mpii(_member(name, "annotations", files), _validation(spec, files))
    content = _member(name, "archive", files)
    if name == "lspet":
        return read_lspet(content)
    return read_lsp(content, spec["people"]["train"] if is_standin(spec) else None)


def keep_subset(people: People, files: Mapping[str, Path]) -> People:
    """Keep the people in the images of the user's `subset` list, all where there is none.

    Args:
        people: People of any split.
        files: Paths of a source's parts; `subset` is a text file with one image name a line.

    Raises:
        InputError: The list names no image.
    """
    if SUBSET not in files:
        return people
    return people.take(np.isin(people.image, _subset_images(files[SUBSET])))


def _archive(name: str, part: str, files: Mapping[str, Path]) -> Archive:
    return Archive(files.get(part, files.get("archive", Path())), limits(name))


def _member(name: str, part: str, files: Mapping[str, Path]) -> bytes:
    return _archive(name, part, files).read(entry(name)["parts"][part]["member"])[1]


def _validation(spec: Mapping[str, Any], files: Mapping[str, Path]) -> PersonList:
    if not is_standin(spec):
        published = published_validation()
        images = set(_subset_images(files[SUBSET])) if SUBSET in files else None
        return [(image, person) for image, person in published if images is None or image in images]
    content = _archive("mpii", "annotations", files).read("valid.csv")[1]
    return parse_people_list(content.decode("utf-8"), "valid.csv")


def _subset_images(path: Path) -> list[str]:
    """Read the names of a subset list."""
    images = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not images:
        raise InputError(f"{path} names no image: write one image file name a line")
    return images
