"""From archives of photographs and masks to arrays: what `lbrn.datasets.prepare` does for saliency.

A prepared folder holds for each split `<split>.images.npy`, `<split>.masks.npy`, `<split>.npz` and, where it may be
tested on, `<split>.truth.npy` (`lbrn.datasets.saliency_maps`), and `info.json`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lbrn.datasets.describe import terms
from lbrn.datasets.fetch import parts
from lbrn.datasets.official import NOTE
from lbrn.datasets.photos import decode
from lbrn.datasets.saliency import HELD_OUT, Pair, Source, held_out
from lbrn.datasets.sources import SUBSET, is_standin
from lbrn.errors import InputError
from lbrn.files import digest, read_json, sha256_file

Progress = Callable[[int, int], None]


def fill(folder: Path, spec: Mapping[str, Any], raw: Path, progress: Progress | None) -> dict[str, Any]:
    """Fill a prepared folder, all but `info.json`.

    Args:
        folder: Empty.
        spec: A data spec (`sources.data_spec`).
        raw: Folder of the raw bytes (`fetch.fetch`).
        progress: Called with the number of files done and of all files.

    Returns:
        The content of `info.json`.

    Raises:
        InputError: The archives cannot be used; the message names file and fix.
    """
    files = parts(raw)
    subset = _subset(files[SUBSET]) if SUBSET in files else None
    archives = [path for part, path in files.items() if part != SUBSET]
    splits = fill_saliency(folder, spec["name"], archives, spec["side"], subset=subset, progress=progress)
    return {
        "name": spec["name"],
        "identity": spec["identity"],
        "standin": is_standin(spec),
        "terms": terms(spec),
        "side": spec["side"],
        "version": spec["version"],
        "raw": {part: told["sha256"] for part, told in read_json(raw / NOTE)["parts"].items()},
        "divided": spec["name"] in HELD_OUT,
        "splits": splits,
        "digest": digest(splits),
    }


def _subset(path: Path) -> list[str]:
    names = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not names:
        raise InputError(f"{path} names no image: write one image file name a line")
    return names


def fill_saliency(
    folder: Path,
    name: str,
    files: Sequence[Path],
    side: int,
    *,
    subset: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Fill a prepared folder, all but `info.json`.

    Memory holds one photograph at a time. Equal archives give equal bytes.

    Args:
        folder: Empty.
        name: Dataset in the catalogue.
        files: Paths of its archives.
        side: Side in pixels of the network's input.
        subset: File names of the photographs to keep; None for all.
        progress: Called with the number of files done and of all files.

    Returns:
        By split: number of images, mean colour, share of pixels inside objects, and digests.

    Raises:
        InputError: The archives cannot be used; the message names file, rule and fix.
    """
    source = Source(name, files, subset)
    splits = dict(source.splits)
    if list(splits) == ["test"]:
        splits = held_out(name, splits["test"])
    total = 2 * sum(len(pairs) for pairs in splits.values())
    done = 0
    told = {}
    for split, pairs in splits.items():
        writer = _Writer(folder, split, pairs, side, keep=split == "test" or name in HELD_OUT)
        for wanted, add in ((writer.images, writer.add_image), (writer.masks, writer.add_mask)):
            for member, content in source.contents(set(wanted)):
                add(wanted[member], member, content)
                done += 1
                if progress:
                    progress(done, total)
        told[split] = writer.finish()
    return told


class _Writer:
    """Writes the arrays of one split, row by row in any order; photographs come before masks."""

    def __init__(self, folder: Path, split: str, pairs: Sequence[Pair], side: int, *, keep: bool) -> None:
        self.folder, self.split, self.pairs, self.side, self.keep = folder, split, pairs, side, keep
        self.images = {pair.image: row for row, pair in enumerate(pairs)}
        self.masks = {pair.mask: row for row, pair in enumerate(pairs)}
        self.size = np.zeros((len(pairs), 2), np.int64)
        self.mean = np.zeros((len(pairs), 3))
        self.inside = np.zeros(len(pairs))
        shape = (len(pairs), side, side)
        self.pixels = self._file("images", (*shape, 3))
        self.small = self._file("masks", shape)
        self.truth: NDArray[np.uint8] | None = None

    def _file(self, kind: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        path = self.folder / f"{self.split}.{kind}.npy"
        array: NDArray[np.uint8] = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)  # type: ignore[no-untyped-call]
        return array

    def add_image(self, row: int, name: str, content: bytes) -> None:
        photograph = decode(content, name)
        self.size[row] = photograph.height, photograph.width
        self.pixels[row] = np.asarray(photograph.resize((self.side, self.side), Image.Resampling.BILINEAR))
        self.mean[row] = self.pixels[row].mean((0, 1)) / 255

    def add_mask(self, row: int, name: str, content: bytes) -> None:
        mask = decode(content, name).convert("L")
        size = tuple(self.size[row].tolist())
        if (mask.height, mask.width) != size:
            raise InputError(
                f"mask {name} is {mask.width} x {mask.height} pixels, but its photograph {size[1]} x {size[0]}: they "
                "must be of one size, get the archive again"
            )
        levels = np.asarray(mask)
        if not levels.any():
            raise InputError(f"mask {name} is empty: it must mark an object, get the archive again or leave it out")
        self.small[row] = np.asarray(mask.resize((self.side, self.side), Image.Resampling.BILINEAR))
        self.inside[row] = self.small[row].mean() / 255
        if self.keep:
            if self.truth is None:
                self.truth = self._file("truth", (int(self.size.prod(1).sum()),))
            start = int(self.size[:row].prod(1).sum())
            self.truth[start : start + levels.size] = levels.ravel()

    def finish(self) -> dict[str, Any]:
        kinds = ["images", "masks", *(["truth"] if self.truth is not None else [])]
        del self.pixels, self.small
        self.truth = None  # written when the maps are closed
        name = np.array([pair.stem for pair in self.pairs])
        np.savez(self.folder / f"{self.split}.npz", allow_pickle=False, name=name, size=self.size)
        return {
            "images": len(self.pairs),
            "mean_rgb": self.mean.mean(0).tolist(),
            "inside": float(self.inside.mean()),
            "sha256": {kind: sha256_file(self.folder / f"{self.split}.{kind}.npy") for kind in kinds},
        }
