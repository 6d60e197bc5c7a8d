"""The cells of a table: our number, its interval and runs, and the number that the paper prints. Imports no torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lbrn.datasets import catalog
from lbrn.errors import InputError
from lbrn.metrics.known import METRICS
from lbrn.metrics.topk import TOP1
from lbrn.models.variants import get
from lbrn.reproduction.experiments import Column, Place
from lbrn.reproduction.experiments import Table as Entry
from lbrn.reproduction.results import Result, Spec
from lbrn.reproduction.statistics import Estimate, estimate

Costs = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]

PARAMETERS, FLOPS = "#Param (M)", "FLOPs (G)"
COST_DEFINITIONS = {
    "pose": {
        PARAMETERS: "trainable weights of the convolutions of one full-size block / 1e6; a binarised weight counts "
        "1/32",
        FLOPS: "operations of one full-size block in the paper's convention (2 per multiply-add, fixed filters free) "
        "/ 1e9",
    },
    "classification": {
        PARAMETERS: "trainable weights of all convolutions and of the last layer of the full-size network / 1e6",
        FLOPS: "multiply-accumulates of the full-size network on one 32x32 picture / 1e9, fixed filters free: with the "
        "two operations that the paper counts elsewhere its Table 9 would be far off",
    },
    "saliency": {},
}
"""What the cost rows are, by task."""

COST_SCOPES = {
    "pose": "one residual block of the full-size network, at every scale",
    "classification": "the whole full-size network on a 32x32 picture (multiply-accumulates, not the two operations of "
    "other tables), at every scale",
    "saliency": "",
}
"""What is counted in the cost rows, by task."""

SALIENCY_ROWS = {"maxF": "maxf-curve", "MAE": "mae"}
"""Metrics of Table 10's rows; which number of them depends on the dataset."""

KNOBS = ("sparsity", "activation")


@dataclass(frozen=True)
class ExtraRow:
    """A row beside the paper's.

    Attributes:
        metric: Id of its metric.
        part: Which number of that metric.
        note: Footnote that says what it is for.
    """

    metric: str
    part: str
    note: str


EXTRA_ROWS = {
    "pckh@0.5-mean14": {
        "Total (16 joints)": ExtraRow(
            "pckh@0.5-mean16",
            "Total",
            "is not printed in the paper: the same predictions under pckh@0.5-mean16 "
            f"({METRICS['pckh@0.5-mean16'].evaluator}). The paper's printed rows of SHN and LBRN-S cannot be 14-joint "
            "means of their own columns.",
        )
    },
    "maxf-curve": {
        "maxF (mean P, R)": ExtraRow(
            "maxf-pr",
            "",
            "is not printed in the paper: the same maps under maxf-pr, F of the averaged precision and recall. The "
            "paper does not say which of the two its maxF is.",
        ),
        "S-measure": ExtraRow("s-measure", "", "is not printed in the paper."),
    },
    "error": {
        "top-1 error (%), best epoch": ExtraRow(
            "error-best-epoch",
            TOP1,
            "is the lowest of all epochs on the same test pictures, which is too good by construction; the columns "
            "beside it are of the last epoch. The paper does not say which it prints.",
        )
    },
}
"""Rows beside the paper's, by primary metric."""


@dataclass(frozen=True)
class Cell:
    """One number of a table.

    Attributes:
        row: Label of the row.
        column: Label of the column.
        value: Mean over seeds, or a cost; None = not run or nothing to count.
        interval: 95 % t-interval of the mean, where there are two seeds or more.
        n: Number of runs in the mean; 0 for costs.
        runs: Keys of these runs.
        definition: What the number is.
        published: The number as the paper prints it; None where it prints none or another setting was run.
        difference: value - published.
    """

    row: str
    column: str
    value: float | None
    interval: tuple[float, float] | None
    n: int
    runs: tuple[str, ...]
    definition: str
    published: str | None
    difference: float | None

    def as_json(self) -> dict[str, Any]:
        """The cell as plain data, the published number as a number."""
        printed = None if self.published is None else float(self.published)
        interval = None if self.interval is None else list(self.interval)
        return {**asdict(self), "interval": interval, "runs": list(self.runs), "published": printed}


def computed_costs(variant: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Count a variant's full-size block, as `lbrn cost --json` does, or its network where the paper does; loads torch.

    Args:
        variant: Name of a variant.
        settings: What differs from the variant's full size, as in workflow/experiments.yaml.

    Returns:
        The ledger under the key `block`, for classification that of the network's weights under `network`.

    Raises:
        InputError: The variant is unknown, or a setting is not possible.
    """
    from lbrn.models.costs import block_ledger, network_ledger

    if get(variant).task == "classification":
        return {"network": network_ledger(variant, convolutions_only=True, **settings).as_dict()}
    return {"block": block_ledger(variant, **settings).as_dict()}


def off_paper(column: Column, spec: Spec) -> dict[str, Any]:
    """Return the knobs of a run that are not as the paper's column has them, with their values.

    Args:
        column: The column's entry in workflow/experiments.yaml, which says the paper's setting.
        spec: The spec of a run in that column.
    """
    full = get(column.variant).settings(column.settings)
    return {
        knob: spec["network"][knob] for knob in KNOBS if spec["network"].get(knob, full.get(knob)) != full.get(knob)
    }


def make_cells(
    entry: Entry, results: Mapping[str, Sequence[Result]], printed: Mapping[tuple[str, str], str], costs: Costs
) -> dict[tuple[str, str], Cell]:
    """Make every cell of a table.

    Args:
        entry: The table's entry in workflow/experiments.yaml.
        results: The finished runs of each place; none for one that is not run.
        printed: The published numbers by (row, column).
        costs: From a variant and its full-size settings to what `lbrn cost --json` prints.

    Returns:
        The cells by (row, column).

    Raises:
        InputError: A run lacks a score, or a cost row is unknown.
    """
    metrics = {row: (SALIENCY_ROWS.get(row, entry.metric), row) for row in entry.rows}
    metrics |= {row: (extra.metric, extra.part) for row, extra in EXTRA_ROWS.get(entry.metric, {}).items()}
    cells = {}
    for label, place in entry.places.items():
        found = results[label]
        comparable = not (found and off_paper(place.column, found[0].spec))
        for row, (metric, part) in metrics.items():
            # One saliency run is scored on several datasets, each with a number of its own.
            chosen = place.dataset if entry.task == "saliency" else part
            mean = estimate([result.score(metric, chosen) for result in found])
            text = printed.get((row, label)) if comparable else None
            cells[row, label] = _cell(row, label, mean, tuple(r.key for r in found), METRICS[metric].definition, text)
        for row, value in _costs(entry, place, costs).items():
            text = printed.get((row, label)) if comparable else None
            definition = COST_DEFINITIONS[entry.task][row]
            cells[row, label] = _cell(row, label, Estimate(value, None, 0), (), definition, text)
    return cells


def _cell(row: str, column: str, mean: Estimate, runs: tuple[str, ...], definition: str, text: str | None) -> Cell:
    difference = None if mean.value is None or text is None else mean.value - float(text)
    return Cell(row, column, mean.value, mean.interval, mean.n, runs, definition, text, difference)


def _costs(entry: Entry, place: Place, costs: Costs) -> dict[str, float | None]:
    """The cost rows of a network, always at full size."""
    known, column = COST_DEFINITIONS[entry.task], place.column
    unknown = set(entry.costs) - set(known)
    if unknown:
        raise InputError(f"there is no cost row {sorted(unknown)[0]!r}; use {', '.join(known)}")
    if not entry.costs:
        return {}
    if entry.task == "classification":
        classes = {"classes": catalog.entry(place.dataset)["classes"]}
        network = costs(column.variant, {**column.settings, **classes})["network"]
        whole = {PARAMETERS: network["trainable"] / 1e6, FLOPS: network["macs"] / 1e9}
        return {row: whole[row] for row in entry.costs}
    block = costs(column.variant, column.settings)["block"]
    values = {
        PARAMETERS: block["trainable"] / 1e6,
        # The paper counts no operations of binarised blocks: theirs are XNOR and bit counts, not comparable.
        FLOPS: None if get(column.variant).binarised else block["flops_paper"] / 1e9,
    }
    return {row: values[row] for row in entry.costs}
