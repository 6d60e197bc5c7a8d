"""Which runs exist and what each is called: the only place that knows. Imports no torch.

A run's identity is its complete spec; its folder's name carries a digest of it. Runs of several tables, experiments and
workspaces are therefore shared where they are equal, and only there.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from lbrn.datasets import sources
from lbrn.errors import InputError
from lbrn.files import digest
from lbrn.reproduction import data_specs, experiments
from lbrn.reproduction.book import Book, load, table
from lbrn.reproduction.experiments import Place
from lbrn.reproduction.params import Params
from lbrn.reproduction.project import Project
from lbrn.reproduction.published import REPETITIONS, Repetition, read_repetitions

TRAIN_VERSION = {"pose": 2, "classification": 1, "saliency": 1}
"""Version of the code that shapes a trained network, by task: part of every spec, so raising it retrains.
`code_version` tells when it must be raised."""

Spec = dict[str, Any]


def table_runs(book: Book, number: int) -> dict[str, list[Spec]]:
    """The runs of a table.

    Args:
        book: The settings.
        number: The table's number in the paper.

    Returns:
        For each place the specs of its runs, one a seed, in the order of params.yaml's seeds; none where the scale does
        not test its dataset. One run may serve several places.

    Raises:
        InputError: The table cannot be made with these settings.
    """
    entry = table(book, number)
    tested = book.preset(entry.task).train_on
    return {
        label: [run_spec(book, entry.task, place, seed) for seed in book.params.seeds if place.dataset in tested]
        for label, place in entry.all_places.items()
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
        if entry is None or printed.column not in entry.places or printed.row not in entry.rows:
            raise InputError(
                f"{REPETITIONS}: {experiments.FILE} has no {printed.row} of {printed.column} in table {printed.table}; "
                "restore both from git"
            )
        place, seeds = entry.places[printed.column], range(book.params.repetitions)
        made.append((printed, [run_spec(book, entry.task, place, seed) for seed in seeds]))
    return made


def run_spec(book: Book, task: str, place: Place, seed: int) -> Spec:
    """The complete spec of one run: everything that shapes its weights and predictions, and nothing else.

    Args:
        book: The settings.
        task: What the network is for.
        place: A network on a dataset.
        seed: Training seed; also the filter seed where params.yaml names none.

    Raises:
        InputError: The settings do not fit together.
    """
    variant, preset, knobs = place.column.resolve(), book.preset(task), book.params
    network = preset.network_for(variant, place.column.settings, knobs, place.dataset)
    recipe = preset.recipe_for(variant.family, knobs.overrides)
    preset.check_input(recipe, network)
    return {
        "task": task,
        "version": TRAIN_VERSION[task],
        "scale": knobs.scale,
        "dataset": preset.run_dataset(place.dataset),
        "data": _data(book, task, place.dataset),
        "variant": variant.name,
        "network": network,
        "filter_seed": knobs.filter_seed if variant.has_fixed_filters and knobs.filter_seed is not None else seed,
        "seed": seed,
        "recipe": recipe,
        "evaluation": preset.evaluation_for(),
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


def _data(book: Book, task: str, dataset: str) -> dict[str, str]:
    names = data_specs.dataset_names(book.preset(task), dataset)
    return {name: sources.prepared_key(data_specs.data_spec(book, name)) for name in names}
