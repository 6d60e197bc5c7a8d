"""Fetch a dataset's official archives: terms shown, downloaded or found, checked, noted."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lbrn.datasets.catalog import entry, official_parts
from lbrn.datasets.download.mirrors import Download
from lbrn.datasets.download.pins import LOCK_FILE, Pins
from lbrn.datasets.sources import OFFICIAL, checksum, identity, raw_folder
from lbrn.datasets.store import locked
from lbrn.errors import InputError
from lbrn.files import read_json, write_json

log = logging.getLogger("lbrn")

NOTE = "source.json"


def fetch_official(spec: Mapping[str, Any], store: Path, lock: Path | None = None, given: str | None = None) -> Path:
    """Make `raw/<name>-<id8>/` with a dataset's official archives, or with a note that points to where they lie.

    Archives come one by one: what is complete stays when a later one fails, what is half received is continued. The
    note `source.json`, written last, says for each part its path, size, SHA-256 and where it came from, and the terms.

    Args:
        spec: A data spec with source `official`.
        store: Folder of the data store.
        lock: The file data.lock, by default in the store.
        given: The only place to take the archives from; see `Download`.

    Returns:
        The raw folder.

    Raises:
        InputError: An archive cannot be had from any place, or the spec is of another edition of the catalogue.
        OSError: The disk is full or not writable.
    """
    name, folder = spec["name"], raw_folder(spec, store)
    known = identity(name, OFFICIAL, store)
    if spec["identity"] != known:
        raise InputError(f"{spec['identity']} of {name} was asked for, this release's catalogue has {known}")
    with locked(folder):
        if not _complete(folder, store):
            pins, told = Pins(lock or store / LOCK_FILE, store), entry(name)
            wanted = {key: Download(name, part, folder, pins, given) for key, part in official_parts(name).items()}
            terms = f"{told['title']}, {told['homepage']}. Terms: {told['terms']} Cite: {told['citation']}"
            far = any([download.far for download in wanted.values()])
            if far:
                log.info("%s", terms)
            folder.mkdir(parents=True, exist_ok=True)
            parts = {key: download.obtain() for key, download in wanted.items()}
            if not far:
                log.info("%s", terms)
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            kept = {key: told[key] for key in ("terms", "citation", "homepage")}
            write_json(folder / NOTE, {"name": name, "identity": known, "parts": parts, **kept, "fetched": now})
    return folder


def _complete(folder: Path, store: Path) -> bool:
    """Whether the archives of a note are still the same bytes."""
    if not (folder / NOTE).exists():
        return False
    told = {folder / part["path"]: part["sha256"] for part in read_json(folder / NOTE)["parts"].values()}
    return all(path.is_file() and checksum(path, store) == sha256 for path, sha256 in told.items())
