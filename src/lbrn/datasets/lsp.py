"""Leeds Sports Pose (LSP) and its extended training set (LSPET): `joints.mat` to `People`.

Both give 14 joints in the same order and 1-based coordinates, but differ in axes and in what the flag means:

* LSP: (3, 14, N), flag 1 = occluded; all joints are labelled. N = 2000: the first 1000 train, the rest test.
* LSPET: (14, 3, N), flag 1 = labelled; the coordinates of other joints are garbage. All train.

Crops. LSP gives neither box nor scale, so its crop comes from the image alone, for training and test alike:
centre (W/2, H/2), side `LSP_SIDE` * max(W, H). No ground truth enters the test crop. LSPET images show much more than
the person, so its crop (training only) comes from the labelled joints, sized to match what LSP's crops look like.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lbrn.datasets.matfile import load_mat
from lbrn.datasets.people import N_JOINTS, People
from lbrn.errors import InputError

LSP_SIDE = 1.0
"""Side of LSP's crop / longer image side: the smallest step of 0.05 that keeps 99.9 % of the joints of LSP's own 1000
training images inside the crop (0.95: 99.87 %, 1.0: 99.99 %); the joints' box then spans 0.68 of it (median)."""

LSPET_BOX_SIDE = 1.47
LSPET_TORSO_SIDE = 4.0
"""Side of LSPET's crop / longer side of the labelled joints' box, and / torso length (left shoulder to right hip): the
medians of the same ratios over LSP's training crops. The larger of both is taken: a box alone is too small for a person
curled up or with unlabelled limbs."""

TO_MPII = (0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 8, 9)
"""Place of each of LSP's 14 joints in the order of MPII."""

PELVIS, THORAX, NECK, HEAD_TOP = 6, 7, 8, 9
R_HIP, L_HIP, R_SHOULDER, L_SHOULDER = 2, 3, 12, 13

_N_LSP = 14


def read_lsp(content: bytes, n_train: int | None = None) -> dict[str, People]:
    """Parse LSP's joints.mat.

    Args:
        content: Bytes of joints.mat.
        n_train: How many of the first images train, the rest test; None for the official 1000 of 2000.

    Returns:
        `train` and `test`; centre and scale are NaN until `lsp_crop` has seen the image.

    Raises:
        InputError: The array has not LSP's layout, or not 2000 images and no `n_train`.
    """
    array = _array(content, "LSP", (3, _N_LSP, None))
    n = array.shape[2]
    if n_train is None:
        if n != 2000:
            raise InputError(f"joints.mat of LSP has {n} images, must have 2000: check that it is the official file")
        n_train = 1000
    occluded = _flags(array[2].T, "LSP")
    joints, visible = to_mpii(array[:2].transpose(2, 1, 0) - 1, ~occluded)
    unknown = np.full((n, 2), np.nan)
    people = _people(joints, visible, unknown, unknown[:, 0], "im{:04d}.jpg")
    return {"train": people.take(np.arange(n_train)), "test": people.take(np.arange(n_train, n))}


def lsp_crop(width: int, height: int) -> tuple[NDArray[np.float64], float]:
    """Return centre (x, y) and scale of LSP's crop for an image of that size in pixels.

    Args:
        width: Pixels.
        height: Pixels.
    """
    return np.array([(width - 1) / 2, (height - 1) / 2]), LSP_SIDE * max(width, height) / 200


def read_lspet(content: bytes) -> dict[str, People]:
    """Parse LSPET's joints.mat; all people are for training.

    Args:
        content: Bytes of joints.mat.

    Returns:
        `train` only; centre and scale come from the labelled joints.

    Raises:
        InputError: The array has not LSPET's layout, or a person has fewer than two labelled joints.
    """
    array = _array(content, "LSPET", (_N_LSP, 3, None))
    labelled = _flags(array[:, 2].T, "LSPET")
    coordinates = array[:, :2].transpose(2, 0, 1) - 1
    few = np.flatnonzero(labelled.sum(1) < 2)
    if few.size:
        raise InputError(f"image {few[0] + 1} of LSPET has fewer than 2 labelled joints: check joints.mat")
    joints, visible = to_mpii(np.where(labelled[..., None], coordinates, np.nan), labelled)
    centre, scale = lspet_crop(joints)
    return {"train": _people(joints, visible, centre, scale, "im{:05d}.jpg")}


def lspet_crop(joints: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return centre (N, 2) and scale (N,) of the training crop from joints (N, 16, 2) with NaN where unlabelled.

    Args:
        joints: 0-based pixels in MPII's order; at least two of a person are labelled.

    Returns:
        The middle of the box around the labelled joints, and the crop's side over 200: that which the box's longer side
        or the torso asks for, whichever is more; the torso counts where both its ends are labelled.
    """
    low, high = np.nanmin(joints, axis=1), np.nanmax(joints, axis=1)
    box = (high - low).max(axis=1)
    torso = np.linalg.norm(joints[:, L_SHOULDER] - joints[:, R_HIP], axis=1)
    side = np.fmax(LSPET_BOX_SIDE * box, LSPET_TORSO_SIDE * torso)
    return (low + high) / 2, side / 200


def to_mpii(
    coordinates: NDArray[np.float64], visible: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Put LSP's 14 joints into the order of MPII's 16.

    The pelvis becomes the middle of the hips and the thorax that of the shoulders, only where both are labelled.

    Args:
        coordinates: (N, 14, 2), NaN where unlabelled.
        visible: (N, 14) labelled and not occluded.

    Returns:
        joints (N, 16, 2) and visible (N, 16).
    """
    n = len(coordinates)
    joints, seen = np.full((n, N_JOINTS, 2), np.nan), np.zeros((n, N_JOINTS), bool)
    joints[:, TO_MPII], seen[:, TO_MPII] = coordinates, visible
    for middle, left, right in ((PELVIS, L_HIP, R_HIP), (THORAX, L_SHOULDER, R_SHOULDER)):
        joints[:, middle] = (joints[:, left] + joints[:, right]) / 2  # NaN unless both parents are labelled
        seen[:, middle] = seen[:, left] & seen[:, right]
    return joints, seen


def _people(
    joints: NDArray[np.float64],
    visible: NDArray[np.bool_],
    centre: NDArray[np.float64],
    scale: NDArray[np.float64],
    pattern: str,
) -> People:
    n = len(joints)
    head = np.linalg.norm(joints[:, HEAD_TOP] - joints[:, NECK], axis=1)
    names = [pattern.format(number + 1) for number in range(n)]
    return People.annotated(names, np.zeros(n), joints, visible, centre, scale, head)


def _array(content: bytes, name: str, shape: tuple[int | None, ...]) -> NDArray[np.float64]:
    array: Any = load_mat(content, f"joints.mat of {name}", "joints")
    fits = array.ndim == 3 and all(want in (None, have) for want, have in zip(shape, array.shape, strict=True))
    if not fits or array.dtype.kind not in "fiu":
        told = ", ".join("N" if edge is None else str(edge) for edge in shape)
        raise InputError(
            f"`joints` of {name} is {array.dtype} {array.shape}, must be numbers ({told}): "
            "LSP and LSPET swap the first two axes, check which archive this is"
        )
    numbers: NDArray[np.float64] = array.astype(np.float64)
    return numbers


def _flags(flags: NDArray[np.float64], name: str) -> NDArray[np.bool_]:
    if not np.isin(flags, (0, 1)).all():
        raise InputError(f"a flag in joints.mat of {name} is neither 0 nor 1: check that it is the official file")
    return flags.astype(bool)
