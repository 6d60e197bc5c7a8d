"""A second, plain reader of the official layouts, for checking what the stand-in wrote; shares nothing with lbrn."""

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import scipy.io
from PIL import Image


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def size(content: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "JPEG" and image.mode == "RGB"
        image.load()
        return image.size


def mat(content: bytes, name: str, squeeze: bool = True):
    return scipy.io.loadmat(io.BytesIO(content), squeeze_me=squeeze, struct_as_record=False)[name]


def mpii(path: Path) -> tuple[list[dict], list[tuple[str, int]]]:
    """One dict a picture (name, img_train, single, people) and the validation list."""
    files = members(path)
    release = mat(files["mpii_human_pose_v1_u12_2/mpii_human_pose_v1_u12_1.mat"], "RELEASE")
    rows = []
    for entry, train, single in zip(release.annolist, release.img_train, release.single_person, strict=True):
        people = [_person(rectangle) for rectangle in np.atleast_1d(entry.annorect)]
        rows.append({"name": entry.image.name, "train": train, "single": np.ravel(single).tolist(), "people": people})
    text = files["mpii_human_pose_v1_u12_2/valid.csv"].decode()
    return rows, [(row["image"], int(row["person"])) for row in csv.DictReader(io.StringIO(text))]


def _person(rectangle) -> dict:
    points = np.atleast_1d(rectangle.annopoints.point) if hasattr(rectangle.annopoints, "point") else []
    return {
        "head": np.array([rectangle.x1, rectangle.y1, rectangle.x2, rectangle.y2], dtype=float),
        "scale": float(rectangle.scale),
        "objpos": np.array([rectangle.objpos.x, rectangle.objpos.y], dtype=float),
        "points": {int(p.id): (float(p.x), float(p.y), p.is_visible) for p in points},
    }
