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
        name: read_info(project.prepared(data_specs.data_key(spec)), f"table {number}", f"results/table{number}.csv")
        for name, spec in data_specs.table_data(book, number).items()
    }
    context = tables.Context(number, book.params.scale, project.root / "paper", infos, costs)
    return rendering.write_table(tables.build_table(book.tables[number], found, context), project.root / "results")


def read_info(folder: Path, wanted_by: str, target: str) -> dict[str, object]:
    """Read what a prepared dataset says of itself.

    Args:
        folder: The prepared folder.
        wanted_by: What needs it, such as `table 1`, for the message.
        target: What Snakemake is asked for to make it, for the message.

    Raises:
        InputError: It is not prepared.
    """
    if not (folder / "info.json").exists():
        raise InputError(f"{wanted_by} needs {folder}; `snakemake --cores 2 {target}` makes it")
    info: dict[str, object] = read_json(folder / "info.json")
    return info
