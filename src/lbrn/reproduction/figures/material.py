"""What a figure is made from: its entry, the settings, and the finished runs that it shows. Loads no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lbrn.errors import InputError
from lbrn.files import read_json
from lbrn.reproduction import book as settings
from lbrn.reproduction import runs
from lbrn.reproduction.book import Book
from lbrn.reproduction.experiments import Column
from lbrn.reproduction.figures.entries import FILE, FOLDER, Figure
from lbrn.reproduction.results import Result, Spec, read_result

Place = tuple[int, str]
"""A table's number and the label of one of its columns."""


def chosen_columns(book: Book, name: str, figure: Figure) -> dict[Place, Column]:
    """The columns of tables that a figure shows, of those that params.yaml asks for.

    Args:
        book: The settings.
        name: The figure's name, for the message.
        figure: Its entry.

    Raises:
        InputError: The entry names a table or column that does not exist, or all of its columns of a table are left
            out by params.yaml.
    """
    found: dict[Place, Column] = {}
    for number, labels in figure.runs.items():
        if number not in book.tables:
            raise InputError(f"{FILE}, {name}: there is no table {number}; there are {settings.listed(book.tables)}")
        known = book.tables[number].columns
        for label in known if labels == "all" else labels:
            if label not in known:
                raise InputError(
                    f"{FILE}, {name}: table {number} has no column {label!r}, but {settings.listed(known)}"
                )
            if book.params.columns is None or label in book.params.columns:
                found[number, label] = known[label]
    if figure.runs and not found:
        wanted = {label for number, labels in figure.runs.items() for label in (
            book.tables[number].columns if labels == "all" else labels)}  # fmt: skip
        raise InputError(
            f"params.yaml: columns names none of figure {name}, which shows {settings.listed(sorted(wanted))}; "
            f"add one or write 'columns: null'"
        )
    return found


def figure_specs(book: Book, name: str, figure: Figure) -> dict[Place, list[Spec]]:
    """The specs of the runs that a figure shows, one a seed, by table and column.

    Args:
        book: The settings.
        name: The figure's name.
        figure: Its entry.

    Raises:
        InputError: The figure cannot be made with these settings.
    """
    return {
        (number, label): [
            runs.run_spec(book, book.tables[number].task, book.tables[number].places[label], seed)
            for seed in book.params.seeds
        ]
        for number, label in chosen_columns(book, name, figure)
    }


@dataclass(frozen=True)
class Material:
    """What a figure is made from.

    Attributes:
        name: The figure's name.
        entry: Its entry in paper/figures.yaml.
        book: The settings.
        results: Its finished runs, one a seed, by table and column.
    """

    name: str
    entry: Figure
    book: Book
    results: Mapping[Place, Sequence[Result]]

    def folder(self, result: Result) -> Path:
        """The folder of a run."""
        return self.book.project.run(result.key)

    def column(self, place: Place) -> Column:
        """The entry of a column in workflow/experiments.yaml."""
        return self.book.tables[place[0]].columns[place[1]]

    @cached_property
    def every_run(self) -> dict[str, Result]:
        """All runs by key, each once."""
        return {result.key: result for found in self.results.values() for result in found}

    @cached_property
    def data(self) -> dict[str, Mapping[str, Any]]:
        """What is known of every dataset that the runs were trained or tested on, by the name of its folder.

        Raises:
            InputError: One is not prepared.
        """
        folders = {f"{name}-{h8}" for result in self.every_run.values() for name, h8 in result.spec["data"].items()}
        return {folder: self._info(folder) for folder in sorted(folders)}

    @property
    def standin(self) -> bool:
        """Whether any of the data was drawn by lbrn in place of the paper's."""
        return any(info["standin"] for info in self.data.values())

    @property
    def header(self) -> str:
        """What a reader must know of the runs, in one line; empty where none are shown."""
        if not self.results:
            return ""
        origin = "STAND-IN data, not the paper's" if self.standin else "photographs"
        seeds = sorted({result.spec["seed"] for result in self.every_run.values()})
        several = "seeds " if len(seeds) > 1 else "one seed: "
        return f"scale {self.book.params.scale}; {origin}; {several}{', '.join(map(str, seeds))}"

    def _info(self, folder: str) -> Mapping[str, Any]:
        path = self.book.project.prepared(folder) / "info.json"
        if not path.exists():
            target = f"{FOLDER}/{self.name}.svg"
            raise InputError(f"figure {self.name} needs {path.parent}; `snakemake --cores 2 {target}` makes it")
        found: Mapping[str, Any] = read_json(path)
        return found


def gather(book: Book, name: str, figure: Figure) -> Material:
    """Read all that a figure is made from.

    Args:
        book: The settings.
        name: The figure's name.
        figure: Its entry.

    Raises:
        InputError: The figure cannot be made with these settings, or one of its runs is not finished and scored.
    """
    target = f"{FOLDER}/{name}.svg"
    results = {
        (number, label): [
            read_result(spec, book.project.run(runs.run_key(spec)), f"figure {name}, column {label}", target)
            for spec in specs
        ]
        for (number, label), specs in figure_specs(book, name, figure).items()
    }
    return Material(name, figure, book, results)
