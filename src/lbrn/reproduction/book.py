"""All settings of a project read together: params.yaml, the scales and the tables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lbrn.errors import InputError
from lbrn.reproduction import experiments, params, scales
from lbrn.reproduction.experiments import Table
from lbrn.reproduction.params import Params
from lbrn.reproduction.project import Project
from lbrn.reproduction.scales import PosePreset, Scales


@dataclass(frozen=True)
class Book:
    """All settings of a project together: what to make, and how."""

    project: Project
    params: Params
    scales: Scales
    tables: Mapping[int, Table]

    def preset(self, task: str) -> PosePreset:
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
    entry, wanted = book.tables[number], book.params.columns
    if wanted is None:
        return entry
    chosen = {label: column for label, column in entry.columns.items() if label in wanted}
    if not chosen:
        raise InputError(
            f"{params.FILE}: columns names none of table {number}, which has {listed(entry.columns)}; "
            f"add one or write 'columns: null'"
        )
    beside = {label: column for label, column in entry.beside.items() if label in wanted}
    return entry.model_copy(update={"columns": chosen, "beside": beside})


def listed(items: Iterable[Any]) -> str:
    """Items as a text."""
    return ", ".join(str(item) for item in items)


def _check_wishes(book: Book) -> None:
    for number in book.params.tables:
        table(book, number)
    known = {label for entry in book.tables.values() for label in entry.networks}
    for label in book.params.columns or ():
        if label not in known:
            raise InputError(
                f"{params.FILE}: columns names {label!r}, but no table has it; there are {listed(sorted(known))}"
            )
