"""Where a dataset's bytes come from, who they are, and the data spec that names a prepared dataset. Imports no torch.

A source is `embedded` (the stand-in made by this package), `official` (the authors' archives, downloaded), the path of
an archive or unpacked folder in the official layout, or a mapping from the parts named in the catalogue to such paths.
A mapping may also hold `subset`: a text file with one image file name a line; people in other images are then left out,
and exactly these images must be there.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lbrn.datasets import generators
from lbrn.datasets.archive import folder_files
from lbrn.datasets.catalog import entry, task, unit
from lbrn.errors import InputError
from lbrn.files import digest, read_json, sha256_file, write_json

PREPARE_VERSION = {"pose": 1, "classification": 1, "saliency": 1}
"""Part of every data spec, by task: to be raised when `prepare` gives other arrays for the same bytes."""

EMBEDDED, OFFICIAL = "embedded", "official"
SUBSET = "subset"
_CACHE = "identities.json"

Source = str | dict[str, str]


def resolve(name: str, source: str | Mapping[str, str], root: Path) -> Source:
    """Check a source and make its paths absolute.

    Args:
        name: Dataset in the catalogue.
        source: `embedded`, `official`, a path, or a mapping from part to path.
        root: Folder that relative paths start from (the main checkout).

    Returns:
        `embedded`, `official`, or a mapping from part (`archive`, or the parts of the catalogue; `subset`) to absolute
        path.

    Raises:
        InputError: The source is a URL, has unknown or lacking parts, or a file does not exist.
    """
    if source in (EMBEDDED, OFFICIAL):
        entry(name)
        return str(source)
    parts = {"archive": source} if isinstance(source, str) else dict(source)
    _check_parts(name, parts)
    paths = {part: _path(name, value, root) for part, value in parts.items()}
    return {part: str(path) for part, path in paths.items()}


def identity(name: str, source: Source, store: Path) -> str:
    """Say which bytes a resolved source stands for, independent of where they lie.

    Args:
        name: Dataset in the catalogue.
        source: What `resolve` returned.
        store: Folder of the data store, where checksums are remembered by path, size and time of change.

    Returns:
        `standin-<version>` (`lbrn.datasets.generators`), `official-<edition of the catalogue's entry>` or
        `sha256:<hex>`.
    """
    if source == OFFICIAL:
        return f"{OFFICIAL}-{entry(name)['edition']}"
    if isinstance(source, str):
        return generators.identity(name)
    hashes = {part: checksum(Path(path), store) for part, path in source.items()}
    return "sha256:" + (hashes["archive"] if set(hashes) == {"archive"} else digest(hashes))


def checksum(path: Path, store: Path) -> str:
    """Return the SHA-256 of a file, or of the list of names and SHA-256 of a folder's files; remembered in the store.

    Args:
        path: A file or a folder.
        store: Folder of the data store, where the result is remembered as long as the file stays as it is.

    Raises:
        InputError: A folder holds a symbolic link.
    """
    state = _state(path)
    cache = store / _CACHE
    known = _remembered(cache)
    if known.get(str(path), [""])[0] != state:
        known[str(path)] = [state, _sha256(path)]
        write_json(cache, known)
    return known[str(path)][1]


def _remembered(cache: Path) -> dict[str, list[str]]:
    try:
        known: dict[str, list[str]] = read_json(cache)
    except (FileNotFoundError, ValueError):  # only a cache: a damaged one is made again
        return {}
    return known


def data_spec(
    name: str,
    source: str | Mapping[str, str],
    *,
    side: int,
    root: Path,
    store: Path,
    drawn: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Describe a prepared dataset completely.

    Args:
        name: Dataset in the catalogue.
        source: As for `resolve`.
        side: Side in pixels of the network's input, which the patches must serve.
        root: Folder that relative paths start from.
        store: Folder of the data store.
        drawn: Numbers of people or images to draw, `train` and `test`; used and needed by stand-ins only. The number
            for a split that the dataset does not have counts as 0.

    Raises:
        InputError: The source cannot be used.
    """
    resolved = resolve(name, source, root)
    counts = dict(drawn or {}) if resolved == EMBEDDED else None
    if counts is not None and set(counts) != {"train", "test"}:
        raise InputError(f"the stand-in for {name} needs numbers of {unit(name)} for train and test, got {drawn}")
    if counts is not None:
        counts |= {split: 0 for split in ("train", "test") if split not in entry(name)["splits"]}
    return {
        "name": name,
        "source": resolved,
        "identity": identity(name, resolved, store),
        unit(name): counts,
        "side": side,
        "version": PREPARE_VERSION[task(name)],
    }


def official_spec(name: str) -> dict[str, Any]:
    """Describe the official bytes of a dataset, whatever is to be made of them: enough for `fetch`.

    Args:
        name: Dataset in the catalogue.

    Raises:
        InputError: The catalogue has no such dataset.
    """
    return {"name": name, "source": OFFICIAL, "identity": identity(name, OFFICIAL, Path()), unit(name): None}


def prepared_key(spec: Mapping[str, Any]) -> str:
    """Return the 8 hexadecimal digits that name a prepared dataset: a digest of its spec without the path."""
    return digest({key: value for key, value in spec.items() if key != "source"})[:8]


def raw_key(spec: Mapping[str, Any]) -> str:
    """Return the 8 hexadecimal digits that name a dataset's raw bytes, whatever is made of them."""
    return digest({key: spec[key] for key in ("name", "identity", unit(spec["name"]))})[:8]


def prepared_folder(spec: Mapping[str, Any], store: Path) -> Path:
    """Return the folder of the prepared dataset in the data store."""
    return Path(store) / "prepared" / f"{spec['name']}-{prepared_key(spec)}"


def raw_folder(spec: Mapping[str, Any], store: Path) -> Path:
    """Return the folder of the raw bytes (or of the note where they lie) in the data store."""
    return Path(store) / "raw" / f"{spec['name']}-{raw_key(spec)}"


def is_standin(spec: Mapping[str, Any]) -> bool:
    """Tell whether a data spec stands for drawn data in place of the dataset."""
    return str(spec["identity"]).startswith("standin-")


def _check_parts(name: str, parts: Mapping[str, str]) -> None:
    official, others = set(entry(name)["parts"]), set(entry(name).get("other_parts", ()))
    given = set(parts) - {SUBSET}
    if not given or given not in ({"archive"}, official, others):
        told = " and ".join(sorted(official)) + (f", or {', '.join(sorted(others))}" if others else "")
        raise InputError(
            f"source of {name} has the parts {sorted(parts)}, must be a path or a mapping with {told} (and {SUBSET})"
        )


def _path(name: str, value: str, root: Path) -> Path:
    if value == OFFICIAL:
        raise InputError(f"source of {name}: official stands for all parts; write 'sources.{name}: official'")
    if "://" in value:
        raise InputError(
            f"source {value!r} of {name} is a URL: get it once with `lbrn data fetch {name} --from URL` and set "
            f"sources.{name} in params.yaml to official, or download it yourself and give the file's path"
        )
    path = (root / Path(value).expanduser()).resolve()
    if not path.exists():
        raise InputError(f"source of {name}: {path} does not exist; set sources.{name} to an archive or folder")
    return path


def _state(path: Path) -> str:
    if path.is_dir():
        return digest([[name, *_stamp(file)] for name, file in folder_files(path)])
    return digest(_stamp(path))


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _sha256(path: Path) -> str:
    if not path.is_dir():
        return sha256_file(path)
    total = hashlib.sha256()
    for name, file in folder_files(path):
        total.update(f"{sha256_file(file)}  {name}\n".encode())
    return total.hexdigest()
