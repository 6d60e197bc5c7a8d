"""`lbrn doctor`: what will and will not work on this machine, and how long the chosen scale will take here."""

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from lbrn.datasets import catalog
from lbrn.errors import InputError
from lbrn.reproduction import book as settings
from lbrn.reproduction import data_specs, durations, params, runs
from lbrn.reproduction.book import Book
from lbrn.reproduction.params import Params
from lbrn.reproduction.project import Project
from lbrn.reproduction.status import duration

OK, WARNING, PROBLEM = "ok", "warning", "PROBLEM"
OLDEST_PYTHON = (3, 11)
JOB_GB = 1.5
"""Memory of a training job, as the workflow's rules say."""
LEAST_FREE_GB = 2.0
LONG = 7 * 86400.0
"""Seconds; longer than this is worth a warning."""
WATCHED = ("torch", "numpy", "numba", "snakemake", "dvc", "mlflow", "onnxruntime", "scipy", "pillow")
GIGA = 1e9
MEMORY = Path("/proc/meminfo")


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes:
        level: ok, warning (works, but) or PROBLEM (will not work).
        text: What was found, and what to do about it.
    """

    level: str
    text: str


def examine(project: Project, scale: str | None = None, *, calibrate: bool = True) -> list[Check]:
    """Look at everything that the wished tables need.

    Args:
        project: The project.
        scale: quick, small or paper; that of params.yaml where not given.
        calibrate: Whether networks may be timed for some seconds.

    Raises:
        InputError: The settings cannot be read, or there is no such scale.
    """
    book = settings.load(project, _knobs(project, scale))
    tables = settings.listed(book.params.tables)
    checks = [Check(OK, f"scale {book.params.scale}, tables {tables}, seeds {settings.listed(book.params.seeds)}")]
    checks += [python(), *packages(project.root / "constraints.txt"), processor(), memory()]
    checks += [stores(path) for path in (project.runs, project.data, project.root / "results")]
    data = list(sources(book))
    checks += data
    if calibrate and not any(check.level == PROBLEM for check in data):
        checks += times(book)
    return checks


def describe(checks: Iterable[Check]) -> str:
    """The checks as lines of text.

    Args:
        checks: What `examine` found.
    """
    return "\n".join(f"{check.level:8}{check.text}" for check in checks)


def python() -> Check:
    """Whether this Python is new enough."""
    found = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        return Check(PROBLEM, f"Python {found} is too old; lbrn needs {'.'.join(map(str, OLDEST_PYTHON))} or newer")
    return Check(OK, f"Python {found}, {platform.system()} {platform.machine()}")


def packages(constraints: Path) -> list[Check]:
    """Whether the packages that matter are there, in the versions that lbrn was tested with.

    Args:
        constraints: constraints.txt of the project.
    """
    pinned = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", constraints.read_text() if constraints.exists() else "", re.M))
    pins = {name.lower(): version for name, version in pinned.items()}
    checks, same = [], []
    for name in WATCHED:
        try:
            found = metadata.version(name).split("+")[0]
        except metadata.PackageNotFoundError:
            checks.append(Check(PROBLEM, f"{name} is not installed; `pip install -c constraints.txt -e '.[dev]'`"))
            continue
        if found == pins.get(name, found):
            same.append(f"{name} {found}")
        else:
            checks.append(Check(WARNING, f"{name} {found}, but tested with {pins[name]}: numbers may differ"))
    return [*checks, *([Check(OK, f"as tested: {', '.join(same)}")] if same else [])]


def processor() -> Check:
    """How many cores there are, and whether something else uses them."""
    cores, busy = _cores(), os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    text = f"{cores} cores: {cores} trainings at a time, one thread each"
    if busy > cores / 2:
        return Check(WARNING, f"{text}; but {busy:.1f} of them were busy in the last minute, so all takes longer")
    return Check(OK, text)


def memory() -> Check:
    """Whether there is memory for a training on every core."""
    free = _free_memory()
    if free is None:
        return Check(WARNING, "how much memory is free is not known on this system")
    fit = int(free // JOB_GB)
    text = f"{free:.1f} GB of memory free"
    if fit < 1:
        return Check(PROBLEM, f"{text}, a training takes up to {JOB_GB} GB; close other programs")
    if fit < _cores():
        return Check(WARNING, f"{text}: start with `snakemake --cores {fit}`")
    return Check(OK, text)


def stores(folder: Path) -> Check:
    """Whether a store can be written and has room.

    Args:
        folder: The store; it need not exist yet.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free / GIGA
    if not os.access(there, os.W_OK):
        return Check(PROBLEM, f"{there} cannot be written; set LBRN_RUNS and LBRN_DATA to folders that can")
    text = f"{folder}: {free:.1f} GB free"
    return Check(OK if free >= LEAST_FREE_GB else WARNING, text)


def sources(book: Book) -> Iterable[Check]:
    """Whether the data of the wished tables are there or can be had.

    Args:
        book: The settings.
    """
    seen = set()
    for number in book.params.tables:
        try:
            specs = data_specs.table_data(book, number)
            runs.table_runs(book, number)
        except InputError as error:
            yield Check(PROBLEM, f"table {number}: {error}")
            continue
        for name, spec in specs.items():
            if name not in seen:
                seen.add(name)
                yield _source(book, name, spec)


def times(book: Book) -> list[Check]:
    """How long the missing trainings take here.

    Args:
        book: The settings.
    """
    from lbrn.training.folder import environment

    found = durations.estimate(book, environment(1)["cpu"])
    if not found.missing:
        return [Check(OK, "nothing to train: all runs of the wished tables are finished")]
    jobs = max(1, min(_cores(), int((_free_memory() or JOB_GB * _cores()) // JOB_GB)))
    wall = max(found.longest, found.seconds / jobs)
    basis = [f"{found.known} kinds of network from finished runs here" if found.known else ""]
    basis += [f"{found.measured} kinds timed for a few steps of training on noise" if found.measured else ""]
    unit = f" for every {durations.UNIT} people to train on" if found.uncounted else ""
    text = (
        f"{found.missing} trainings to go: about {duration(found.seconds)} of one core, {duration(wall)} with {jobs} "
        f"at a time{unit}, if nothing else runs "
        f"({', '.join(filter(None, basis))}; data, checks after each epoch and predictions come on top)"
    )
    if found.uncounted:
        names = ", ".join(found.uncounted)
        text += f"; how many people {names} has is known once it is prepared (`lbrn data prepare NAME`)"
    return [Check(OK if wall < LONG and not found.uncounted else WARNING, text)]


def _source(book: Book, name: str, spec: dict[str, Any]) -> Check:
    project = book.project
    what = f"{name} ({spec['identity']})"
    if (project.prepared(data_specs.data_key(spec)) / "info.json").exists():
        return Check(OK, f"{what}: prepared")
    if (project.raw(data_specs.raw_key(spec)) / "source.json").exists():
        return Check(OK, f"{what}: the bytes are there, to be prepared")
    if spec["source"] == "embedded":
        return Check(OK, f"{what}: will be drawn, a stand-in for {catalog.entry(name)['title']}")
    if spec["source"] != "official":
        return Check(OK, f"{what}: your own archive, to be prepared")
    parts = catalog.official_parts(name).values()
    closed = [part.file for part in parts if not part.urls]
    if closed:
        how = catalog.entry(name).get("how", "ask its authors")
        return Check(PROBLEM, f"{what}: {', '.join(closed)} cannot be downloaded: {how}")
    sizes = [part.bytes or part.about for part in parts]
    size = (
        f"{sum(filter(None, sizes)) / GIGA:.1f} GB{'' if all(sizes) else ' or more'}" if any(sizes) else "size unknown"
    )
    hint = f"; if that fails: {catalog.entry(name)['how']}" if "how" in catalog.entry(name) else ""
    free = shutil.disk_usage(next(path for path in (project.data, *project.data.parents) if path.exists())).free
    if sum(filter(None, sizes)) > free:
        return Check(PROBLEM, f"{what}: {size} to download, but {free / GIGA:.1f} GB are free; set LBRN_DATA elsewhere")
    return Check(WARNING, f"{what}: will be downloaded ({size}); its servers are not asked here{hint}")


def _knobs(project: Project, scale: str | None) -> Params | None:
    if scale is None:
        return None
    return params.parse({**params.load(project.root).model_dump(mode="json"), "scale": scale}, "--scale")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _free_memory() -> float | None:
    """Gigabytes that programs can still have; None where the system does not say."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", MEMORY.read_text(), re.M) if MEMORY.exists() else None
    return int(found[1]) * 1024 / GIGA if found else None
