"""Predictions from files, ours or those of other projects: .npz, .npy, .mat (any version), .h5."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lbrn.errors import InputError
from lbrn.metrics.definitions import JOINTS

LSP_JOINTS = (0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 8, 9)
"""The 14 joints of LSP, in LSP's order, as indices into MPII's 16."""

LAYOUTS = ("person joint axis", "joint axis person", "axis joint person", "person axis joint")
"""Orders of axes that occur: Python's, MATLAB's, and what HDF5 makes of MATLAB's; tried in this order."""


class Identified(Protocol):
    """Who was predicted: the file name of the image and the index of the person in it, (N,) each."""

    @property
    def image(self) -> NDArray[Any]:
        """(N,) file names."""

    @property
    def person(self) -> NDArray[Any]:
        """(N,) 0-based rectangle index."""


@dataclass(frozen=True)
class Predictions:
    """Predicted joints, in the order of the dataset's people.

    Attributes:
        joints: (N, 16, 2) pixels of the original images, 0-based, in MPII's order.
        score: (N, 16) confidence, or None where the file holds none.
        variable: Name of the array that was read.
        layout: How its axes were read.
        about: Scalars stored beside it (dataset, digests), as text.
    """

    joints: NDArray[np.float64]
    score: NDArray[np.float64] | None
    variable: str
    layout: str
    about: Mapping[str, str]


def read_predictions(
    path: Path, people: Identified, dataset: str, *, name: str | None = None, one_based: bool = False
) -> Predictions:
    """Read joints in image pixels from a prediction file.

    An array with 16 joints is read in MPII's order, one with 14 (LSP only) in LSP's order; a third number per joint is
    its score. A file that carries `image` and `person` (as ours do) is put into the order of `people`; any other must
    hold the same people in the same order.

    Args:
        path: .npz, .npy, .mat or .h5 file.
        people: The people of the dataset's test split.
        dataset: ``mpii`` or ``lsp``.
        name: The array to read; needed only where several fit.
        one_based: The file counts pixels from 1, as MATLAB does.

    Returns:
        The predictions in the order of `people`, 0-based.

    Raises:
        InputError: The file cannot be read, no array or more than one fits, or its people are not the dataset's.
    """
    arrays = _read(Path(path))
    identified = "image" in arrays and "person" in arrays
    count = len(arrays["image"]) if identified else len(people.image)
    variable = _choose(Path(path), arrays, count, dataset, name)
    layout, values = _ordered(arrays[variable], count, dataset)
    about = {key: str(array) for key, array in arrays.items() if array.ndim == 0}
    _check_dataset(Path(path), about, dataset)
    joints, score = _sixteen(values)
    score = arrays["score"].astype(np.float64) if score is None and "score" in arrays else score
    if identified:
        order = _alignment(Path(path), arrays, people)
        joints, score = joints[order], None if score is None else score[order]
    return Predictions(joints - 1.0 if one_based else joints, score, variable, layout, about)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    readers = {".npz": _read_npz, ".npy": _read_npy, ".mat": _read_mat, ".h5": _read_hdf5, ".hdf5": _read_hdf5}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path}: predictions are read from {', '.join(readers)}, not from {path.suffix or 'this'!r}")
    if not path.is_file():
        raise InputError(f"{path}: there is no such prediction file")
    try:
        return readers[path.suffix.lower()](path)
    except Exception as error:  # the parsers of four formats raise whatever they like on damaged bytes
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path} cannot be read as {path.suffix}: {reason}") from error


def _read_npz(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def _read_npy(path: Path) -> dict[str, NDArray[Any]]:
    return {path.stem: np.load(path, allow_pickle=False)}


def _read_mat(path: Path) -> dict[str, NDArray[Any]]:
    from scipy.io import loadmat

    try:
        content = loadmat(path)
    except NotImplementedError:  # MATLAB 7.3 files are HDF5
        return _read_hdf5(path)
    return {key: value for key, value in content.items() if isinstance(value, np.ndarray)}


def _read_hdf5(path: Path) -> dict[str, NDArray[Any]]:
    import h5py

    arrays: dict[str, NDArray[Any]] = {}

    def collect(key: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiub":
            arrays[key] = item[()] if item.ndim else np.array(item[()])

    with h5py.File(path, "r") as archive:
        archive.visititems(collect)
    return arrays


def _choose(path: Path, arrays: dict[str, NDArray[Any]], count: int, dataset: str, name: str | None) -> str:
    listing = ", ".join(f"{key} {array.shape}" for key, array in arrays.items()) or "no array"
    joints = "16 or 14" if dataset == "lsp" else "16"
    wanted = f"({count}, {joints}, 2 or 3)"
    if name is not None:
        if name not in arrays:
            raise InputError(f"{path} has no array {name!r}; it holds {listing}")
        candidates = [name]
    else:
        candidates = [key for key, array in arrays.items() if _layouts(array, None, dataset)]
    fitting = [key for key in candidates if _layouts(arrays[key], count, dataset)]
    if len(fitting) == 1:
        return fitting[0]
    if len(fitting) > 1:
        raise InputError(f"{path}: several arrays could be the joints; name one ({', '.join(fitting)}) with --name")
    people = {found for key in candidates for _, found in _layouts(arrays[key], None, dataset)}
    if people:
        held = " or ".join(str(number) for number in sorted(people))
        raise InputError(f"{path} holds predictions of {held} people, but the test split of {dataset} has {count}")
    raise InputError(f"{path}: no array has the shape {wanted} of joints in image pixels; it holds {listing}")


def _layouts(array: NDArray[Any], count: int | None, dataset: str) -> list[tuple[str, int]]:
    """Every reading (layout, people) of an array's shape; of `count` people where given."""
    if array.ndim != 3 or array.dtype.kind not in "fiu":
        return []
    joints = (16, 14) if dataset == "lsp" else (16,)
    found = []
    for layout in LAYOUTS:
        size = dict(zip(layout.split(), array.shape, strict=True))
        if size["joint"] in joints and size["axis"] in (2, 3) and count in (None, size["person"]):
            found.append((layout, size["person"]))
    return found


def _ordered(array: NDArray[Any], count: int, dataset: str) -> tuple[str, NDArray[np.float64]]:
    layout = _layouts(array, count, dataset)[0][0]
    names = layout.split()
    axes = [names.index(axis) for axis in ("person", "joint", "axis")]
    return layout, array.transpose(axes).astype(np.float64)


def _sixteen(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Joints (N, 16, 2) and scores; LSP's 14 get pelvis and thorax as the middles of hips and shoulders."""
    if values.shape[1] == len(LSP_JOINTS):
        full = np.full((len(values), len(JOINTS), values.shape[2]), np.nan)
        full[:, LSP_JOINTS] = values
        full[:, 6] = full[:, [2, 3]].mean(axis=1)
        full[:, 7] = full[:, [12, 13]].mean(axis=1)
        values = full
    return values[..., :2].copy(), values[..., 2].copy() if values.shape[2] == 3 else None


def _check_dataset(path: Path, about: Mapping[str, str], dataset: str) -> None:
    made_on = about.get("dataset", dataset)
    if made_on != dataset:
        raise InputError(f"{path} holds predictions on {made_on}, not on {dataset}: score it with --dataset {made_on}")


def _alignment(path: Path, arrays: dict[str, NDArray[Any]], people: Identified) -> list[int]:
    """Where in the file each of `people` is."""
    held = list(zip(arrays["image"].tolist(), arrays["person"].tolist(), strict=True))
    position = {key: index for index, key in enumerate(held)}
    if len(position) != len(held):
        raise InputError(f"{path} predicts a person twice; every image and person must occur once")
    wanted = list(zip(people.image.tolist(), people.person.tolist(), strict=True))
    absent = [key for key in wanted if key not in position]
    if absent or len(held) != len(wanted):
        example = f", for example image {absent[0][0]}, person {absent[0][1]}" if absent else ""
        raise InputError(
            f"{path} holds {len(held)} predictions and {len(wanted)} are asked for; {len(absent)} of those are not in "
            f"it{example}: it was made on other data"
        )
    return [position[key] for key in wanted]
