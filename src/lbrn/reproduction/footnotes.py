"""What the header of a table says of its runs: what is smaller than in the paper, and what else is not as printed.

Imports no torch.
"""

from collections.abc import Mapping, Sequence

from lbrn.models.variants import get
from lbrn.reproduction.cells import EXTRA_ROWS, FLOPS, off_paper
from lbrn.reproduction.experiments import Column
from lbrn.reproduction.experiments import Table as Entry
from lbrn.reproduction.results import Result, Spec
from lbrn.reproduction.scales import preset_of

Printed = Mapping[tuple[str, str], str]


def reduction(column: Column, spec: Spec) -> str:
    """Say what of a run is smaller than in the paper.

    Args:
        column: Its network in workflow/experiments.yaml.
        spec: Its complete spec.
    """
    full, used = get(column.variant).settings(column.settings), spec["network"]
    sizes = [key for key in preset_of(spec["task"]).SIZES if key in used]
    smaller = [f"{key} {full[key]} -> {used[key]}" for key in sizes if full[key] != used[key]]
    recipe = spec["recipe"]
    stem, used_stem = (known.get("stem_width") or known.get("width") for known in (full, used))
    if "stem_width" in used and stem != used_stem:
        smaller.append(f"stem {stem} -> {used_stem} channels")
    length = "1 epoch" if recipe["epochs"] == 1 else f"{recipe['epochs']} epochs"
    return ", ".join([*smaller, f"input {recipe['input']} px", length])


def footnotes(
    entry: Entry, results: Mapping[str, Sequence[Result]], printed: Printed, accuracy: Sequence[str]
) -> list[str]:
    """Footnotes that follow from what was run.

    Args:
        entry: The table's entry in workflow/experiments.yaml.
        results: The finished runs of each place.
        printed: The published numbers by (row, column).
        accuracy: Ids of the paper's claims on this table's accuracies.
    """
    notes = []
    missing = [label for label in entry.places if not results[label]]
    if missing:
        notes.append(f"Not run: {named(entry, missing)}.")
    changed: dict[tuple[str, str], list[str]] = {}
    for label, found in results.items():
        knobs = off_paper(entry.all_places[label].column, found[0].spec) if found else {}
        if knobs:
            said = ", ".join(f"{knob} {value}" for knob, value in knobs.items())
            changed.setdefault((label if entry.sweep is None else "", said), []).append(label)
    for (_, said), labels in changed.items():
        notes.append(
            f"{named(entry, labels)} was run with {said}, which is not the paper's setting: no published numbers are "
            "shown."
        )
    notes += _one_seed(entry, results, accuracy)
    notes += [f"{row} {extra.note}" for row, extra in EXTRA_ROWS.get(entry.metric, {}).items()]
    if any(get(column.variant).binarised for column in entry.columns.values()) and FLOPS in entry.costs:
        notes.append("FLOPs of binarised blocks are left empty, as in the paper: bit operations are not FLOPs.")
    if entry.costs and not any((row, label) in printed for row in entry.costs for label in entry.places):
        notes.append(f"{' and '.join(entry.costs)} are not printed in this table of the paper.")
    return notes


def named(entry: Entry, labels: Sequence[str]) -> str:
    """Networks of a table as a reader knows them: a sweep's labels are mere values.

    Args:
        entry: The table's entry in workflow/experiments.yaml.
        labels: Labels of some of its networks.
    """
    if entry.sweep is None:
        return ", ".join(labels)
    networks: dict[str, list[str]] = {}
    for label in labels:
        networks.setdefault(get(entry.networks[label].variant).label, []).append(label)
    return "; ".join(f"{network} at {entry.sweep} {', '.join(values)}" for network, values in networks.items())


def _one_seed(entry: Entry, results: Mapping[str, Sequence[Result]], accuracy: Sequence[str]) -> list[str]:
    seeds = {result.spec["seed"] for found in results.values() for result in found}
    if len(seeds) != 1:
        return []
    what = "table" if entry.sweep is None else f"sweep over {entry.sweep}"
    claims = f" (claims {', '.join(accuracy)})" if accuracy else ""
    return [
        f"This {what} has one seed ({seeds.pop()}) and hence no intervals and no tests: it cannot say which "
        f"differences between networks are more than the chance of a seed{claims}. More seeds in params.yaml add both."
    ]
