"""Bring a dataset's raw bytes into reach: draw the stand-in, download, or note where the user's archives lie."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lbrn.datasets import generators
from lbrn.datasets.archive import Archive
from lbrn.datasets.catalog import entry, limits, unit
from lbrn.datasets.official import NOTE, fetch_official
from lbrn.datasets.sources import OFFICIAL, SUBSET, checksum, identity, is_standin, raw_folder
from lbrn.datasets.store import make_once
from lbrn.errors import InputError
from lbrn.files import read_json, sha256_file, write_json

Progress = Callable[[int, int], None]


def fetch(
    spec: Mapping[str, Any],
    store: Path,
    progress: Progress | None = None,
    *,
    lock: Path | None = None,
    given: str | None = None,
) -> Path:
    """Make `raw/<name>-<id8>/` for a data spec: the stand-in's or the official archives, or a note to the user's.

    The note `source.json` holds name, identity and for each part its path (relative to the folder where it lies there),
    size and SHA-256. Archives of the user are never copied. Doing it again changes nothing, unless archives with the
    same bytes have moved.

    Args:
        spec: A data spec (`sources.data_spec`).
        store: Folder of the data store.
        progress: Called with the number of pictures drawn and of all pictures, for stand-ins.
        lock: The file data.lock with checksums trusted at first use, for official archives.
        given: The only place to take official archives from (`official.fetch_official`).

    Returns:
        The raw folder.

    Raises:
        InputError: An archive is missing, damaged or no longer the one of the spec, or cannot be downloaded.
        OSError: The disk is full or not writable; no folder stays under the final name.
    """
    if spec["source"] == OFFICIAL:
        return fetch_official(spec, store, lock, given)
    folder = raw_folder(spec, store)
    if is_standin(spec):
        return make_once(folder, NOTE, lambda temporary: _draw(spec, temporary, progress))
    files = {part: Path(path) for part, path in spec["source"].items()}
    note = _note(spec, {part: _described(path, checksum(path, store)) for part, path in files.items()})
    if not (folder / NOTE).exists() or read_json(folder / NOTE) != note:
        _check(spec, files, store)
        write_json(folder / NOTE, note)
    return folder


def parts(folder: Path) -> dict[str, Path]:
    """Return the paths of a raw folder's parts, as its note says."""
    return {part: folder / told["path"] for part, told in read_json(folder / NOTE)["parts"].items()}


def _draw(spec: Mapping[str, Any], folder: Path, progress: Progress | None) -> None:
    name, known = spec["name"], generators.identity(spec["name"])
    if spec["identity"] != known:
        raise InputError(f"{spec['identity']} was asked for, this release draws {known}")
    counts = spec[unit(name)]
    written = generators.write(name, folder, train=counts["train"], test=counts["test"], progress=progress)
    files = dict(zip(entry(name)["parts"], written, strict=True))
    told = {part: _described(path, sha256_file(path)) | {"path": path.name} for part, path in files.items()}
    write_json(folder / NOTE, _note(spec, told))


def _note(spec: Mapping[str, Any], told: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {"name": spec["name"], "identity": spec["identity"], "parts": told}


def _described(path: Path, sha256: str) -> dict[str, Any]:
    size = None if path.is_dir() else path.stat().st_size
    return {"path": str(path), "bytes": size, "sha256": sha256}


def _check(spec: Mapping[str, Any], files: Mapping[str, Path], store: Path) -> None:
    now = identity(spec["name"], dict(spec["source"]), store)
    if now != spec["identity"]:
        told = ", ".join(str(path) for path in files.values())
        raise InputError(f"{told} changed since the data spec was made ({spec['identity']} -> {now}): start again")
    for part, path in files.items():
        if part != SUBSET:
            Archive(path, limits(spec["name"])).check()
