"""`Images`: labelled pictures of one size, the one form every classification dataset is turned into."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lbrn.errors import InputError

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Images:
    """N pictures with their classes.

    Attributes:
        pixels: (N, side, side, 3) RGB.
        label: (N,) class, from 0.
        name: (N,) what the dataset calls the picture; may repeat itself.
    """

    pixels: Pixels
    label: NDArray[np.int64]
    name: NDArray[np.str_]

    def __post_init__(self) -> None:
        """Check that the arrays belong together."""
        n = len(self.label)
        if self.pixels.ndim != 4 or self.pixels.shape[0] != n or self.pixels.shape[3] != 3 or len(self.name) != n:
            raise InputError(
                f"pictures of shape {self.pixels.shape}, {n} labels and {len(self.name)} names do not belong together"
            )

    def __len__(self) -> int:
        return len(self.label)

    def digest(self) -> str:
        """SHA-256 of labels and names, in hexadecimal."""
        names = "\0".join(self.name.tolist()).encode()
        return hashlib.sha256(np.ascontiguousarray(self.label, "<i8").tobytes() + names).hexdigest()

    def save(self, folder: Path, split: str) -> None:
        """Write `<split>.images.npy` and `<split>.npz` into a folder."""
        np.save(folder / f"{split}.images.npy", np.ascontiguousarray(self.pixels), allow_pickle=False)
        np.savez(folder / f"{split}.npz", allow_pickle=False, label=self.label, name=self.name)

    @classmethod
    def load(cls, folder: Path, split: str) -> "Images":
        """Open what `save` wrote, the pixels memory-mapped and read-only.

        Raises:
            InputError: The files cannot be read.
        """
        try:
            pixels = np.load(folder / f"{split}.images.npy", mmap_mode="r", allow_pickle=False)
            with np.load(folder / f"{split}.npz", allow_pickle=False) as arrays:
                return cls(pixels, arrays["label"], arrays["name"])
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{folder} cannot be read ({error}); remove it and prepare the dataset again") from error


def square(picture: Pixels, side: int) -> Pixels:
    """Cut the largest square from the middle of a picture and resize it.

    Args:
        picture: (H, W, 3).
        side: Pixels on either side of the result.

    Returns:
        (side, side, 3); the picture's own pixels where it has that size.
    """
    from PIL import Image

    height, width = picture.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    cut = np.ascontiguousarray(picture[top : top + short, left : left + short])
    if short == side:
        return cut
    # Pillow's filter widens when it shrinks, so that nothing is skipped.
    return np.asarray(Image.fromarray(cut).resize((side, side), Image.Resampling.BICUBIC))
