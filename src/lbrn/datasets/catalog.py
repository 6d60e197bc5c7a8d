"""The catalogue of datasets: official addresses, terms, layout and limits, from `catalog.yaml`."""

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from lbrn.datasets.archive import Limits
from lbrn.errors import InputError


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


def limits(name: str) -> Limits:
    """Return what an archive of this dataset may hold at most.

    Args:
        name: Name of a dataset.

    Raises:
        InputError: The catalogue has no such dataset.
    """
    caps = entry(name)["limits"]
    return Limits(files=caps["files"], total=int(caps["gigabytes"] * 10**9))
