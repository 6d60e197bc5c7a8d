"""The pixel file of a split: patches appended one after another to a flat .npy file of bytes."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lbrn.datasets.patches import Patch, crop_pixels
from lbrn.datasets.people import People


class Written(NamedTuple):
    """A split whose pixels are written.

    Attributes:
        people: With the places of their patches.
        pixels_sha256: SHA-256 of all pixels.
        crop_means: (N, 3) mean red, green, blue of each person's plain crop inside the image, 0..1; NaN if all outside.
    """

    people: People
    pixels_sha256: str
    crop_means: NDArray[np.float64]

    def without(self, absent: list[str]) -> "Written":
        """Drop the people in images that do not exist."""
        keep = ~np.isin(self.people.image, absent)
        return self._replace(people=self.people.take(keep), crop_means=self.crop_means[keep])


class PatchWriter:
    """Appends patches to a pixel file and remembers in the people where each went.

    Args:
        path: The .npy file to write.
        people: Whose patches will come, in any order; their places are filled in.
    """

    def __init__(self, path: Path, people: People) -> None:
        self.people = people
        self._means = np.full((len(people), 3), np.nan)
        self._size = 0
        self._sha256 = hashlib.sha256()
        self._stream = path.open("w+b")
        self._header()

    def add(self, row: int, patch: Patch) -> None:
        """Append the patch of the person in that row."""
        people, content = self.people, patch.pixels.tobytes()
        people.offset[row], people.shape[row] = self._size, patch.pixels.shape[:2]
        people.origin[row], people.zoom[row] = patch.origin, patch.zoom
        inside = crop_pixels(patch, people.centre[row], float(people.scale[row]))
        if inside.size:
            self._means[row] = inside.mean(axis=0) / 255
        self._stream.write(content)
        self._sha256.update(content)
        self._size += len(content)

    def finish(self) -> Written:
        """Complete the file."""
        self._header()  # now with the final length; numpy pads its header so that a longer number fits
        self.close()
        return Written(self.people, self._sha256.hexdigest(), self._means)

    def close(self) -> None:
        """Close the file, complete or not."""
        self._stream.close()

    def _header(self) -> None:
        self._stream.seek(0)
        form = {"descr": "|u1", "fortran_order": False, "shape": (self._size,)}
        np.lib.format.write_array_header_1_0(self._stream, form)  # type: ignore[no-untyped-call]
