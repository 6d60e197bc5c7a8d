"""Tables of measurements as CSV files: `#` lines that say what was measured on what, then the rows."""

import csv
import io
import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from lbrn.engine import isa
from lbrn.files import write_text

Cell = str | int | float | None
Row = Mapping[str, Cell]

PACKAGES = ("lbrn", "numpy", "numba", "torch", "onnxruntime")


def machine() -> list[str]:
    """What a time depends on: processor, instructions, versions."""
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    return [
        f"processor: {_processor()}, {os.cpu_count()} cores; kernels compiled for {isa.name()}",
        f"versions: python {platform.python_version()}, {versions}",
        f"system: {platform.system()} {platform.machine()}",
    ]


def write(path: Path, columns: Sequence[str], rows: Sequence[Row], notes: Sequence[str]) -> None:
    """Write a table, whole or not at all.

    Args:
        path: CSV file.
        columns: In order; a row without one of them leaves the field empty.
        rows: What was measured.
        notes: Comment lines above, without the `#`.
    """
    text = io.StringIO()
    for note in notes:
        text.write(f"# {' '.join(note.split())}\n")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _shown(row.get(name)) for name in columns})
    write_text(path, text.getvalue())


def read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Read a table that `write` wrote: its notes and its rows, every field as text."""
    lines = path.read_text().splitlines()
    notes = [line[1:].strip() for line in lines if line.startswith("#")]
    return notes, list(csv.DictReader(line for line in lines if not line.startswith("#")))


def _shown(value: Cell) -> Cell:
    return f"{value:.4g}" if isinstance(value, float) else value


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(part for line in lines if len(part := [side.strip() for side in line.split(":", 1)]) == 2)
    name = facts.get("model name", platform.machine())
    return f"{name} (family {facts['cpu family']}, model {facts['model']})" if "cpu family" in facts else name
