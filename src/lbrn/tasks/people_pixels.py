"""Prepared people with their pixels: several datasets as one, memory-mapped."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lbrn.datasets.people import People
from lbrn.datasets.prepare import load_split
from lbrn.files import read_json


@dataclass(frozen=True)
class PeoplePixels:
    """People of one or more prepared datasets.

    Attributes:
        people: All people, one dataset after the other.
        part: (N,) which dataset each is from.
        pixels: Each dataset's flat pixels, memory-mapped.
        digest: Digest of the prepared data, of all datasets joined by "+".
    """

    people: People
    part: NDArray[np.int64]
    pixels: tuple[NDArray[np.uint8], ...]
    digest: str

    def patch(self, index: int) -> NDArray[np.uint8]:
        """The stored picture around one person, (H, W, 3)."""
        return self.people.patch(self.pixels[self.part[index]], index)

    def to_patch(self, index: int, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn a (2, 3) map into original pixels into one into the person's patch pixels."""
        zoom = float(self.people.zoom[index])
        moved: NDArray[np.float64] = matrix / zoom
        moved[:, 2] = (matrix[:, 2] - self.people.origin[index]) / zoom
        return moved


def load(folders: Sequence[Path], split: str) -> PeoplePixels:
    """Load one split of prepared datasets as one.

    Args:
        folders: Prepared folders.
        split: "train" or "test".
    """
    loaded = [load_split(folder, split) for folder in folders]
    part = np.repeat(np.arange(len(loaded)), [len(people) for people, _ in loaded])
    people = People.concatenate([people for people, _ in loaded])
    digest = "+".join(read_json(folder / "info.json")["digest"] for folder in folders)
    return PeoplePixels(people, part, tuple(pixels for _, pixels in loaded), digest)
