"""Subsets of ImageNet: a tree of class folders (Imagenette2 and its like), or ILSVRC2012's tars with a class list."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lbrn.datasets.archive import Archive, Limits
from lbrn.datasets.images import Images, Pixels, square
from lbrn.datasets.matfile import load_mat
from lbrn.datasets.photos import as_array, decode
from lbrn.errors import InputError

Progress = Callable[[int, int], None]
Found = Iterator[tuple[str, str, bytes]]

SPLITS = {"train": "train", "val": "test"}
"""What the folders are called, and what their splits are called here: the validation pictures are the test split."""

_SUFFIXES = (".jpeg", ".jpg", ".png")
TRUTH, META = "ILSVRC2012_validation_ground_truth.txt", "meta.mat"


def read_tree(archive: Archive, side: int, progress: Progress | None = None) -> tuple[dict[str, Images], list[str]]:
    """Read a tree `train/<class>/<picture>`, `val/<class>/<picture>`, whatever folder it is in.

    Args:
        archive: Archive or folder; the classes are the folders' names in their alphabetical order.
        side: Pixels on either side of the result: the middle square of each picture is resized.
        progress: Called with the number of pictures read, twice.

    Returns:
        Pictures by split, `train` and `test`, and the names of the classes.

    Raises:
        InputError: There is no such tree, a class has no picture in one of the splits, or a picture is damaged.
    """
    _refuse_empty_folders(archive)
    return _collect(_tree(archive), side, str(archive.path), progress)


def read_tars(
    files: Mapping[str, Path], limits: Limits, classes: Sequence[str], side: int, progress: Progress | None = None
) -> tuple[dict[str, Images], list[str]]:
    """Read some classes of ILSVRC2012's own archives.

    Args:
        files: Paths of `train` (a tar of a tar a class), `test` (the validation pictures) and `labels` (the devkit).
        limits: What each archive may hold at most.
        classes: Names (WordNet ids such as n01440764) of the wanted classes.
        side: As for `read_tree`.
        progress: As for `read_tree`.

    Returns:
        As `read_tree`; the classes in alphabetical order.

    Raises:
        InputError: An archive is damaged or lacks a class.
    """

    def everything() -> Found:
        yield from _training_tars(Archive(files["train"], limits), set(classes), limits)
        yield from _validation(Archive(files["test"], limits), Archive(files["labels"], limits), set(classes))

    found = _collect(everything(), side, str(files["train"]), progress)
    absent = sorted(set(classes) - set(found[1]))
    if absent:
        raise InputError(f"{files['train']} has no class {', '.join(absent)}; mend the class list")
    return found


def _collect(pictures: Found, side: int, where: str, progress: Progress | None) -> tuple[dict[str, Images], list[str]]:
    rows: dict[str, list[tuple[str, str, Pixels]]] = {split: [] for split in SPLITS.values()}
    for count, (folder, name, content) in enumerate(pictures, start=1):
        kind, _, label = folder.partition("/")
        rows[SPLITS[kind]].append((label, name, square(as_array(decode(content, name)), side)))
        if progress:
            progress(count, count)
    known = {split: {label for label, _, _ in found} for split, found in rows.items()}
    if not known["train"]:
        raise InputError(f"{where} has no pictures in train/<class>/; give an archive with train and val in it")
    for label in sorted(known["train"] ^ known["test"]):
        empty = "val" if label in known["train"] else "train"
        raise InputError(f"{where}: class {label} has no picture in {empty}; every class needs some in both")
    classes = sorted(known["train"])
    place = {label: number for number, label in enumerate(classes)}
    splits = {
        split: Images(
            np.stack([pixels for _, _, pixels in found]),
            np.array([place[label] for label, _, _ in found], np.int64),
            np.array([name for _, name, _ in found], np.str_),
        )
        for split, found in rows.items()
    }
    return splits, classes


def _tree(archive: Archive) -> Found:
    for name, content in archive.members(lambda name: _place(name) is not None):
        kind, label, file = _place(name) or ("", "", "")
        yield f"{kind}/{label}", file, content


def _place(name: str) -> tuple[str, str, str] | None:
    """Split, class and file of a member; None for everything else in the archive."""
    parts = name.split("/")
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    if len(parts) < 3 or parts[-3] not in SPLITS or hidden or not parts[-1].lower().endswith(_SUFFIXES):
        return None
    return parts[-3], parts[-2], parts[-1]


def _refuse_empty_folders(archive: Archive) -> None:
    if archive.kind != "folder":
        return
    for kind in SPLITS:
        for parent in archive.path.rglob(kind):
            for folder in sorted(path for path in parent.iterdir() if path.is_dir()):
                if not any(folder.iterdir()):
                    raise InputError(f"{folder} is empty: every class needs pictures; fill the folder or remove it")


def _training_tars(archive: Archive, wanted: set[str], limits: Limits) -> Found:
    names = {f"{label}.tar" for label in wanted}
    for name, content in archive.members(lambda name: name.rpartition("/")[2] in names):
        label = name.rpartition("/")[2].removesuffix(".tar")
        with tempfile.TemporaryDirectory() as folder:
            inner = Path(folder) / f"{label}.tar"
            inner.write_bytes(content)
            for file, picture in Archive(inner, limits).members(lambda name: name.lower().endswith(_SUFFIXES)):
                yield f"train/{label}", file, picture


def _validation(archive: Archive, devkit: Archive, wanted: set[str]) -> Found:
    truth = [int(line) for line in devkit.read(TRUTH)[1].split()]
    labels = _wordnet_ids(devkit.read(META)[1])
    for name, content in archive.members(lambda name: name.lower().endswith(_SUFFIXES)):
        file = name.rpartition("/")[2]
        number = file.rpartition(".")[0].rpartition("_")[2]
        if not number.isdecimal() or not 1 <= int(number) <= len(truth):
            raise InputError(f"{archive.path} holds {file}, which {TRUTH} with {len(truth)} lines does not know")
        label = labels.get(truth[int(number) - 1])
        if label in wanted:
            yield f"val/{label}", file, content


def _wordnet_ids(content: bytes) -> dict[int, str]:
    """WordNet id by ILSVRC's own number, which is not the alphabetical one."""
    synsets: Any = load_mat(content, META, "synsets").ravel()
    try:
        return {int(entry["ILSVRC2012_ID"].item()): str(entry["WNID"].item()) for entry in synsets}
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        raise InputError(f"{META} does not list synsets as ILSVRC2012's devkit does ({error}); get it again") from error
