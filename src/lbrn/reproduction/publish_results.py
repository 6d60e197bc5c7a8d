"""`lbrn publish` and `lbrn compare` on a project: which tables, which runs, which reference."""

from pathlib import Path

from lbrn.errors import InputError
from lbrn.files import read_json
from lbrn.reproduction import book as settings
from lbrn.reproduction import data_specs, publish_figures, repetitions, runs
from lbrn.reproduction.compare import Comparison, compare
from lbrn.reproduction.figures import entries
from lbrn.reproduction.figures.material import figure_specs
from lbrn.reproduction.params import Params
from lbrn.reproduction.project import Project
from lbrn.reproduction.publish import Published, publish

REFERENCE = Path("results/reference")


def publish_results(project: Project, knobs: Params | None = None) -> Published:
    """Copy the tables and figures of the chosen scale that are made, and their runs, to results/reference/<scale>.

    Args:
        project: The project.
        knobs: What to use instead of its params.yaml.

    Raises:
        InputError: An override is set, no table of this scale is made, or one was made from other runs than the
            settings name.
    """
    book = settings.load(project, knobs)
    changed = book.params.overrides.model_dump(exclude_none=True)
    if changed:
        raise InputError(f"overrides {changed} are set, so these are not results of the scale; set them to null")
    made = [number for number in book.tables if _table(project, number).exists()]
    chosen = [spec for number in made for specs in runs.table_runs(book, number).values() for spec in specs]
    data = {name: spec for number in made for name, spec in data_specs.table_data(book, number).items()}
    if (project.root / "results" / f"{repetitions.NAME}.json").exists():
        chosen += [spec for _, specs in runs.repetition_runs(book) for spec in specs]
        data |= repetitions.repetition_data(book)
    results = project.root / "results"
    known = entries.load(project.root)
    figures = {name: known[name] for name in publish_figures.made(results, book.params.scale) if name in known}
    for name, figure in figures.items():
        shown = figure_specs(book, name, figure)
        chosen += [dict(spec) for specs in shown.values() for spec in specs]
        for number in {number for number, _ in shown}:
            data |= data_specs.table_data(book, number)
    standins = [name for name, spec in data.items() if spec["source"] == "embedded"]
    reference = project.root / REFERENCE
    folders = [(spec, project.run(key)) for key, spec in runs.unique(chosen).items()]
    return publish(results, reference, book.params.scale, folders, standins=standins)


def compare_table(project: Project, number: int, tolerance: float) -> Comparison:
    """Hold a table of ours against the published reference of the same scale.

    Args:
        project: The project.
        number: The table's number in the paper.
        tolerance: Largest allowed difference of a score, in points.

    Raises:
        InputError: The table is not made, or there is no reference for it.
    """
    new = _table(project, number)
    if not new.exists():
        raise InputError(f"{new} is not made; `snakemake --cores 2 results/table{number}.csv` makes it")
    reference = project.root / REFERENCE / read_json(new)["scale"] / new.name
    if not reference.exists():
        raise InputError(f"there is no reference {reference}; `lbrn publish` makes one from the present results")
    return compare(new, reference, tolerance)


def _table(project: Project, number: int) -> Path:
    return project.root / "results" / f"table{number}.json"
