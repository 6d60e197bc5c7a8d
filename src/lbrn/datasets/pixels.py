"""The pixel file of a split: patches appended one after another to a flat .npy file of bytes."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lbrn.datasets.patches import Patch, crop_pixels
from lbrn.datasets.people import People

_PLACES = ("offset", "shape", "origin", "zoom", "centre", "scale")
"""What is filled in of the people while their patches are cut."""


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
    """Appends patches to a pixel file and remembers in the people where each went; `begin` or `restore` comes first.

    Args:
        path: The .npy file to write; one that is there already is kept until `begin`.
        people: Whose patches will come, in any order; their places are filled in.
    """

    def __init__(self, path: Path, people: People) -> None:
        self.people = people
        self._means = np.full((len(people), 3), np.nan)
        self._size = 0
        self._sha256 = hashlib.sha256()
        path.touch()
        self._stream = path.open("r+b")

    def begin(self) -> None:
        """Begin with no patches."""
        self._stream.truncate(0)
        self._header()

    def state(self) -> dict[str, Any]:
        """Say what was appended so far, and have it on the disk; `restore` goes on from there."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        places = {name: getattr(self.people, name) for name in _PLACES}
        return {"size": self._size, "sha256": self._sha256.hexdigest(), "means": self._means, **places}

    def fits(self, state: Mapping[str, NDArray[Any]]) -> bool:
        """Tell whether the file holds the patches of a state, unspoilt.

        Args:
            state: What `state` returned, as it was read from a file.
        """
        if not state or state["means"].shape != self._means.shape:
            return False
        self._header()
        return self._read(int(state["size"])).hexdigest() == str(state["sha256"])

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on after the patches of a state, which fits.

        Args:
            state: What `state` returned, as it was read from a file.
        """
        self._header()
        self._size, self._means = int(state["size"]), state["means"]
        self._sha256 = self._read(self._size)
        self._stream.truncate()
        for name in _PLACES:
            getattr(self.people, name)[:] = state[name]

    def _read(self, size: int) -> "hashlib._Hash":
        """Hash the next bytes of the file, as many as there are; the file stays behind them."""
        total, left = hashlib.sha256(), size
        while left and (chunk := self._stream.read(min(left, 2**22))):
            total.update(chunk)
            left -= len(chunk)
        return total

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
