"""How each claim of the paper is tested: paper/claim_tests.yaml, checked. Imports no torch."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from lbrn.errors import InputError
from lbrn.reproduction.settings import Number, Settings, check, read_yaml, rule

FILE = "paper/claim_tests.yaml"

Real = Annotated[float, Number]
Label = Annotated[str, Field(min_length=1)]


class Network(Settings):
    """A variant with settings that are not its defaults."""

    variant: Label = rule("the name of a variant", "variant: lbrn-s")
    settings: dict[str, Any] = Field(default={}, description="a mapping", examples=["settings: {stacks: 4}"])
    kernel: int = Field(default=3, description="the side of the filters that are 3x3", examples=["kernel: 5"])


class Printed(Settings):
    """A number of paper/published/tableN.csv."""

    table: int = rule("the number of a table", "table: 1")
    row: Label = rule("the label of a row", "row: Total")
    column: Label = rule("the label of a column", "column: SHN")


class Shown(Settings):
    """Cells of our tables that must show what is counted, one for `first` and, if any, one for `second`."""

    table: int = rule("the number of a table", "table: 1")
    row: Label = rule("the label of a row", 'row: "#Param (M)"')
    columns: tuple[Label, ...] = rule("a list of labels of columns", "columns: [LBRN-S, SHN]")


class Count(Settings):
    """Exact: what is counted is what the paper prints, to its last digit or within a tolerance."""

    kind: Literal["count"]
    first: Network = rule("a network", "first: {variant: lbrn-s}")
    second: Network | None = Field(default=None, description="a network", examples=["second: {variant: shn}"])
    scope: Literal["block", "network"] = rule("block or network", "scope: block")
    of: Literal["trainable", "flops_paper", "macs"] = rule("trainable, flops_paper or macs", "of: trainable")
    figure: Literal["saving", "ratio", "value"] = rule("saving, ratio or value", "figure: saving")
    printed: Label | Printed = rule("the number as printed, or its place in paper/published", 'printed: "69.2"')
    tolerance: Real | None = Field(default=None, description="a number", examples=["tolerance: 0.1"])
    from_rounded: tuple[Label, Label] | None = Field(
        default=None, description="two numbers as printed", examples=['from_rounded: ["0.5", "1.7"]']
    )
    shown: Shown | None = Field(default=None, description="cells of a table", examples=["shown: {table: 1, ...}"])

    @model_validator(mode="after")
    def _needs_a_second(self) -> Self:
        if (self.second is None) != (self.figure == "value"):
            raise ValueError("a saving or a ratio needs a second network, a value has none")
        return self


class Difference(Settings):
    """Accuracy: differences between networks, seed by seed, lie above, below or within a threshold."""

    kind: Literal["difference"]
    table: int = rule("the number of a table", "table: 1")
    row: Label = rule("the label of a row", "row: Total")
    pairs: tuple[tuple[Label, Label], ...] = rule("a list of pairs of labels", "pairs: [[LBRN-S, SHN]]")
    above: Real | None = Field(default=None, description="a number", examples=["above: -2"])
    below: Real | None = Field(default=None, description="a number", examples=["below: -10"])
    within: Real | None = Field(default=None, description="a number above 0", examples=["within: 0.5"])
    why: str = Field(default="", description="a text", examples=["why: little is less than 2 points"])

    @model_validator(mode="after")
    def _one_threshold(self) -> Self:
        if sum(threshold is not None for threshold in (self.above, self.below, self.within)) != 1:
            raise ValueError("a difference has exactly one of above, below and within")
        return self


class Spread(Settings):
    """Statistics: the standard deviation over seeds is smaller than a threshold."""

    kind: Literal["spread"]
    below: Real = rule("a number above 0", "below: 0.5")
    why: str = Field(default="", description="a text", examples=["why: ..."])


class Speed(Settings):
    """Measured: a ratio of times is at least a threshold."""

    kind: Literal["speed"]
    file: Label = rule("the name of a file of results/speed", "file: network.csv")
    match: dict[str, str] = rule("a mapping of column to how its value begins", "match: {network: lbrn-s}")
    take: Literal["best", "worst"] = rule("best or worst", "take: best")
    times: tuple[Label, Label] = rule("the columns of the two times without _ms", "times: [peer, engine]")
    at_least: Real = rule("a number", "at_least: 2.5")
    ceiling: bool = Field(default=False, description="true or false", examples=["ceiling: true"])
    why: str = Field(default="", description="a text", examples=["why: ..."])


class Averages(Settings):
    """Arithmetic: which printed totals can be means of their own columns."""

    kind: Literal["averages"]
    table: int = rule("the number of a table", "table: 1")
    columns: tuple[Label, ...] = rule("a list of labels of columns", "columns: [LBRN-S, SHN]")


class Layer(Settings):
    """Convolutions of one size."""

    channels: int = rule("a whole number", "channels: 16")
    side: int = rule("a whole number of pixels", "side: 32")
    count: int = rule("a whole number", "count: 6")


class Budget(Settings):
    """Arithmetic: printed savings of weights and operations belong to the same 3x3 convolutions."""

    kind: Literal["budget"]
    layers: tuple[Layer, ...] = rule("a list of layers", "layers: [{channels: 16, side: 32, count: 6}]")
    table: int = rule("the number of a table", "table: 9")
    networks: tuple[Label, Label] = rule("two labels", "networks: [ResNet-56, ResNet-LBB-56]")
    weights: Label = rule("the label of a column, in millions", 'weights: "#Param (M)"')
    operations: Label = rule("the label of a column, in milliards", 'operations: "FLOPs (G)"')


class Approximation(Settings):
    """Numerical experiment: the error falls with every step of intermediate filters, and without ReLU to nothing."""

    kind: Literal["approximation"]
    nothing: Real = rule("a number of percent", "nothing: 0.001")


class Additions(Settings):
    """Exact: a fixed convolution, computed by additions and subtractions alone, is the convolution."""

    kind: Literal["additions"]


class Remark(Settings):
    """What a reader must know, and decides nothing."""

    kind: Literal["remark"]
    text: Label = rule("a text", "text: ...")


Test = Count | Difference | Spread | Speed | Averages | Budget | Approximation | Additions | Remark
SCHEMAS: tuple[type[Test], ...] = (
    Count, Difference, Spread, Speed, Averages, Budget, Approximation, Additions, Remark,
)  # fmt: skip
KINDS: dict[str, type[Test]] = {schema.__name__.lower(): schema for schema in SCHEMAS}


def load(root: Path, claims: Collection[str]) -> dict[str, tuple[Test, ...]]:
    """Read and check how each claim is tested.

    Args:
        root: The project's root.
        claims: Ids of all claims of the paper.

    Returns:
        The tests of every claim.

    Raises:
        InputError: The file cannot be read, a claim is unknown or without a test, or a test is wrong.
    """
    content = read_yaml(root / FILE)
    if not isinstance(content, Mapping):
        raise InputError(f"{FILE} must hold a mapping of claim to tests; restore it from git")
    for claim in content:
        check_known(str(claim), claims, FILE)
    untested = [claim for claim in claims if not content.get(claim)]
    if untested:
        raise InputError(f"{FILE} has no test of claim {untested[0]}; add one, or remove the claim from claims.csv")
    return {claim: tuple(_test(claim, part) for part in content[claim]) for claim in claims}


def check_known(claim: str, claims: Collection[str], where: str) -> None:
    """Refuse the id of a claim that the paper does not make.

    Args:
        claim: Such as C8.
        claims: Those of paper/claims.csv.
        where: Who names it.

    Raises:
        InputError: There is no such claim.
    """
    if claim not in claims:
        raise InputError(f"{where} names claim {claim}, but paper/claims.csv has {', '.join(claims)}")


def _test(claim: str, part: Any) -> Test:
    kind = part.get("kind") if isinstance(part, Mapping) else None
    if kind not in KINDS:
        raise InputError(f"{FILE}, {claim}: kind is {kind!r}, but must be one of {', '.join(KINDS)}")
    return check(KINDS[kind], part, f"{FILE}, {claim}")
