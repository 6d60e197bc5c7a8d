"""`People`: annotated persons as a table of arrays, the one form every pose dataset is turned into."""

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lbrn.errors import InputError
from lbrn.files import atomic_path

JOINT_NAMES = (
    "r_ankle", "r_knee", "r_hip", "l_hip", "l_knee", "l_ankle", "pelvis", "thorax",
    "upper_neck", "head_top", "r_wrist", "r_elbow", "r_shoulder", "l_shoulder", "l_elbow", "l_wrist",
)  # fmt: skip
"""The 16 joints of MPII in its own order; left and right are the person's, not the viewer's."""

N_JOINTS = len(JOINT_NAMES)


@dataclass(frozen=True)
class People:
    """N annotated persons; every coordinate is (x, y) in pixels of the original image, 0-based at pixel centres.

    The first seven fields are the annotation. The last four say where the person's prepared patch lies in the flat
    pixel array and in the original image; they are 0 (and `zoom` is 1) until `prepare` has cut the patches.

    Attributes:
        image: (N,) file name of the image, without folder.
        person: (N,) 0-based number of the person's rectangle in its image.
        joints: (N, 16, 2) joints in the order of `JOINT_NAMES`; NaN where a joint is not labelled.
        visible: (N, 16) labelled and not occluded.
        centre: (N, 2) centre of the square crop; the dataset's own shifts are already applied.
        scale: (N,) size of the person / 200 pixels: the crop is a square of side 200 * scale.
        head: (N,) reference head size in pixels for PCKh; NaN where the dataset gives none.
        offset: (N,) index of the patch's first byte in the flat pixel array.
        shape: (N, 2) height and width of the patch in patch pixels; three bytes (RGB) each.
        origin: (N, 2) original-image position of the centre of the patch's top left pixel.
        zoom: (N,) original pixels per patch pixel, >= 1; so original = origin + zoom * patch_position.
    """

    image: NDArray[np.str_]
    person: NDArray[np.int64]
    joints: NDArray[np.float64]
    visible: NDArray[np.bool_]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    head: NDArray[np.float64]
    offset: NDArray[np.int64]
    shape: NDArray[np.int64]
    origin: NDArray[np.float64]
    zoom: NDArray[np.float64]

    def __post_init__(self) -> None:
        n = len(self.image)
        for name, (_, tail) in _LAYOUT.items():
            if getattr(self, name).shape != (n, *tail):
                raise InputError(f"People.{name} has shape {getattr(self, name).shape}, must be {(n, *tail)}")

    def __len__(self) -> int:
        return len(self.image)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(N, 16) whether a joint is annotated, occluded or not."""
        return np.logical_not(np.isnan(self.joints).any(axis=2))

    @classmethod
    def annotated(
        cls,
        image: ArrayLike,
        person: ArrayLike,
        joints: ArrayLike,
        visible: ArrayLike,
        centre: ArrayLike,
        scale: ArrayLike,
        head: ArrayLike,
    ) -> Self:
        """Make people that have an annotation but no patches yet; the arguments are the attributes of that name."""
        n = len(np.asarray(image))
        values: dict[str, ArrayLike] = {
            "image": image, "person": person, "joints": joints, "visible": visible,
            "centre": centre, "scale": scale, "head": head,
            "offset": np.zeros(n), "shape": np.zeros((n, 2)), "origin": np.zeros((n, 2)), "zoom": np.ones(n),
        }  # fmt: skip
        return cls(**{name: _array(name, value, n) for name, value in values.items()})

    def take(self, indices: ArrayLike) -> Self:
        """Return the people at `indices` (integers, or booleans of length N), in that order.

        Args:
            indices: Rows in the wanted order, or one truth value for each person.
        """
        chosen = np.asarray(indices)
        chosen = chosen if chosen.size else chosen.astype(np.int64)
        return replace(self, **{name: getattr(self, name)[chosen] for name in _LAYOUT})

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Join several tables one after another; patch offsets are kept as they are.

        Args:
            parts: Tables of people, at least one.

        Raises:
            InputError: There is no part.
        """
        if not parts:
            raise InputError("cannot concatenate no people at all")
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in _LAYOUT})

    def patch(self, pixels: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        """Return one person's patch as a (height, width, 3) RGB view of the flat pixel array.

        Args:
            pixels: All patches of the split one after another, as `PatchWriter` wrote them.
            index: Row of the person.
        """
        height, width = (int(edge) for edge in self.shape[index])
        start = int(self.offset[index])
        return pixels[start : start + height * width * 3].reshape(height, width, 3)

    def save(self, path: Path) -> None:
        """Write all arrays to an .npz file, atomically; equal people give equal bytes.

        Raises:
            OSError: The disk is full or not writable; no file stays.
        """
        with atomic_path(path) as temporary:
            np.savez(temporary, allow_pickle=False, **{name: getattr(self, name) for name in _LAYOUT})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read people that `save` wrote.

        Args:
            path: An .npz file.

        Raises:
            InputError: The file is not a table of people.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(**{name: arrays[name] for name in _LAYOUT})
        except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{path} is not a table of people written by lbrn ({error}): prepare it again") from error

    def digest(self) -> str:
        """Return the SHA-256 of all arrays (names, types, shapes, values) in hexadecimal."""
        total = hashlib.sha256()
        for name in _LAYOUT:
            array = np.ascontiguousarray(getattr(self, name))
            total.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            total.update(array.tobytes())
        return total.hexdigest()


_LAYOUT: dict[str, tuple[Any, tuple[int, ...]]] = {
    "image": (np.str_, ()),
    "person": (np.int64, ()),
    "joints": (np.float64, (N_JOINTS, 2)),
    "visible": (np.bool_, (N_JOINTS,)),
    "centre": (np.float64, (2,)),
    "scale": (np.float64, ()),
    "head": (np.float64, ()),
    "offset": (np.int64, ()),
    "shape": (np.int64, (2,)),
    "origin": (np.float64, (2,)),
    "zoom": (np.float64, ()),
}


def _array(name: str, value: ArrayLike, n: int) -> NDArray[Any]:
    kind, tail = _LAYOUT[name]
    array = np.array(value, dtype=kind)
    return array.reshape(0, *tail) if n == 0 else array
