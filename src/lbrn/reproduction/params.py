"""The knobs of params.yaml: one schema, one reader, one clear message for each thing that can be wrong."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from lbrn.reproduction.settings import Number, Settings, check, read_yaml, rule

FILE = "params.yaml"

Scale = Literal["quick", "small", "paper"]
Seed = Annotated[int, Number, Field(ge=0, lt=2**32)]
Count = Annotated[int, Number, Field(ge=1)]
Rate = Annotated[float, Number, Field(gt=0, allow_inf_nan=False)]
Name = Annotated[str, StringConstraints(min_length=1)]
Source = Name | dict[str, Name]


def optional(example: str) -> Any:
    """A source that need not be named: then it is `auto`."""
    told = "auto, embedded, official, a path, or a mapping of part to path"
    return Field(default="auto", description=told, examples=[example])


class Sources(Settings):
    """Where each dataset's bytes come from."""

    mpii: Source = rule("auto, embedded, official, a path, or a mapping of part to path", "mpii: auto")
    lsp: Source = rule("auto, embedded, official, a path, or a mapping of part to path", "lsp: auto")
    lspet: Source = rule("auto, embedded, official, a path, or a mapping of part to path", "lspet: auto")
    ecssd: Source = optional("ecssd: auto")
    pascal_s: Source = optional("pascal_s: auto")
    hku_is: Source = optional("hku_is: auto")
    dut_omron: Source = optional("dut_omron: auto")
    duts: Source = optional("duts: auto")
    cifar10: Source = optional("cifar10: auto")
    cifar100: Source = optional("cifar100: auto")
    imagenette: Source = optional("imagenette: auto")


class Overrides(Settings):
    """What holds for every run instead of the scale's own value; None = as the scale says."""

    epochs: Count | None = rule("null or a whole number, at least 1", "epochs: 12")
    batch: Count | None = rule("null or a whole number, at least 1", "batch: 16")
    lr: Rate | None = rule("null or a number above 0", "lr: 0.003")
    input: Count | None = rule("null or a whole number of pixels, at least 1", "input: 64")
    width: Count | None = rule("null or a whole number of channels, at least 1", "width: 32")
    stacks: Count | None = rule("null or a whole number, at least 1", "stacks: 2")
    depth: Count | None = rule("null or a whole number, at least 1", "depth: 3")
    classes: Annotated[int, Number, Field(ge=2)] | None = Field(
        default=None, description="null or a whole number, at least 2", examples=["classes: 10"]
    )
    people_train: Count | None = rule("null or a whole number, at least 1", "people_train: 2000")
    people_test: Count | None = rule("null or a whole number, at least 1", "people_test: 1000")
    images_train: Count | None = rule("null or a whole number, at least 1", "images_train: 2000")
    images_test: Count | None = rule("null or a whole number, at least 1", "images_test: 1000")


class Params(Settings):
    """All knobs of params.yaml."""

    scale: Scale = rule("quick, small or paper", "scale: quick")
    tables: tuple[Count, ...] = rule("a list of different table numbers of the paper, at least one", "tables: [1]")
    seeds: tuple[Seed, ...] = rule("a list of different whole numbers from 0 to 4294967295, at least one", "seeds: [0]")
    repetitions: Annotated[int, Number, Field(ge=2)] = rule("a whole number, at least 2", "repetitions: 10")
    sparsity: Annotated[float, Number, Field(gt=0, le=1)] = rule(
        "a number above 0 and at most 1, the fraction of NON-zero weights", "sparsity: 0.5"
    )
    activation: Literal["relu", "sigmoid"] = rule("relu or sigmoid", "activation: relu")
    filter_seed: Seed | None = rule("null or a whole number from 0 to 4294967295", "filter_seed: null")
    columns: tuple[Name, ...] | None = rule("null or a list of different column names, at least one", "columns: [SHN]")
    datasets: tuple[Name, ...] | None = rule(
        "null or a list of different names of datasets, at least one", "datasets: [CIFAR-10]"
    )
    sources: Sources = rule(
        "a mapping of each dataset to its source, as the params.yaml of the repository has it",
        "sources: {mpii: auto, lsp: auto, ...}",
    )
    overrides: Overrides = rule("a mapping of override to value", "overrides: {epochs: null}")

    @field_validator("tables", "seeds", "columns", "datasets")
    @classmethod
    def _different(cls, items: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        if items is not None and (not items or len(set(items)) < len(items)):
            raise ValueError("empty, or an item twice")
        return items


def load(root: Path) -> Params:
    """Read and check the knobs of a project.

    Args:
        root: The folder with params.yaml.

    Raises:
        InputError: The file is not readable YAML, or a key or value in it is wrong.
    """
    return parse(read_yaml(root / FILE))


def parse(knobs: Any, where: str = FILE) -> Params:
    """Check knobs that were already read from YAML or JSON.

    Args:
        knobs: Plain data.
        where: The file or option it came from, for the message.

    Raises:
        InputError: A key is unknown or absent, or a value breaks its rule; only the first is reported.
    """
    return check(Params, knobs, where)
