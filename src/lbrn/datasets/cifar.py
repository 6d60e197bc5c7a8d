"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009) from their official archives: pickled ("python") and binary.

A picture is 3,072 bytes: 1,024 of red, of green, of blue, row by row of 32 pixels. In the binary files one byte with
the class stands before it; in those of CIFAR-100 two, the coarse class and the fine one, which is the label here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lbrn.datasets import pickles
from lbrn.datasets.archive import Archive
from lbrn.datasets.images import Images, Pixels
from lbrn.errors import InputError

SIDE = 32
_BYTES = 3 * SIDE * SIDE


@dataclass(frozen=True)
class Layout:
    """The files of one official archive.

    Attributes:
        files: File names of each split, in their order.
        names: File with the names of the classes.
        label: Key of the labels in a pickle; in a binary file the number of the label's byte.
        names_key: Key of the classes' names in the pickle `names`; empty for a file of lines.
        head: Bytes before a picture in a binary file.
    """

    files: Mapping[str, Sequence[str]]
    names: str
    label: str | int
    names_key: str = ""
    head: int = 0

    @property
    def wanted(self) -> set[str]:
        """Every file that is read."""
        return {self.names, *(name for names in self.files.values() for name in names)}


_BATCHES = [f"data_batch_{number}" for number in range(1, 6)]
LAYOUTS = {
    "cifar10": (
        Layout({"train": _BATCHES, "test": ["test_batch"]}, "batches.meta", "labels", "label_names"),
        Layout(
            {"train": [f"{name}.bin" for name in _BATCHES], "test": ["test_batch.bin"]}, "batches.meta.txt", 0, head=1
        ),
    ),
    "cifar100": (
        Layout({"train": ["train"], "test": ["test"]}, "meta", "fine_labels", "fine_label_names"),
        Layout({"train": ["train.bin"], "test": ["test.bin"]}, "fine_label_names.txt", 1, head=2),
    ),
}
"""The pickled and the binary layout of either dataset."""


def read_cifar(archive: Archive, dataset: str) -> tuple[dict[str, Images], list[str]]:
    """Read both splits in the official order.

    Args:
        archive: The official archive, or an unpacked folder of it, in either layout; batches may be shorter.
        dataset: `cifar10` or `cifar100`.

    Returns:
        Pictures by split, and the names of the classes.

    Raises:
        InputError: A file is absent or there twice, damaged, or not what it should be.
    """
    everything = set().union(*(layout.wanted for layout in LAYOUTS[dataset]))
    found: dict[str, bytes] = {}
    for name, content in archive.members(lambda name: name.rpartition("/")[2] in everything):
        file = name.rpartition("/")[2]
        if file in found:
            raise InputError(f"{archive.path} holds {file} twice; check that it is the right archive")
        found[file] = content
    layout = _layout(archive, dataset, found)
    classes = _classes(layout, found[layout.names])
    splits = {
        split: _joined([_read(layout, found[name], name) for name in names], len(classes))
        for split, names in layout.files.items()
    }
    return splits, classes


def _layout(archive: Archive, dataset: str, found: Mapping[str, bytes]) -> Layout:
    for layout in LAYOUTS[dataset]:
        if layout.wanted <= found.keys():
            return layout
    nearest = max(LAYOUTS[dataset], key=lambda layout: len(layout.wanted & found.keys()))
    absent = sorted(nearest.wanted - found.keys())
    raise InputError(f"{archive.path} has no {', no '.join(absent)}, which {dataset} has; give its official archive")


def _classes(layout: Layout, content: bytes) -> list[str]:
    if layout.names_key:
        names = pickles.load(content, layout.names).get(layout.names_key)
        if not isinstance(names, list):
            raise InputError(f"{layout.names} has no list {layout.names_key}; get the archive again")
        return [name.decode("latin1") if isinstance(name, bytes) else str(name) for name in names]
    return content.decode("latin1").split()


def _read(layout: Layout, content: bytes, file: str) -> Images:
    if layout.head:
        return _binary(layout, content, file)
    mapping = pickles.load(content, file)
    rows, labels = mapping.get("data"), mapping.get(str(layout.label))
    fits = isinstance(rows, np.ndarray) and rows.dtype == np.uint8 and rows.ndim == 2 and rows.shape[1] == _BYTES
    if rows is None or not fits or not isinstance(labels, list) or len(labels) != len(rows):
        raise InputError(f"{file} does not hold {_BYTES} bytes and a label for each picture; get the archive again")
    if not all(isinstance(label, int) for label in labels):
        raise InputError(f"{file} holds labels that are no whole numbers; get the archive again")
    names = mapping.get("filenames") or [f"{file}/{number}" for number in range(len(rows))]
    return Images(_pixels(rows), np.array(labels, np.int64), _texts(names))


def _binary(layout: Layout, content: bytes, file: str) -> Images:
    size = layout.head + _BYTES
    if not content or len(content) % size:
        raise InputError(f"{file} has {len(content)} bytes, which is no multiple of {size}; get the archive again")
    rows = np.frombuffer(content, np.uint8).reshape(-1, size)
    names = [f"{file}/{number}" for number in range(len(rows))]
    return Images(_pixels(rows[:, layout.head :]), rows[:, int(layout.label)].astype(np.int64), _texts(names))


def _pixels(rows: NDArray[np.uint8]) -> Pixels:
    return np.ascontiguousarray(rows.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))


def _texts(names: Sequence[Any]) -> NDArray[np.str_]:
    return np.array([name.decode("latin1") if isinstance(name, bytes) else str(name) for name in names], np.str_)


def _joined(parts: Sequence[Images], classes: int) -> Images:
    label = np.concatenate([part.label for part in parts])
    if len(label) and not 0 <= label.min() <= label.max() < classes:
        raise InputError(
            f"labels go from {label.min()} to {label.max()}, but there are {classes} classes; check the archive"
        )
    pixels, name = (np.concatenate([getattr(part, field) for part in parts]) for field in ("pixels", "name"))
    return Images(pixels, label, name)
