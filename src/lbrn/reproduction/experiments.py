"""The tables of workflow/experiments.yaml: which networks make which columns."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from lbrn.errors import InputError
from lbrn.models.variants import Variant, get
from lbrn.reproduction.settings import Settings, check, read_yaml, rule

FILE = "workflow/experiments.yaml"


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


class Compare(Settings):
    """Which networks of a table are held against each other, seed by seed."""

    row: str = rule("the label of a row", "row: Total")
    pairs: tuple[tuple[str, str], ...] = rule("a list of pairs of labels", "pairs: [[LBRN-S, SHN]]")


class Table(Settings):
    """One table of the paper; see the head of workflow/experiments.yaml."""

    title: str = rule("a text", "title: Results on ...")
    task: Literal["pose"] = rule("pose", "task: pose")
    dataset: Literal["mpii", "lsp"] = rule("mpii or lsp", "dataset: mpii")
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
                if label not in self.networks:
                    raise ValueError(f"compare names {label}, but the networks are {', '.join(self.networks)}")
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
