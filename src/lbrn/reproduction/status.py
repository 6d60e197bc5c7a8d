"""`lbrn status`: what is done, running and missing for the tables of params.yaml. Imports no torch."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbrn.errors import InputError
from lbrn.files import read_json
from lbrn.reproduction import book as settings
from lbrn.reproduction import data_specs, runs
from lbrn.reproduction.book import Book
from lbrn.reproduction.params import Params
from lbrn.reproduction.project import Project
from lbrn.reproduction.record import Record

LOCKS = Path("/proc/locks")
"""Linux lists held locks here; asking for one ourselves could get in the way of a training that starts."""

DONE, RUNNING, STOPPED, MISSING = "done", "training", "stopped", "missing"


@dataclass(frozen=True)
class RunState:
    """How far a run is.

    Attributes:
        key: The run.
        state: `done` (scored), `training`, `stopped` (goes on from its checkpoint), `missing`, or what is next.
        epochs: Epochs trained.
        total: Epochs to train.
        seconds: Seconds of training so far.
    """

    key: str
    state: str
    epochs: int
    total: int
    seconds: float

    @property
    def seconds_left(self) -> float | None:
        """Seconds of training left at the pace so far; None before the first epoch has ended."""
        return self.seconds / self.epochs * (self.total - self.epochs) if self.epochs else None


def status(project: Project, knobs: Params | None = None) -> str:
    """Describe the state of the tables that params.yaml wishes.

    Args:
        project: The project.
        knobs: What to use instead of its params.yaml.

    Raises:
        InputError: The settings, or a run folder, cannot be read.
    """
    book = settings.load(project, knobs)
    lines = [f"scale {book.params.scale}, seeds {settings.listed(book.params.seeds)}; runs in {project.runs}"]
    for number in book.params.tables:
        lines += ["", *_table(book, number)]
    return "\n".join(lines)


def run_state(spec: Mapping[str, Any], project: Project) -> RunState:
    """How far a run is.

    Args:
        spec: Its spec.
        project: The project.

    Raises:
        InputError: Its folder cannot be read.
    """
    key = runs.run_key(spec)
    folder, total = project.run(key), int(spec["recipe"]["epochs"])
    record = Record(key, folder)
    epochs = int(float(record.history[-1]["epoch"])) if record.history else 0
    if record.finished:
        products = {"predictions.npz": "trained, not predicted", "scores.json": "predicted, not scored"}
        lacking = next((what for name, what in products.items() if not (folder / name).exists()), DONE)
        # Scores alone are enough for a table: predictions need not be kept.
        state = DONE if (folder / "scores.json").exists() else lacking
        return RunState(key, state, total, total, record.seconds)
    if held(folder / ".lock"):
        return RunState(key, RUNNING, epochs, total, record.seconds)
    begun = (folder / "checkpoint").is_dir()
    return RunState(key, STOPPED if begun else MISSING, epochs, total, record.seconds)


def held(lock: Path) -> bool:
    """Whether a process of this machine holds a lock file; False where the system does not list locks.

    Args:
        lock: The file.
    """
    if not (lock.exists() and LOCKS.exists()):
        return False
    inode = str(lock.stat().st_ino)
    fields = [line.split() for line in LOCKS.read_text().splitlines()]
    return any("FLOCK" in line and line[-3].rsplit(":", 1)[-1] == inode for line in fields if "->" not in line)


def duration(seconds: float) -> str:
    """A duration for people, roughly.

    >>> duration(90), duration(5400), duration(1e7)
    ('2 min', '1.5 h', '116 days')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"


def _table(book: Book, number: int) -> list[str]:
    project = book.project
    specs = [spec for found in runs.table_runs(book, number).values() for spec in found]
    states = [run_state(spec, project) for spec in specs]
    counts = Counter(state.state for state in states)
    told = ", ".join(f"{count} {state}" for state, count in counts.most_common())
    lines = [f"table {number}: {_made(project, number, [state.key for state in states])}", f"  runs: {told}"]
    for state in states:
        if state.state != DONE:
            left = state.seconds_left
            progress = f", epoch {state.epochs} of {state.total}" if state.state in (RUNNING, STOPPED) else ""
            progress += f", about {duration(left)} of training left" if progress and left is not None else ""
            lines.append(f"    {state.key}: {state.state}{progress}")
    return [*lines, *_data(book, number)]


def _made(project: Project, number: int, keys: list[str]) -> str:
    path = project.root / "results" / f"table{number}.json"
    if not path.exists():
        return f"not made; `snakemake --cores 2 results/table{number}.csv` makes it"
    try:
        used = {key for cell in read_json(path)["cells"] for key in cell["runs"]}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a table written by lbrn ({error}); delete it and make it again") from error
    if used <= set(keys) and used:
        return "made"
    return "made from other runs than params.yaml now names; it will be made again"


def _data(book: Book, number: int) -> list[str]:
    lines = []
    for name, spec in data_specs.table_data(book, number).items():
        folder = book.project.prepared(data_specs.data_key(spec))
        state = "prepared" if (folder / "info.json").exists() else "not prepared"
        lines.append(f"  data: {name} ({spec['identity']}): {state}")
    return lines
