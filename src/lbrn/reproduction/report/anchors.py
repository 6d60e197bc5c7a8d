"""Ids of the places inside the page, and which file of the project is shown where."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)+\.(?:json|csv|yaml)")


@dataclass(frozen=True)
class Part:
    """A piece of a text.

    Attributes:
        text: What is read.
        anchor: Id of the place in the page that it leads to; empty for none.
    """

    text: str
    anchor: str = ""


def slug(*words: object) -> str:
    """An id from names: letters, digits, dots and underscores stay, all else becomes a dash.

    Args:
        words: What makes the place one of its kind.

    >>> slug("results/table1", "Total (16 joints)", 3)
    'results-table1-Total--16-joints--3'
    """
    return re.sub(r"[^\w.]", "-", "-".join(map(str, words)))


def linked(text: str, shown: Mapping[str, str]) -> list[Part]:
    """Cut a text into parts, of which those that name a file shown in the page lead there.

    Args:
        text: Such as `results/table1.json: Total`.
        shown: Ids by path from the project's root.

    >>> [part.anchor for part in linked("see results/table1.json", {"results/table1.json": "t1"})]
    ['', 't1']
    """
    parts, end = [], 0
    for match in _PATH.finditer(text):
        parts += [Part(text[end : match.start()]), Part(match[0], shown.get(match[0], ""))]
        end = match.end()
    return [part for part in [*parts, Part(text[end:])] if part.text]
