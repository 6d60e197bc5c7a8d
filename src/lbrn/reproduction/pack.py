"""What DVC keeps of data and runs: digests of the data, and a copy of exactly the runs behind the wished tables.

The run store is a cache that DVC never touches; `results/packed/` is small, complete and the same for the same
settings, and a fresh clone fills its run store from it (`restore`).
"""

import re
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from lbrn.errors import InputError
from lbrn.files import atomic_path, read_json, sha256_file, write_json
from lbrn.reproduction import book as settings
from lbrn.reproduction import data_specs, runs
from lbrn.reproduction.book import Book
from lbrn.reproduction.params import Params
from lbrn.reproduction.project import Project

INDEX = "runs.json"
FILES = ("spec.yaml", "history.csv", "model.safetensors", "done.json", "predictions.npz", "scores.json")
"""What is kept of a run, in the order in which it is restored: each file before what is made from it."""

PICTURE = "curves.png"
_KEY = re.compile(r"[\w.-]+/[\w.-]+/[\w.-]+")


def data_digests(project: Project, knobs: Params | None = None) -> Path:
    """Write results/data.json: identity and digest of every dataset behind the wished tables.

    Args:
        project: The project.
        knobs: What to use instead of its params.yaml.

    Returns:
        The file.

    Raises:
        InputError: A dataset is not prepared.
    """
    book = settings.load(project, knobs)
    specs: dict[str, dict[str, Any]] = {}
    for number in book.params.tables:
        specs |= data_specs.table_data(book, number)
    content = {name: _digest(project, spec) for name, spec in sorted(specs.items())}
    write_json(project.root / "results" / "data.json", content)
    return project.root / "results" / "data.json"


def pack(project: Project, knobs: Params | None = None) -> Path:
    """Copy the runs behind the wished tables to results/packed/, in place of what was there.

    Args:
        project: The project.
        knobs: What to use instead of its params.yaml.

    Returns:
        The folder; its `runs.json`, written last, names every file with its SHA-256.

    Raises:
        InputError: A run is not finished and scored.
    """
    specs = _wished(settings.load(project, knobs))
    target = project.root / "results" / "packed"
    temporary = target.with_name(".packed.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    index = {key: _copy_run(project.run(key), temporary / key) for key in specs}
    for key, name in _picture_names(specs).items():
        _copy_picture(project.run(key), temporary / "curves" / f"{name}.png")
    write_json(temporary / INDEX, index)
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)
    return target


def restore(project: Project) -> list[str]:
    """Copy packed runs back into the run store, where they are not finished there.

    Args:
        project: The project, with results/packed/.

    Returns:
        Keys of the runs that were restored.

    Raises:
        InputError: There is nothing packed, or a packed file is not the one that was packed.
    """
    packed = project.root / "results" / "packed"
    if not (packed / INDEX).exists():
        raise InputError(f"{packed} holds no packed runs; `dvc pull` brings them, `dvc repro` makes them")
    restored = []
    for key, digests in read_json(packed / INDEX).items():
        _check_packed(packed, key, digests)
        if not (project.run(key) / "scores.json").exists():
            for name in FILES:
                _copy(packed / key / name, project.run(key) / name)
            restored.append(key)
    return restored


def _wished(book: Book) -> dict[str, runs.Spec]:
    tables: Iterable[dict[str, list[runs.Spec]]] = (runs.table_runs(book, number) for number in book.params.tables)
    return runs.unique(spec for columns in tables for specs in columns.values() for spec in specs)


def _picture_names(specs: dict[str, runs.Spec]) -> dict[str, str]:
    """The picture of each run by name: the same in every experiment, unless several runs would share it."""
    names = {key: f"{spec['variant']}-{spec['dataset']}-seed{spec['seed']}" for key, spec in specs.items()}
    several = Counter(names.values())
    return {key: name if several[name] == 1 else f"{name}-{key[-8:]}" for key, name in names.items()}


def _digest(project: Project, spec: dict[str, Any]) -> dict[str, Any]:
    folder = project.prepared(data_specs.data_key(spec))
    if not (folder / "info.json").exists():
        raise InputError(f"{spec['name']} is not prepared in {folder}; `lbrn data prepare {spec['name']}` makes it")
    told = {key: spec[key] for key in ("identity", "people", "images", "side", "version") if key in spec}
    return told | {"folder": folder.name, "digest": read_json(folder / "info.json")["digest"]}


def _copy_run(source: Path, target: Path) -> dict[str, str]:
    absent = [name for name in FILES if not (source / name).exists()]
    if absent:
        raise InputError(f"run {source} is not finished: it has no {', no '.join(absent)}")
    for name in FILES:
        _copy(source / name, target / name)
    return {name: sha256_file(target / name) for name in FILES}


def _copy_picture(source: Path, target: Path) -> None:
    if (source / PICTURE).exists():
        _copy(source / PICTURE, target)


def _copy(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def _check_packed(packed: Path, key: str, digests: dict[str, str]) -> None:
    folder = packed / key
    if not _KEY.fullmatch(key) or ".." in key:
        raise InputError(f"{packed / INDEX} names a run {key!r}, which is no run's name")
    for name in FILES:
        if not (folder / name).is_file() or sha256_file(folder / name) != digests.get(name):
            raise InputError(f"{folder / name} is not the file that was packed; `dvc checkout --force` restores it")
    if runs.run_key(yaml.safe_load((folder / "spec.yaml").read_text())) != key:
        raise InputError(f"{folder / 'spec.yaml'} describes another run than {key}; `dvc checkout --force` restores it")
