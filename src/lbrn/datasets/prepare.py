"""From raw archives to arrays: annotations as `People`, and one patch of pixels per person in a memory-mapped file.

A prepared folder holds, for each split, `<split>.npz` (a `People`) and `<split>.pixels.npy` (flat uint8, patches in
RGB at `People.offset`), and `info.json`, written last. LSPET has no test split: its files are absent.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lbrn.datasets.archive import Archive, is_file_called
from lbrn.datasets.catalog import entry, limits
from lbrn.datasets.describe import summary, terms
from lbrn.datasets.fetch import Progress, fetch, parts
from lbrn.datasets.lsp import lsp_crop
from lbrn.datasets.official import NOTE
from lbrn.datasets.patches import cut
from lbrn.datasets.people import People
from lbrn.datasets.photos import decode
from lbrn.datasets.pixels import PatchWriter, Written
from lbrn.datasets.readers import keep_subset, read_people
from lbrn.datasets.sources import PREPARE_VERSION, is_standin, prepared_folder
from lbrn.datasets.store import make_once
from lbrn.errors import InputError
from lbrn.files import digest, read_json, write_json

INFO = "info.json"

__all__ = ["INFO", "PREPARE_VERSION", "Progress", "load_split", "prepare"]


def prepare(
    spec: Mapping[str, Any], store: Path, progress: Progress | None = None, *, lock: Path | None = None
) -> Path:
    """Make `prepared/<name>-<h8>/` for a data spec, fetching first; do nothing where it exists.

    Memory holds one photograph at a time. Equal specs give equal bytes.

    Args:
        spec: A data spec (`sources.data_spec`).
        store: Folder of the data store.
        progress: Called with the number of images done and of all images, first for drawing a stand-in.
        lock: The file data.lock with checksums trusted at first use, for official archives.

    Returns:
        The prepared folder.

    Raises:
        InputError: The archives cannot be used; the message names file and fix.
        OSError: The disk is full or not writable; no folder stays under the final name.
    """
    if spec["version"] != PREPARE_VERSION:
        raise InputError(f"data spec has version {spec['version']}, this release prepares version {PREPARE_VERSION}")
    folder = prepared_folder(spec, store)
    if (folder / INFO).exists():
        return folder
    raw = fetch(spec, store, progress, lock=lock)
    return make_once(folder, INFO, lambda temporary: _fill(temporary, spec, raw, progress))


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


def _fill(folder: Path, spec: Mapping[str, Any], raw: Path, progress: Progress | None) -> None:
    files = parts(raw)
    splits = {split: keep_subset(people, files) for split, people in read_people(spec, files).items()}
    splits = {split: people for split, people in splits.items() if len(people)}
    if not splits:
        raise InputError(f"{spec['name']}: no annotated person is left; check the annotation and the subset list")
    with ExitStack() as stack:
        writers = {split: PatchWriter(folder / f"{split}.pixels.npy", people) for split, people in splits.items()}
        for writer in writers.values():
            stack.callback(writer.close)
        absent = _cut_all(spec, files, writers, progress)
        written = {split: writer.finish() for split, writer in writers.items()}
    kept = {split: result.without(absent) for split, result in written.items()}
    for split, result in kept.items():
        result.people.save(folder / f"{split}.npz")
    write_json(folder / INFO, _info(spec, raw, kept, absent))


def _cut_all(
    spec: Mapping[str, Any], files: Mapping[str, Path], writers: Mapping[str, PatchWriter], progress: Progress | None
) -> list[str]:
    """Cut every person's patch in one pass over the images; return the images that may be and are absent."""
    rows: dict[str, list[tuple[PatchWriter, int]]] = {}
    for writer in writers.values():
        for row, image in enumerate(writer.people.image.tolist()):
            rows.setdefault(image, []).append((writer, row))
    done: set[str] = set()
    for image, content in _images(spec, files, set(rows)):
        if image in done:
            raise InputError(f"{files.get('images', files.get('archive'))} holds {image} twice: check the archive")
        photograph = decode(content, image)
        for writer, row in rows[image]:
            _place(spec["name"], writer.people, row, photograph.size)
            people = writer.people
            writer.add(row, cut(photograph, people.centre[row], float(people.scale[row]), spec["side"]))
        done.add(image)
        if progress:
            progress(len(done), len(rows))
    return _absent(spec, files, sorted(set(rows) - done), writers)


def _images(spec: Mapping[str, Any], files: Mapping[str, Path], wanted: set[str]) -> Iterator[tuple[str, bytes]]:
    archive = Archive(files.get("images", files.get("archive", Path())), limits(spec["name"]))
    for name, content in archive.members(lambda name: is_file_called(name, wanted)):
        yield name.rpartition("/")[2], content


def _place(name: str, people: People, row: int, size: tuple[int, int]) -> None:
    if name == "lsp":  # the only dataset whose crop depends on the photograph's size
        people.centre[row], people.scale[row] = lsp_crop(*size)


def _absent(
    spec: Mapping[str, Any], files: Mapping[str, Path], absent: list[str], writers: Mapping[str, PatchWriter]
) -> list[str]:
    """Return absent images if the catalogue knows that so many training images have no file; else refuse."""
    tested = set(writers["test"].people.image.tolist()) if "test" in writers else set()
    if len(absent) <= entry(spec["name"])["absent_train_images"] and not tested & set(absent):
        return absent
    told = ", ".join(absent[:3]) + (" ..." if len(absent) > 3 else "")
    raise InputError(
        f"{files.get('images', files.get('archive'))} lacks {len(absent)} annotated images ({told}): get it again, "
        "or name the images it does hold in a text file and give that as `subset` beside the path"
    )


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
        "raw": {part: told["sha256"] for part, told in read_json(raw / NOTE)["parts"].items()},
        "absent": absent,
        "mean_rgb": None if means is None else np.nanmean(means, axis=0).tolist(),
        "splits": splits,
        "digest": digest(splits),
    }
