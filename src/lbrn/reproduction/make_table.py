"""`lbrn table N`: a table of the paper from the runs that the project's settings name."""

from pathlib import Path

from lbrn.errors import InputError
from lbrn.files import read_json
from lbrn.reproduction import book as settings
from lbrn.reproduction import data_specs, rendering, runs, tables
from lbrn.reproduction.cells import Costs
from lbrn.reproduction.params import Params
from lbrn.reproduction.project import Project


def make_table(number: int, project: Project, knobs: Params | None = None, costs: Costs | None = None) -> list[Path]:
    """Write a table into the project's results folder.

    Args:
        number: Its number in the paper.
        project: The project.
        knobs: What to use instead of its params.yaml.
        costs: How the cost rows are computed; default: from the full-size networks.

    Returns:
        The files written.

    Raises:
        InputError: The project does not make this table, or something it needs is not made yet.
    """
    book = settings.load(project, knobs)
    found = {
        label: [(spec, project.run(runs.run_key(spec))) for spec in specs]
        for label, specs in runs.table_runs(book, number).items()
    }
    infos = {
        name: _info(project.prepared(data_specs.data_key(spec)), number)
        for name, spec in data_specs.table_data(book, number).items()
    }
    context = tables.Context(number, book.params.scale, project.root / "paper", infos, costs)
    return rendering.write_table(tables.build_table(book.tables[number], found, context), project.root / "results")


def _info(folder: Path, number: int) -> dict[str, object]:
    if not (folder / "info.json").exists():
        raise InputError(f"table {number} needs {folder}; `snakemake --cores 2 results/table{number}.csv` makes it")
    info: dict[str, object] = read_json(folder / "info.json")
    return info
