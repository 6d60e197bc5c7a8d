"""The tables of workflow/experiments.yaml: which networks make which columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from lbrn.datasets.catalog import task
from lbrn.errors import InputError
from lbrn.models.variants import Variant, get
from lbrn.reproduction.settings import Settings, check, read_yaml, rule

FILE = "workflow/experiments.yaml"
SEPARATOR = " / "
"""Between the parts of a row's label in tables of several datasets."""


class Column(Settings):
    """One column: a variant and, beside it in the same mapping, settings that are not the variant's defaults."""

    model_config = ConfigDict(extra="allow", frozen=True)

    variant: str = rule("the name of a variant", "variant: lbrn-s")

    @property
    def settings(self) -> dict[str, Any]:
        """Full-size settings that the entry names."""
        return dict(self.model_extra or {})

    def resolve(self) -> Variant:
        """The variant, with the entry's settings checked.

        Raises:
            InputError: There is no such variant, or it does not accept a setting.
        """
        variant = get(self.variant)
        variant.settings(self.settings)
        return variant


@dataclass(frozen=True)
class Place:
    """One network of a table on one dataset: what each seed makes a run of.

    Attributes:
        label: Name of the place in the table: of its column where the table has one dataset, else that and the
            dataset's label, joined by `SEPARATOR` in the order of the table's `index`.
        dataset: Whose test split is predicted.
        column: The network.
    """

    label: str
    dataset: str
    column: Column


class Compare(Settings):
    """Which networks of a table are held against each other, seed by seed."""

    row: str = rule("the label of a row", "row: Total")
    pairs: tuple[tuple[str, str], ...] = rule("a list of pairs of labels", "pairs: [[LBRN-S, SHN]]")


class Table(Settings):
    """One table of the paper; see the head of workflow/experiments.yaml."""

    title: str = rule("a text", "title: Results on ...")
    task: Literal["pose", "classification", "saliency"] = rule("pose, classification or saliency", "task: pose")
    dataset: str | None = Field(default=None, description="the name of a dataset", examples=["dataset: mpii"])
    datasets: dict[str, str] = Field(
        default={}, description="a mapping of label to dataset", examples=["datasets: {CIFAR-10: cifar10}"]
    )
    index: tuple[str, ...] = Field(
        default=(), description="a list of names with 'dataset' among them", examples=["index: [dataset, network]"]
    )
    metric: str = rule("the identifier of a metric", "metric: pckh@0.5-mean14")
    rows: tuple[str, ...] = rule("a list of row labels", "rows: [Head, Total]")
    costs: tuple[str, ...] = rule("a list of cost rows", 'costs: ["#Param (M)"]')
    columns: dict[str, Column] = rule("a mapping of label to variant", "columns: {SHN: {variant: shn}}")
    sweep: str | None = Field(
        default=None, description="the name of the setting that the networks differ in", examples=["sweep: sparsity"]
    )

    compare: Compare | None = Field(
        default=None,
        description="a row and pairs of labels",
        examples=["compare: {row: Total, pairs: [[PRM, SHN]]}"],
    )
    beside: dict[str, Column] = Field(
        default={}, description="a mapping of label to variant", examples=["beside: {LBRN-S: {variant: lbrn-s}}"]
    )

    @property
    def networks(self) -> dict[str, Column]:
        """Everything that is run for the table: its columns, and what they are only compared with."""
        return {**self.columns, **self.beside}

    @property
    def tested(self) -> tuple[str, ...]:
        """Datasets whose test splits are predicted."""
        return tuple(self.datasets.values()) or ((self.dataset,) if self.dataset else ())

    @property
    def places(self) -> dict[str, Place]:
        """Every network that the table shows on every dataset by its label, dataset by dataset."""
        return self._placed(self.columns)

    @property
    def all_places(self) -> dict[str, Place]:
        """The same with the networks that the others are only compared with."""
        return self._placed(self.networks)

    @property
    def row_index(self) -> tuple[str, ...]:
        """What the first columns of a table with networks as rows are called; empty where they are its columns."""
        return self.index or ((self.sweep,) if self.sweep else ())

    def _placed(self, columns: Mapping[str, Column]) -> dict[str, Place]:
        if self.dataset is not None:
            return {label: Place(label, self.dataset, column) for label, column in columns.items()}
        found = [
            Place(self._joined(dataset, label), name, column)
            for dataset, name in self.datasets.items()
            for label, column in columns.items()
        ]
        return {place.label: place for place in found}

    def _joined(self, dataset: str, label: str) -> str:
        parts = label.split(SEPARATOR)
        parts.insert(self.index.index("dataset"), dataset)
        return SEPARATOR.join(parts)

    @model_validator(mode="after")
    def _of_known_datasets(self) -> Self:
        if (self.dataset is None) == (not self.datasets):
            raise ValueError("a table has either a dataset or datasets")
        if bool(self.index) != bool(self.datasets) or (self.index and "dataset" not in self.index):
            raise ValueError("a table with datasets has an index with 'dataset' in it, and only such a table")
        for label in self.networks if self.index else ():
            if len(label.split(SEPARATOR)) != len(self.index) - 1:
                raise ValueError(f"label {label!r} does not name {', '.join(self.index)} without the dataset")
        for name in self.tested:
            if task(name) != self.task:
                raise ValueError(f"dataset {name} is for {task(name)}, not for {self.task}")
        return self

    @model_validator(mode="after")
    def _swept(self) -> Self:
        if self.sweep is not None and self.costs:
            raise ValueError("a sweep has no cost rows: its networks are the rows")
        for label, column in self.columns.items():
            if self.sweep is not None and str(column.settings.get(self.sweep)) != label:
                raise ValueError(f"in a sweep each label is the value of its {self.sweep}; {label} is not")
        return self

    @model_validator(mode="after")
    def _compared(self) -> Self:
        twice = sorted(self.columns.keys() & self.beside.keys())
        if twice:
            raise ValueError(f"beside names {twice[0]}, which is a column: give it another label or remove it")
        if self.compare is None:
            return self
        if self.compare.row not in self.rows:
            raise ValueError(f"compare names row {self.compare.row}, but the rows are {', '.join(self.rows)}")
        for pair in self.compare.pairs:
            for label in pair:
                if label not in self.all_places:
                    raise ValueError(f"compare names {label}, but the networks are {', '.join(self.all_places)}")
            if pair[0] == pair[1]:
                raise ValueError(f"compare names {pair[0]} against itself; name two networks")
        return self


def load(root: Path) -> dict[int, Table]:
    """Read and check workflow/experiments.yaml of a project.

    Args:
        root: The folder with workflow/.

    Returns:
        Tables by their number in the paper.

    Raises:
        InputError: The file cannot be read, or something in it is wrong.
    """
    entries = read_yaml(root / FILE)
    if not isinstance(entries, Mapping):
        raise InputError(f"{FILE} must hold a mapping of table to entry")
    return {_number(name): _table(name, entry) for name, entry in entries.items()}


def _number(name: Any) -> int:
    digits = str(name).removeprefix("table")
    if not digits.isdecimal() or str(name) != f"table{digits}":
        raise InputError(f"{FILE}: key {name} is not the name of a table; write for example table1")
    return int(digits)


def _table(name: str, entry: Any) -> Table:
    table = check(Table, entry, f"{FILE}, {name}")
    for label, column in table.networks.items():
        try:
            column.resolve()
        except InputError as error:
            raise InputError(f"{FILE}, {name}, column {label}: {error}") from error
    return table
