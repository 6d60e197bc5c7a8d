"""The catalogue of datasets: official addresses, checksums, terms, layout and limits, from `catalog.yaml`."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from lbrn.datasets.archive import Limits
from lbrn.errors import InputError


@dataclass(frozen=True)
class Part:
    """One of the archives that a dataset officially consists of.

    Attributes:
        file: Its official name.
        urls: Where it is, the first to be tried first; none where a login or a form stands before it.
        bytes: Its exact size, where one is published.
        about: A rounded size in bytes, good for estimates only.
        md5: Published checksum of the archive.
        sha256: Published checksum of the archive.
        member: File name of the annotation in it, where it holds one.
        member_md5: Checksum of that file.
        member_git_blob: Checksum of that file, as git computes it (`git hash-object`).
    """

    file: str
    urls: tuple[str, ...]
    bytes: int | None = None
    about: int | None = None
    md5: str | None = None
    sha256: str | None = None
    member: str | None = None
    member_md5: str | None = None
    member_git_blob: str | None = None

    @property
    def has_checksum(self) -> bool:
        """Whether a checksum of the whole archive is published."""
        return self.md5 is not None or self.sha256 is not None


@cache
def catalog() -> dict[str, dict[str, Any]]:
    """Return all entries by dataset name."""
    content = files("lbrn.datasets").joinpath("catalog.yaml").read_text(encoding="utf-8")
    entries: dict[str, dict[str, Any]] = yaml.safe_load(content)
    return entries


def entry(name: str) -> dict[str, Any]:
    """Return one dataset's entry.

    Args:
        name: Name of a dataset, such as `mpii`.

    Raises:
        InputError: The catalogue has no such dataset.
    """
    try:
        return catalog()[name]
    except KeyError:
        known = ", ".join(catalog())
        raise InputError(f"unknown dataset {name!r}: known datasets are {known}") from None


def official_parts(name: str) -> dict[str, Part]:
    """Return the archives that a dataset officially consists of, by the names of its parts.

    Args:
        name: Name of a dataset.

    Raises:
        InputError: The catalogue has no such dataset.
    """
    return {part: Part(**(told | {"urls": tuple(told["urls"])})) for part, told in entry(name)["parts"].items()}


def task(name: str) -> str:
    """Return the task that a dataset's labels are for, such as `pose`.

    Args:
        name: Name of a dataset.

    Raises:
        InputError: The catalogue has no such dataset.
    """
    return str(entry(name)["task"])


def unit(name: str) -> str:
    """Return what a dataset's samples are, as its counts are called: `people` or `images`.

    Args:
        name: Name of a dataset.

    Raises:
        InputError: The catalogue has no such dataset.
    """
    return "people" if task(name) == "pose" else "images"


def limits(name: str) -> Limits:
    """Return what an archive of this dataset may hold at most.

    Args:
        name: Name of a dataset.

    Raises:
        InputError: The catalogue has no such dataset.
    """
    caps = entry(name)["limits"]
    return Limits(files=caps["files"], total=int(caps["gigabytes"] * 10**9))
