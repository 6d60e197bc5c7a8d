"""`Scenes`: photographs with saliency masks, the one form every saliency dataset is turned into."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lbrn.errors import InputError

ABOVE = 128
"""A mask's grey levels above this are inside the object (graded masks: PASCAL-S; anti-aliased ones: DUTS)."""


@dataclass(frozen=True)
class Scenes:
    """N photographs and masks; the large arrays are memory-mapped.

    Attributes:
        images: (N, side, side, 3) RGB, squeezed into the square whatever their shape was.
        masks: (N, side, side) the same of the masks, grey at the edges.
        name: (N,) file name without suffix.
        size: (N, 2) height and width of the original photograph.
        truth: Flat original masks one after another, grey levels; None where the split is only trained on.
    """

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    name: NDArray[np.str_]
    size: NDArray[np.int64]
    truth: NDArray[np.uint8] | None

    def __len__(self) -> int:
        return len(self.name)

    def objects(self) -> Iterator[NDArray[np.bool_]]:
        """Yield the original masks (H, W), true inside the object.

        Raises:
            InputError: They were not kept.
        """
        if self.truth is None:
            raise InputError("the original masks of a training split are not kept: score on a test split")
        start = 0
        for height, width in self.size.tolist():
            yield self.truth[start : start + height * width].reshape(height, width) > ABOVE
            start += height * width


def load_scenes(folder: Path, split: str) -> Scenes:
    """Open one split of a prepared saliency dataset.

    Args:
        folder: The prepared folder.
        split: `train` or `test`.

    Raises:
        InputError: The dataset is not prepared, has no such split, or its files cannot be read.
    """
    if not (folder / "info.json").exists():
        raise InputError(f"{folder} is not a prepared dataset: run `lbrn data prepare` first")
    if not (folder / f"{split}.npz").exists():
        raise InputError(f"{folder} has no {split} split")
    try:
        with np.load(folder / f"{split}.npz", allow_pickle=False) as arrays:
            name, size = arrays["name"], arrays["size"]
        images, masks = (_mapped(folder / f"{split}.{kind}.npy") for kind in ("images", "masks"))
        truth = folder / f"{split}.truth.npy"
        return Scenes(images, masks, name, size, _mapped(truth) if truth.exists() else None)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder} cannot be read ({error}); remove it and prepare the dataset again") from error


def _mapped(path: Path) -> NDArray[np.uint8]:
    array: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array
