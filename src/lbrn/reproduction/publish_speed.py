"""Copy the measurements of `lbrn bench` to results/reference/speed/, which is kept in git."""

import shutil
from pathlib import Path

from lbrn.errors import InputError
from lbrn.files import atomic_path
from lbrn.reproduction.project import Project
from lbrn.reproduction.publish_results import REFERENCE

SPEED = Path("results/speed")
SUFFIXES = (".csv", ".png", ".svg")


def publish_speed(project: Project) -> Path:
    """Copy tables and pictures.

    Args:
        project: The project.

    Returns:
        The folder that they are in now.

    Raises:
        InputError: Nothing is measured, or a table was measured with --quick; nothing is copied then.
    """
    source, target = project.root / SPEED, project.root / REFERENCE / SPEED.name
    tables = sorted(source.glob("*.csv"))
    if not tables:
        raise InputError(f"{source} holds no measurements; `lbrn bench all` makes them")
    for table in tables:
        if any(line.startswith("# quick") for line in table.read_text().splitlines()):
            raise InputError(f"{table} was measured with --quick, to try it out; measure without it to publish")
    for path in sorted(path for path in source.iterdir() if path.suffix in SUFFIXES):
        with atomic_path(target / path.name) as temporary:
            shutil.copyfile(path, temporary)
    return target
