"""From archives of labelled pictures to arrays: what `lbrn.datasets.prepare` does for classification.

A prepared folder holds for each split `<split>.images.npy` and `<split>.npz` (an `Images`), and `info.json`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lbrn.datasets import imagenet
from lbrn.datasets.archive import Archive
from lbrn.datasets.catalog import limits
from lbrn.datasets.cifar import read_cifar
from lbrn.datasets.describe import terms
from lbrn.datasets.fetch import Progress, parts
from lbrn.datasets.images import Images, square
from lbrn.datasets.official import NOTE
from lbrn.datasets.sources import SUBSET, is_standin
from lbrn.errors import InputError
from lbrn.files import digest, read_json, sha256_file

CHUNK = 1000


def fill(folder: Path, spec: Mapping[str, Any], raw: Path, progress: Progress | None) -> dict[str, Any]:
    """Fill a prepared folder, all but `info.json`.

    Args:
        folder: Empty.
        spec: A data spec (`sources.data_spec`).
        raw: Folder of the raw bytes (`fetch.fetch`).
        progress: Called with the number of pictures done and of all pictures.

    Returns:
        The content of `info.json`.

    Raises:
        InputError: The archives cannot be used; the message names file and fix.
    """
    splits, classes = _read(spec, parts(raw), progress)
    for split, images in splits.items():
        images.save(folder, split)
    mean, spread = colours(splits["train"])
    told = {split: _summary(images, folder / f"{split}.images.npy", len(classes)) for split, images in splits.items()}
    return {
        "name": spec["name"],
        "identity": spec["identity"],
        "standin": is_standin(spec),
        "terms": terms(spec),
        "side": spec["side"],
        "version": spec["version"],
        "raw": {part: note["sha256"] for part, note in read_json(raw / NOTE)["parts"].items()},
        "classes": classes,
        "mean_rgb": mean,
        "std_rgb": spread,
        "splits": told,
        "digest": digest({"classes": classes, "splits": told}),
    }


def load_images(folder: Path, split: str) -> tuple[Images, dict[str, Any]]:
    """Open one split of a prepared dataset.

    Args:
        folder: What `prepare` returned.
        split: `train` or `test`.

    Returns:
        The pictures, memory-mapped, and the content of `info.json`.

    Raises:
        InputError: The dataset is not prepared.
    """
    if not (folder / "info.json").exists():
        raise InputError(f"{folder} is not a prepared dataset: run `lbrn data prepare` first")
    return Images.load(folder, split), read_json(folder / "info.json")


def colours(images: Images) -> tuple[list[float], list[float]]:
    """Mean of the channels, and the mean of the pictures' own standard deviations, as CIFAR's usual numbers are.

    Args:
        images: Pictures of any number.

    Returns:
        Red, green, blue of each, 0 .. 1.
    """
    means, spreads = [], []
    for start in range(0, len(images), CHUNK):
        part = images.pixels[start : start + CHUNK].reshape(-1, images.pixels.shape[1] ** 2, 3) / 255
        means.append(part.mean(1))
        spreads.append(part.std(1))
    return np.concatenate(means).mean(0).tolist(), np.concatenate(spreads).mean(0).tolist()


def _read(
    spec: Mapping[str, Any], files: Mapping[str, Path], progress: Progress | None
) -> tuple[dict[str, Images], list[str]]:
    name, side = spec["name"], int(spec["side"])
    if name == "imagenette":
        if "archive" in files:
            return imagenet.read_tree(Archive(files["archive"], limits(name)), side, progress)
        return imagenet.read_tars(files, limits(name), _class_list(files), side, progress)
    splits, classes = read_cifar(Archive(files["archive"], limits(name)), name)
    return {split: _sized(images, side) for split, images in splits.items()}, classes


def _sized(images: Images, side: int) -> Images:
    if images.pixels.shape[1] == side:
        return images
    return Images(np.stack([square(picture, side) for picture in images.pixels]), images.label, images.name)


def _class_list(files: Mapping[str, Path]) -> list[str]:
    if SUBSET not in files:
        raise InputError(
            f"{files['train']} has a thousand classes: name those wanted, one a line, in a text file, and give that as "
            f"`{SUBSET}` beside train, test and labels"
        )
    lines = files[SUBSET].read_text(encoding="utf-8").splitlines()
    wanted = [line.strip() for line in lines if line.strip()]
    if len(wanted) < 2 or len(set(wanted)) < len(wanted):
        raise InputError(f"{files[SUBSET]} must name at least two different classes, one a line; it has {len(wanted)}")
    return wanted


def _summary(images: Images, pixels: Path, classes: int) -> dict[str, Any]:
    return {
        "images": len(images),
        "per_class": np.bincount(images.label, minlength=classes).tolist(),
        "labels_digest": images.digest(),
        "pixels_sha256": sha256_file(pixels),
    }
