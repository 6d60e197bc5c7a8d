"""Copy finished results with their provenance to results/reference/<scale>/, which is kept in git.

Pictures with pixels of a dataset that may not be redistributed never get there: of the pictures of predictions and of
the figures, those on plain ground are always published and those on photographs only where these are a stand-in's.
"""

import shutil
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbrn import __version__
from lbrn.errors import InputError
from lbrn.files import atomic_path, read_json, write_json
from lbrn.reproduction import publish_figures
from lbrn.reproduction.results import Spec, run_key_of

RUN_FILES = ("spec.yaml", "scores.json", "history.csv", "done.json")
SAFE_PICTURES = ("curves.png", "predictions-plain.png")
STANDIN_PICTURES = ("predictions.png",)
TABLE_SUFFIXES = (".csv", ".md", ".json")
LARGEST = 2_000_000
"""Bytes: what is larger does not belong in git."""


@dataclass(frozen=True)
class Published:
    """What was published.

    Attributes:
        folder: Where.
        files: Paths relative to it, in order.
        removed: Run folders of an earlier publication that no table names any longer.
    """

    folder: Path
    files: tuple[str, ...]
    removed: tuple[str, ...]


def publish(
    results: Path,
    reference: Path,
    scale: str,
    runs: Iterable[tuple[Spec, Path]],
    *,
    standins: Collection[str] = (),
) -> Published:
    """Publish tables, figures and their runs.

    Args:
        results: Folder with `tableN.*`, `metrics/` and `figures/`.
        reference: Folder of reference results; `<scale>/` in it is written.
        scale: Only tables of this scale are published.
        runs: Specs and folders of the runs to publish.
        standins: Names of the datasets that are stand-ins; only their pictures may show image pixels.

    Returns:
        What was published.

    Raises:
        InputError: There is no table of this scale, a run of a table or figure is not among `runs` or lacks a file, or
            a file is too large for git. Nothing is written then.
    """
    tables = _tables(results, scale)
    folders = {run_key_of(folder): (spec, folder) for spec, folder in runs}
    figures = publish_figures.made(results, scale)
    shown = {name.replace("table", "table "): _runs_of(content) for name, content in tables.items()}
    shown |= {f"figure {name}": set(told["runs"]) for name, told in figures.items()}
    needed = sorted(set().union(*shown.values()))
    for name, keys in shown.items():
        for key in sorted(keys - folders.keys()):
            raise InputError(f"run {key} is in {name} of scale {scale} but not among the runs: make {name} again")
    files = {path.relative_to(results).as_posix(): path for path in _table_files(results, tables)}
    files |= publish_figures.files(results, figures, standins)
    _present(files.values())
    for key in needed:
        spec, folder = folders[key]
        files |= {f"runs/{key}/{path.name}": path for path in _run_files(folder, spec["dataset"] in standins)}
    _refuse_large(files.values())
    target = reference / scale
    for name, path in files.items():
        with atomic_path(target / name) as temporary:
            shutil.copyfile(path, temporary)
    write_json(target / "provenance.json", _provenance({key: folders[key][1] for key in needed}))
    return Published(target, tuple(sorted([*files, "provenance.json"])), _prune(target))


def _tables(results: Path, scale: str) -> dict[str, Mapping[str, Any]]:
    found = {path.stem: read_json(path) for path in _made(results)}
    tables = {name: content for name, content in found.items() if content["scale"] == scale}
    if not tables:
        others = ", ".join(f"{name} ({content['scale']})" for name, content in found.items()) or "no table at all"
        raise InputError(f"{results} holds no table of scale {scale}, but {others}; make one first")
    return tables


def _made(folder: Path) -> list[Path]:
    """The tables in a folder, and the repetitions, which name their runs as tables do."""
    return [*sorted(folder.glob("table*.json")), *folder.glob("repetitions.json")]


def _table_files(results: Path, tables: Iterable[str]) -> list[Path]:
    names = list(tables)
    files = [results / f"{name}{suffix}" for name in names for suffix in TABLE_SUFFIXES]
    return _present([*files, *(results / "metrics" / f"{name}.json" for name in names)])


def _run_files(folder: Path, standin: bool) -> list[Path]:
    pictures = [*SAFE_PICTURES, *(STANDIN_PICTURES if standin else ())]
    return [
        *_present([folder / name for name in RUN_FILES]),
        *(f for name in pictures if (f := folder / name).is_file()),
    ]


def _present(paths: Iterable[Path]) -> list[Path]:
    listed = list(paths)
    for path in listed:
        if not path.is_file():
            raise InputError(f"{path} is missing and cannot be published; make it again")
    return listed


def _refuse_large(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path} has {path.stat().st_size} bytes; reference files may have {LARGEST} at most")


def _provenance(folders: Mapping[str, Path]) -> dict[str, Any]:
    done = {key: read_json(folder / "done.json") for key, folder in folders.items()}
    facts = {
        key: {"finished": note["finished"], "seconds": note["seconds"], **note["environment"]}
        for key, note in done.items()
    }
    return {"published": time.strftime("%Y-%m-%d", time.gmtime()), "lbrn": __version__, "runs": facts}


def _runs_of(table: Mapping[str, Any]) -> set[str]:
    return {key for cell in table["cells"] for key in cell["runs"]}


def _prune(target: Path) -> tuple[str, ...]:
    """Remove run folders that none of the tables and figures published here names."""
    named = {key for path in _made(target) for key in _runs_of(read_json(path))}
    named |= {key for path in target.glob("figures/*.json") for key in read_json(path)["runs"]}
    stale = [path.parent for path in sorted((target / "runs").glob("*/*/*/scores.json"))]
    removed = [folder for folder in stale if run_key_of(folder) not in named]
    for folder in removed:
        shutil.rmtree(folder)
    return tuple(run_key_of(folder) for folder in removed)
