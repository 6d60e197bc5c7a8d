"""All settings of a project read together: params.yaml, the scales and the tables."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lbrn.errors import InputError
from lbrn.reproduction import experiments, params, scales
from lbrn.reproduction.experiments import Table
from lbrn.reproduction.params import Params
from lbrn.reproduction.preset import Preset
from lbrn.reproduction.project import Project
from lbrn.reproduction.scales import Scales


@dataclass(frozen=True)
class Book:
    """All settings of a project together: what to make, and how."""

    project: Project
    params: Params
    scales: Scales
    tables: Mapping[int, Table]

    def preset(self, task: str) -> Preset:
        """What the chosen scale means for a task."""
        return self.scales.preset(self.params.scale, task)


def load(project: Project, knobs: Params | None = None) -> Book:
    """Read and check a project's settings.

    Args:
        project: The project.
        knobs: What to use instead of its params.yaml.

    Raises:
        InputError: A settings file is wrong, or params.yaml asks for a table or column that does not exist.
    """
    book = Book(
        project=project,
        params=knobs or params.load(project.root),
        scales=scales.load(project.root),
        tables=experiments.load(project.root),
    )
    _check_wishes(book)
    return book


def table(book: Book, number: int) -> Table:
    """A table with the columns that params.yaml asks for.

    Args:
        book: The settings.
        number: The table's number in the paper.

    Raises:
        InputError: The project does not make this table, or none of its columns is asked for.
    """
    if number not in book.tables:
        raise InputError(f"there is no table {number} to make; {experiments.FILE} has {listed(book.tables)}")
    entry = book.tables[number]
    changes: dict[str, Any] = {}
    if book.params.columns is not None:
        wanted = book.params.columns
        changes["columns"] = _chosen(number, "columns", entry.columns, wanted)
        changes["beside"] = {label: column for label, column in entry.beside.items() if label in wanted}
    if book.params.datasets is not None and entry.datasets:
        changes["datasets"] = _chosen(number, "datasets", entry.datasets, book.params.datasets)
    return entry.model_copy(update=changes)


def _chosen(number: int, knob: str, known: Mapping[str, Any], wanted: Collection[str]) -> dict[str, Any]:
    chosen = {label: entry for label, entry in known.items() if label in wanted}
    if not chosen:
        raise InputError(
            f"{params.FILE}: {knob} names none of table {number}, which has {listed(known)}; "
            f"add one or write '{knob}: null'"
        )
    return chosen


def listed(items: Iterable[Any]) -> str:
    """Items as a text."""
    return ", ".join(str(item) for item in items)


def _check_wishes(book: Book) -> None:
    for number in book.params.tables:
        table(book, number)
    entries = book.tables.values()
    _check_known("columns", book.params.columns, {label for entry in entries for label in entry.networks})
    _check_known("datasets", book.params.datasets, {label for entry in entries for label in entry.datasets})


def _check_known(knob: str, wanted: Collection[str] | None, known: Collection[str]) -> None:
    for label in wanted or ():
        if label not in known:
            raise InputError(
                f"{params.FILE}: {knob} names {label!r}, but no table has it; there are {listed(sorted(known))}"
            )
