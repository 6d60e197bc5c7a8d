"""What the header of a table says of its runs: what is smaller than in the paper, and what else is not as printed.

Imports no torch.
"""

from collections.abc import Mapping, Sequence

from lbrn.metrics.definitions import METRICS
from lbrn.models.variants import get
from lbrn.reproduction.cells import EXTRA_ROWS, FLOPS, off_paper
from lbrn.reproduction.experiments import Column
from lbrn.reproduction.experiments import Table as Entry
from lbrn.reproduction.results import Result, Spec

Printed = Mapping[tuple[str, str], str]


def reduction(column: Column, spec: Spec) -> str:
    """Say what of a run is smaller than in the paper.

    Args:
        column: Its network in workflow/experiments.yaml.
        spec: Its complete spec.
    """
    full, used = get(column.variant).settings(column.settings), spec["network"]
    smaller = [f"{key} {full[key]} -> {used[key]}" for key in ("stacks", "width", "depth") if full[key] != used[key]]
    recipe = spec["recipe"]
    stem, used_stem = (sizes.get("stem_width") or sizes["width"] for sizes in (full, used))
    if "stem_width" in used and stem != used_stem:
        smaller.append(f"stem {stem} -> {used_stem} channels")
    length = "1 epoch" if recipe["epochs"] == 1 else f"{recipe['epochs']} epochs"
    return ", ".join([*smaller, f"input {recipe['input']} px", length])


def footnotes(entry: Entry, results: Mapping[str, Sequence[Result]], printed: Printed) -> list[str]:
    """Footnotes that follow from what was run.

    Args:
        entry: The table's entry in workflow/experiments.yaml.
        results: The finished runs of each column.
        printed: The published numbers by (row, column).
    """
    notes = []
    missing = [label for label, found in results.items() if not found]
    if missing:
        notes.append(f"Not run: {', '.join(missing)}.")
    changed = {label: off_paper(entry.columns[label], found[0].spec) for label, found in results.items() if found}
    for label, knobs in changed.items():
        if knobs:
            said = ", ".join(f"{knob} {value}" for knob, value in knobs.items())
            notes.append(
                f"{label} was run with {said}, which is not the paper's setting: no published numbers are shown."
            )
    for row, metric in EXTRA_ROWS.get(entry.metric, {}).items():
        notes.append(
            f"{row} is not printed in the paper: the same predictions under {metric} ({METRICS[metric].evaluator}). "
            "The paper's printed rows of SHN and LBRN-S cannot be 14-joint means of their own columns."
        )
    if any(get(column.variant).binarised for column in entry.columns.values()) and FLOPS in entry.costs:
        notes.append("FLOPs of binarised blocks are left empty, as in the paper: bit operations are not FLOPs.")
    if entry.costs and not any((row, label) in printed for row in entry.costs for label in entry.columns):
        notes.append(f"{' and '.join(entry.costs)} are not printed in this table of the paper.")
    return notes
