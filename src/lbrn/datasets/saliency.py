"""Saliency datasets in their official layouts: which photograph belongs to which mask.

All of them are folders of photographs and of masks with the same file stems. Traps that are known and passed by:
macOS's shadow files and `Thumbs.db`; DUT-OMRON's double suffix `.zip.zip`; grey photographs; masks that exist twice and
masks without a photograph in old copies of DUTS (`STRAY`). Everything else that does not fit is refused by name.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lbrn.datasets.archive import Archive
from lbrn.datasets.catalog import limits
from lbrn.errors import InputError

SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Folders:
    """Where a split lies in its archives.

    Attributes:
        images: End of the path of the folder with the photographs.
        masks: End of the path of the folder with the masks.
    """

    images: str
    masks: str


LAYOUTS: dict[str, dict[str, Folders]] = {
    "ecssd": {"test": Folders("images", "ground_truth_mask")},
    "pascal-s": {"test": Folders("imgs/pascal", "masks/pascal")},
    "hku-is": {"test": Folders("imgs", "gt")},
    "dut-omron": {"test": Folders("DUT-OMRON-image", "pixelwiseGT-new-PNG")},
    "duts": {
        "train": Folders("DUTS-TR-Image", "DUTS-TR-Mask"),
        "test": Folders("DUTS-TE-Image", "DUTS-TE-Mask"),
    },
}
"""Dataset to split to folders, as in the official archives."""

STRAY = frozenset({"mILSVRC2012_test_00036002", "msun_bcogaqperiljqupq"})
"""Stems of masks in old copies of DUTS-TE that have no photograph."""

TWICE = frozenset({"ILSVRC2014_train_00023530", "n01532829_13482", "n04442312_17818"})
"""Stems of masks in old copies of DUTS-TR that are there as .png and as .jpg; the .jpg is the right one."""

HELD_OUT = {"ecssd": 0.3}
"""Share of the pictures of a set without training pictures that stay a test set where the others are trained on."""


@dataclass(frozen=True)
class Pair:
    """A photograph and its mask.

    Attributes:
        stem: File name of both without suffix.
        image: The photograph's name in its archive.
        mask: The mask's.
    """

    stem: str
    image: str
    mask: str


class Source:
    """The archives of a dataset, and what in them belongs together.

    Args:
        name: Dataset in the catalogue.
        files: Its parts' paths.
        subset: File names of the photographs to keep; None for all.

    Raises:
        InputError: An archive cannot be read, or photographs and masks do not fit each other.
    """

    def __init__(self, name: str, files: Sequence[Path], subset: Sequence[str] | None = None) -> None:
        self.name, self.files = name, list(files)
        for path in self.files:
            _refuse_rar(path)
        self.archives = [Archive(path, limits(name)) for path in self.files]
        names = [member for archive in self.archives for member in _names(archive)]
        self.splits: dict[str, list[Pair]] = {}
        for split, folders in LAYOUTS[name].items():
            pairs = self._paired(folders, [member for member in names if _is_picture(member)], subset)
            if pairs:
                self.splits[split] = pairs
        if not self.splits:
            wanted = " or ".join(folders.images for folders in LAYOUTS[name].values())
            raise InputError(f"{self._told} has no photographs in a folder {wanted}: check that it is {name}")

    @property
    def _told(self) -> str:
        return ", ".join(str(path) for path in self.files)

    def contents(self, names: set[str]) -> Iterator[tuple[str, bytes]]:
        """Yield name and bytes of members.

        Args:
            names: Names of the members that are wanted.
        """
        for archive in self.archives:
            yield from archive.members(lambda name: name in names)

    def _paired(self, folders: Folders, names: list[str], subset: Sequence[str] | None) -> list[Pair]:
        images = self._by_stem([name for name in names if _in(name, folders.images)], "photographs")
        masks = self._by_stem([name for name in names if _in(name, folders.masks)], "masks")
        if subset is not None:
            kept = {PurePosixPath(name).stem for name in subset}
            images = {stem: name for stem, name in images.items() if stem in kept}
            masks = {stem: name for stem, name in masks.items() if stem in kept}
        alone = sorted(masks.keys() - images.keys() - STRAY)
        if alone:
            self._refuse(f"{masks[alone[0]]} is a mask without a photograph in {folders.images}", alone)
        bare = sorted(images.keys() - masks.keys())
        if bare:
            self._refuse(f"{images[bare[0]]} is a photograph without a mask in {folders.masks}", bare)
        return [Pair(stem, images[stem], masks[stem]) for stem in sorted(images)]

    def _by_stem(self, names: list[str], kind: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in sorted(names):  # .jpg comes before .png
            stem = PurePosixPath(name).stem
            if stem not in found:
                found[stem] = name
            elif kind != "masks" or stem not in TWICE:
                raise InputError(f"{self._told} has two {kind} called {stem} ({found[stem]}, {name}): remove one")
        return found

    def _refuse(self, problem: str, names: list[str]) -> None:
        others = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
        raise InputError(f"{self._told}: {problem}{others}: get the archives again, or name those to keep in `subset`")


def held_out(name: str, pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    """Divide the pictures of a test set that has no training pictures of its own, where there is a share for it.

    The order of the SHA-256 of the stems decides, so that the division depends on nothing else.

    Args:
        name: Dataset in the catalogue.
        pairs: Its test pictures.

    Returns:
        `train` and `test`, or `test` alone.
    """
    if name not in HELD_OUT:
        return {"test": list(pairs)}
    ordered = sorted(pairs, key=lambda pair: hashlib.sha256(pair.stem.encode()).hexdigest())
    count = max(1, round(HELD_OUT[name] * len(ordered)))
    parts: Mapping[str, list[Pair]] = {"train": ordered[count:], "test": ordered[:count]}
    return {split: sorted(kept, key=lambda pair: pair.stem) for split, kept in parts.items() if kept}


def _names(archive: Archive) -> list[str]:
    names: list[str] = []

    def note(name: str) -> bool:
        names.append(name)
        return False

    for _ in archive.members(note):
        pass
    return names


def _is_picture(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and "__MACOSX" not in path.parts


def _in(name: str, folder: str) -> bool:
    return f"/{name.rpartition('/')[0]}".endswith(f"/{folder}")


def _refuse_rar(path: Path) -> None:
    if path.is_file():
        with path.open("rb") as stream:
            if stream.read(4) == b"Rar!":
                raise InputError(
                    f"{path} is a .rar archive, which lbrn does not unpack: unpack it with `unrar x {path.name}` and "
                    "give the folder as source"
                )
