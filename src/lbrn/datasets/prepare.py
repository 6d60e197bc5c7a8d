"""From raw archives to arrays: annotations as `People`, and one patch of pixels per person in a memory-mapped file.

A prepared folder holds, for each split, `<split>.npz` (a `People`) and `<split>.pixels.npy` (flat uint8, patches in
RGB at `People.offset`), and `info.json`, written last. LSPET has no test split: its files are absent.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from numpy.typing import NDArray

from lbrn.datasets.catalog import task
from lbrn.datasets.cutting import cut_all
from lbrn.datasets.describe import summary, terms
from lbrn.datasets.fetch import Progress, fetch, parts
from lbrn.datasets.journal import JOURNAL, Journal
from lbrn.datasets.official import NOTE
from lbrn.datasets.people import People
from lbrn.datasets.pixels import PatchWriter, Written
from lbrn.datasets.readers import keep_subset, read_people
from lbrn.datasets.sources import PREPARE_VERSION, is_standin, prepared_folder
from lbrn.datasets.store import make_once
from lbrn.errors import InputError
from lbrn.files import digest, read_json, write_json

INFO = "info.json"

__all__ = ["INFO", "PREPARE_VERSION", "Progress", "load_split", "prepare"]


def prepare(
    spec: Mapping[str, Any],
    store: Path,
    progress: Progress | None = None,
    *,
    lock: Path | None = None,
    threads: int = 1,
) -> Path:
    """Make `prepared/<name>-<h8>/` for a data spec, fetching first; do nothing where it exists.

    Archives are read from front to back and never unpacked; memory holds two photographs a thread. A preparation that
    was killed is continued. Equal specs give equal bytes, with any number of threads and however often it was killed.

    Args:
        spec: A data spec (`sources.data_spec`).
        store: Folder of the data store.
        progress: Called with the number of images done and of all images, first for drawing a stand-in.
        lock: The file data.lock with checksums trusted at first use, for official archives.
        threads: So many photographs are decoded at once.

    Returns:
        The prepared folder.

    Raises:
        InputError: The archives cannot be used; the message names file and fix.
        OSError: The disk is full or not writable; no folder stays under the final name.
    """
    kind = task(spec["name"])
    if spec["version"] != PREPARE_VERSION[kind]:
        known = PREPARE_VERSION[kind]
        raise InputError(f"data spec has version {spec['version']}, this release prepares version {known}")
    folder = prepared_folder(spec, store)
    if (folder / INFO).exists():
        return folder
    raw = fetch(spec, store, progress, lock=lock)
    fill = _FILLERS[kind]
    return make_once(folder, INFO, lambda temporary: fill(temporary, spec, raw, progress, threads), journal=JOURNAL)


def load_split(folder: Path, split: str) -> tuple[People, NDArray[np.uint8]]:
    """Open one split of a prepared dataset.

    Args:
        folder: What `prepare` returned.
        split: `train` or `test`.

    Returns:
        The people, and the flat array of pixels, memory-mapped read-only.

    Raises:
        InputError: The dataset is not prepared, or has no such split.
    """
    if not (folder / INFO).exists():
        raise InputError(f"{folder} is not a prepared dataset: run `lbrn data prepare` first")
    info = read_json(folder / INFO)
    if split not in info["splits"]:
        raise InputError(f"{info['name']} has no {split} split, only {', '.join(info['splits'])}")
    pixels: NDArray[np.uint8] = np.load(folder / f"{split}.pixels.npy", mmap_mode="r", allow_pickle=False)
    return People.load(folder / f"{split}.npz"), pixels


def _people(folder: Path, spec: Mapping[str, Any], raw: Path, progress: Progress | None, threads: int) -> None:
    files = parts(raw)
    splits = {split: keep_subset(people, files) for split, people in read_people(spec, files).items()}
    splits = {split: people for split, people in splits.items() if len(people)}
    if not splits:
        raise InputError(f"{spec['name']}: no annotated person is left; check the annotation and the subset list")
    with ExitStack() as stack:
        writers = {split: PatchWriter(folder / f"{split}.pixels.npy", people) for split, people in splits.items()}
        for writer in writers.values():
            stack.callback(writer.close)
        journal = Journal(folder, _identity(spec, raw), writers)
        absent = cut_all(spec, files, journal, progress, threads)
        written = {split: writer.finish() for split, writer in writers.items()}
    kept = {split: result.without(absent) for split, result in written.items()}
    for split, result in kept.items():
        result.people.save(folder / f"{split}.npz")
    journal.close()
    write_json(folder / INFO, _info(spec, raw, kept, absent))


def _identity(spec: Mapping[str, Any], raw: Path) -> str:
    """Digest of all that decides the patches' bytes, for going on after a kill."""
    told = {key: value for key, value in spec.items() if key != "source"}
    return digest({"spec": told, "raw": _checksums(raw), "versions": [PIL.__version__, np.__version__]})


def _checksums(raw: Path) -> dict[str, str]:
    return {part: told["sha256"] for part, told in read_json(raw / NOTE)["parts"].items()}


def _info(spec: Mapping[str, Any], raw: Path, written: Mapping[str, Written], absent: list[str]) -> dict[str, Any]:
    means = written["train"].crop_means if "train" in written else None
    splits = {split: summary(result) for split, result in written.items()}
    return {
        "name": spec["name"],
        "identity": spec["identity"],
        "standin": is_standin(spec),
        "terms": terms(spec),
        "side": spec["side"],
        "version": spec["version"],
        "raw": _checksums(raw),
        "absent": absent,
        "mean_rgb": None if means is None else np.nanmean(means, axis=0).tolist(),
        "splits": splits,
        "digest": digest(splits),
    }


def _scenes(folder: Path, spec: Mapping[str, Any], raw: Path, progress: Progress | None, threads: int) -> None:
    from lbrn.datasets.prepare_saliency import fill

    write_json(folder / INFO, fill(folder, spec, raw, progress))


def _images(folder: Path, spec: Mapping[str, Any], raw: Path, progress: Progress | None, threads: int) -> None:
    from lbrn.datasets.prepare_images import fill

    write_json(folder / INFO, fill(folder, spec, raw, progress))


_FILLERS: dict[str, Callable[[Path, Mapping[str, Any], Path, Progress | None, int], None]] = {
    "pose": _people,
    "saliency": _scenes,
    "classification": _images,
}
"""What fills a prepared folder, by the task that the labels are for."""
