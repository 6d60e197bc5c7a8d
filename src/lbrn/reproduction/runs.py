"""Which runs exist and what each is called: the only place that knows. Imports no torch.

A run's identity is its complete spec; its folder's name carries a digest of it. Runs of several tables, experiments and
workspaces are therefore shared where they are equal, and only there.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from lbrn.datasets import sources
from lbrn.errors import InputError
from lbrn.files import digest
from lbrn.models.variants import Variant
from lbrn.reproduction import data_specs, experiments, scales
from lbrn.reproduction.book import Book, load, table
from lbrn.reproduction.experiments import Column, Table
from lbrn.reproduction.params import Params
from lbrn.reproduction.project import Project
from lbrn.reproduction.published import REPETITIONS, Repetition, read_repetitions
from lbrn.reproduction.scales import PosePreset

TRAIN_VERSION = {"pose": 2}
"""Version of the code that shapes a trained network, by task: part of every spec, so raising it retrains.
`code_version` tells when it must be raised."""

JOINTS = 16

Spec = dict[str, Any]


def table_runs(book: Book, number: int) -> dict[str, list[Spec]]:
    """The runs of a table.

    Args:
        book: The settings.
        number: The table's number in the paper.

    Returns:
        For each network the specs of its runs, one a seed, in the order of params.yaml's seeds.

    Raises:
        InputError: The table cannot be made with these settings.
    """
    entry = table(book, number)
    return {
        label: [run_spec(book, entry, column, seed) for seed in book.params.seeds]
        for label, column in entry.networks.items()
    }


def repetition_runs(book: Book) -> list[tuple[Repetition, list[Spec]]]:
    """The runs of the networks that the paper ran several times, whatever columns params.yaml asks for.

    Args:
        book: The settings.

    Returns:
        What the paper says of each, and the specs of our runs of it: seeds 0, 1, ... as many as params.yaml says.

    Raises:
        InputError: The paper's file names a network that is in no table, or a setting cannot be used.
    """
    made = []
    for printed in read_repetitions(book.project.root / "paper" / REPETITIONS):
        entry = book.tables.get(printed.table)
        if entry is None or printed.column not in entry.columns or printed.row not in entry.rows:
            raise InputError(
                f"{REPETITIONS}: {experiments.FILE} has no {printed.row} of {printed.column} in table {printed.table}; "
                "restore both from git"
            )
        column = entry.columns[printed.column]
        made.append((printed, [run_spec(book, entry, column, seed) for seed in range(book.params.repetitions)]))
    return made


def run_spec(book: Book, entry: Table, column: Column, seed: int) -> Spec:
    """The complete spec of one run: everything that shapes its weights and predictions, and nothing else.

    Args:
        book: The settings.
        entry: The table's entry in workflow/experiments.yaml.
        column: The entry of one of its columns.
        seed: Training seed; also the filter seed where params.yaml names none.

    Raises:
        InputError: The settings do not fit together.
    """
    variant, preset, knobs = column.resolve(), book.preset(entry.task), book.params
    network = _network(variant, column, preset, knobs)
    recipe = preset.recipe_for(variant.family, knobs.overrides)
    scales.check_input(recipe, network)
    return {
        "task": entry.task,
        "version": TRAIN_VERSION[entry.task],
        "scale": knobs.scale,
        "dataset": entry.dataset,
        "data": _data(book, entry),
        "variant": variant.name,
        "network": network,
        "filter_seed": knobs.filter_seed if variant.has_fixed_filters and knobs.filter_seed is not None else seed,
        "seed": seed,
        "recipe": recipe,
        "evaluation": preset.evaluation.model_dump(mode="json"),
    }


def run_key(spec: Mapping[str, Any]) -> str:
    """Name of a run: its folder's path inside the run store.

    >>> run_key({"scale": "quick", "dataset": "lsp", "variant": "shn", "network": {"width": 32}, "seed": 0})[:-8]
    'quick/lsp/shn-seed0-'
    """
    sparsity = spec["network"].get("sparsity")
    sweep = "" if sparsity is None else f"-s{sparsity:g}"
    return f"{spec['scale']}/{spec['dataset']}/{spec['variant']}{sweep}-seed{spec['seed']}-{digest(dict(spec))[:8]}"


def unique(specs: Iterable[Spec]) -> dict[str, Spec]:
    """Runs by their key, each once."""
    return {run_key(spec): spec for spec in specs}


def data_spec(name: str, project: Project, knobs: Params | None = None) -> Spec:
    """The data spec of a dataset under a project's settings.

    Args:
        name: Dataset in the catalogue.
        project: The project.
        knobs: What to use instead of its params.yaml.

    Raises:
        InputError: The dataset is unknown, or its source cannot be used.
    """
    return data_specs.data_spec(load(project, knobs), name)


def _data(book: Book, entry: Table) -> dict[str, str]:
    names = data_specs.dataset_names(book.preset(entry.task), entry.dataset)
    return {name: sources.prepared_key(data_specs.data_spec(book, name, entry.task)) for name in names}


def _network(variant: Variant, column: Column, preset: PosePreset, knobs: Params) -> dict[str, Any]:
    """Settings for `models.build` at this scale; an override beats the scale, an entry beats the knobs."""
    full = variant.settings(column.settings)
    network: dict[str, Any] = {"joints": JOINTS}
    for size in scales.SIZES:
        override = getattr(knobs.overrides, size)
        network[size] = preset.reduced(size, full[size]) if override is None else override
    if preset.stem_width is not None:
        network["stem_width"] = preset.stem_width
    elif full["stem_width"] is not None:
        # An entry whose hourglasses alone are narrower keeps the stem of the others.
        network["stem_width"] = preset.reduced("width", full["stem_width"])
    if variant.has_fixed_filters:
        network |= {"sparsity": knobs.sparsity, "activation": knobs.activation}
    network |= {key: value for key, value in column.settings.items() if key not in (*scales.SIZES, "stem_width")}
    variant.settings(network)
    return network
