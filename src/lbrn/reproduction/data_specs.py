"""Which prepared datasets a table needs, and from which bytes each is made under the project's settings."""

from collections.abc import Mapping
from typing import Any

from lbrn.datasets import sources
from lbrn.datasets.catalog import task, unit
from lbrn.errors import InputError
from lbrn.reproduction import params
from lbrn.reproduction.book import Book, listed, table
from lbrn.reproduction.experiments import Table
from lbrn.reproduction.params import Params
from lbrn.reproduction.preset import Preset

DataSpec = dict[str, Any]


def dataset_names(preset: Preset, dataset: str) -> list[str]:
    """Every dataset that a run is trained or tested on; in alphabetical order, because order is part of training."""
    return sorted(preset.run_data(dataset))


def data_spec(book: Book, name: str) -> DataSpec:
    """The data spec of a dataset under a project's settings.

    Args:
        book: The settings.
        name: Name of the dataset; the input size and numbers of samples are those of the task that it is for.

    Raises:
        InputError: The dataset is unknown, or its source cannot be used.
    """
    source, project = _source(name, book.params), book.project
    preset = book.preset(task(name))
    drawn = _drawn(book, name, preset) if source == "embedded" else None
    side = book.params.overrides.input or preset.recipe["input"]
    return sources.data_spec(name, source, side=side, root=project.main, store=project.data, drawn=drawn)


def table_data(book: Book, number: int) -> dict[str, DataSpec]:
    """Data specs of all datasets that a table's runs are trained and tested on, by their names.

    Args:
        book: The settings.
        number: The table's number in the paper.

    Raises:
        InputError: The source of one of them cannot be used.
    """
    return entry_data(book, table(book, number))


def entry_data(book: Book, entry: Table) -> dict[str, DataSpec]:
    """Data specs of all datasets that a table's runs are trained and tested on, whatever columns are asked for.

    Args:
        book: The settings.
        entry: The table's entry in workflow/experiments.yaml.

    Raises:
        InputError: The source of one of them cannot be used.
    """
    preset = book.preset(entry.task)
    names = [name for dataset in entry.tested if dataset in preset.train_on for name in dataset_names(preset, dataset)]
    return {name: data_spec(book, name) for name in names}


def raw_key(spec: Mapping[str, Any]) -> str:
    """Name of the folder in data/raw that holds a data spec's bytes."""
    return f"{spec['name']}-{sources.raw_key(spec)}"


def data_key(spec: Mapping[str, Any]) -> str:
    """Name of the folder in data/prepared that a data spec stands for."""
    return f"{spec['name']}-{sources.prepared_key(spec)}"


def _source(name: str, knobs: Params) -> str | dict[str, str]:
    """Where a dataset comes from, with `auto` resolved."""
    if name.replace("-", "_") not in params.Sources.model_fields:
        raise InputError(f"dataset {name!r} is unknown; there are {listed(params.Sources.model_fields)}")
    source: str | dict[str, str] = getattr(knobs.sources, name.replace("-", "_"))
    if source != "auto":
        return source
    return "embedded" if knobs.scale == "quick" else "official"


def _drawn(book: Book, name: str, preset: Preset) -> dict[str, int]:
    """How much a stand-in draws: a training set is shared equally between the datasets that make it up."""
    counted, overrides = unit(name), book.params.overrides
    train = getattr(overrides, f"{counted}_train") or (preset.drawn.train if preset.drawn else 0)
    test = getattr(overrides, f"{counted}_test") or (preset.drawn.test if preset.drawn else 0)
    if not train or not test:
        raise InputError(
            f"sources.{name} is embedded, but scale {book.params.scale} does not say how many {counted} to draw; "
            f"set overrides.{counted}_train and overrides.{counted}_test in {params.FILE}"
        )
    partners = next((names for names in preset.train_on.values() if name in names), ())
    shared = max(1, train // len(partners)) if partners else 0
    return {"train": shared, "test": test if name in preset.train_on else 0}
