"""The stand-ins on disk: the official archives' names, folders, variables and conventions."""

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lbrn.datasets.standin import skeleton as sk
from lbrn.datasets.standin.difficulty import Difficulty
from lbrn.datasets.standin.matlab import cell_column, empty, mat_bytes, scalar, struct, struct_row
from lbrn.datasets.standin.scene import Rectangle, Scene, Style, draw_scene, generator
from lbrn.files import atomic_path

Progress = Callable[[int, int], None]

# LSP's 14 joints in its order, as MPII indices.
LSP_JOINTS = (
    sk.R_ANKLE, sk.R_KNEE, sk.R_HIP, sk.L_HIP, sk.L_KNEE, sk.L_ANKLE, sk.R_WRIST, sk.R_ELBOW, sk.R_SHOULDER,
    sk.L_SHOULDER, sk.L_ELBOW, sk.L_WRIST, sk.NECK, sk.HEAD_TOP,
)  # fmt: skip

# The order in which MPII's release lists a person's points.
_MPII_ORDER = (6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15)
_JPEG_QUALITY = 90
_NOTICE = """This is a stand-in for the {name} data set, not the data set itself.

Every picture was drawn by lbrn (generator version {version}, seed {seed}): articulated figures over pieces of the
pictures that scikit-image distributes. The files are laid out as in the official archives, so the same reader reads
both. Numbers obtained on it say nothing about people on photographs.
"""


class Archive:
    """A zip archive under construction: stored, not deflated, without times, so equal content gives equal bytes."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def add(self, name: str, content: bytes) -> None:
        """Add one member."""
        self._zip.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)


def notice(name: str, version: int, seed: int) -> bytes:
    """Return the README.txt that tells a stand-in from the data set."""
    return _NOTICE.format(name=name.upper(), version=version, seed=seed).encode()


def write_mpii(folder: Path, scenes: Iterator[Scene], train: int, text: bytes) -> list[Path]:
    """Write MPII's two archives: pictures, and the annotation release with the validation list beside it.

    Args:
        folder: Where to put `mpii_human_pose_v1.zip` and `mpii_human_pose_v1_u12_2.zip`.
        scenes: The pictures, training ones first.
        train: Number of training pictures; all others go on the list `valid.csv`.
        text: The README.txt.

    Returns:
        The two paths.
    """
    pictures, labels = folder / "mpii_human_pose_v1.zip", folder / "mpii_human_pose_v1_u12_2.zip"
    entries: list[dict[str, Any]] = []
    valid = ["image,person"]
    with atomic_path(pictures) as path, Archive(path) as archive:
        archive.add("README.txt", text)
        for index, scene in enumerate(scenes):
            name = f"{index + 1:09d}.jpg"
            archive.add(f"images/{name}", jpeg(scene))
            person = labelled_rectangle(index, scene)
            entries.append(mpii_entry(name, scene, person, text_flags=index % 16 == 5))
            if index >= train:
                valid.append(f"{name},{person}")
    with atomic_path(labels) as path, Archive(path) as archive:
        top = "mpii_human_pose_v1_u12_2"
        archive.add(f"{top}/README.txt", text)
        archive.add(f"{top}/mpii_human_pose_v1_u12_1.mat", mat_bytes({"RELEASE": _release(entries)}))
        archive.add(f"{top}/valid.csv", ("\n".join(valid) + "\n").encode())
    return [pictures, labels]


def labelled_rectangle(index: int, scene: Scene) -> int:
    """Return the 0-based rectangle of the labelled person: with a second person it is the first or the second."""
    return index % 2 if scene.distractor else 0


def mpii_entry(name: str, scene: Scene, person: int, text_flags: bool) -> dict[str, Any]:
    """Return one picture's part of the release.

    Args:
        name: File name of the picture.
        scene: The truth.
        person: 0-based rectangle of the labelled person.
        text_flags: Write `is_visible` as the text '0' or '1', as some entries of the real file have it.

    Returns:
        `annolist` (a struct row's fields) and `single` (1-based rectangles of people who stand alone).
    """
    rectangles = [{**_rectangle(scene.rectangle), "annopoints": struct(point=_points(scene, text_flags))}]
    if scene.distractor:
        rectangles.insert(1 - person, {**_rectangle(scene.distractor), "annopoints": empty()})
    annotation = {
        "image": struct(name=name),
        "annorect": struct_row(rectangles),
        "frame_sec": empty(),
        "vididx": empty(),
    }
    return {"annolist": annotation, "single": scalar(1, np.uint8) if len(rectangles) == 1 else empty()}


def write_lsp(folder: Path, scenes: Iterator[Scene], text: bytes) -> list[Path]:
    """Write `lsp_dataset.zip`: joints (3, 14, N), third row 1 = hidden.

    Args:
        folder: Where to put it.
        scenes: The pictures, training ones first.
        text: The README.txt.

    Returns:
        The one path.
    """
    labels = []
    target = folder / "lsp_dataset.zip"
    with atomic_path(target) as path, Archive(path) as archive:
        archive.add("README.txt", text)
        for index, scene in enumerate(scenes):
            archive.add(f"images/im{index + 1:04d}.jpg", jpeg(scene))
            hidden = ~scene.visible[list(LSP_JOINTS)]
            labels.append(np.column_stack((_lsp_points(scene), hidden)).T)
        archive.add("joints.mat", mat_bytes({"joints": np.stack(labels, axis=2)}))
    return [target]


def write_lspet(folder: Path, scenes: Iterator[Scene], seed: int, text: bytes) -> list[Path]:
    """Write `lspet_dataset.zip`: joints (14, 3, N), third column 1 = annotated; the others hold garbage.

    Args:
        folder: Where to put it.
        scenes: The pictures.
        seed: Seed of the stand-in, from which the missing annotations are drawn.
        text: The README.txt.

    Returns:
        The one path.
    """
    labels = []
    target = folder / "lspet_dataset.zip"
    with atomic_path(target) as path, Archive(path) as archive:
        archive.add("README.txt", text)
        for index, scene in enumerate(scenes):
            archive.add(f"images/im{index + 1:05d}.jpg", jpeg(scene))
            labels.append(lspet_labels(scene, generator(seed, "lspet labels", index)))
        archive.add("joints.mat", mat_bytes({"joints": np.stack(labels, axis=2)}))
    return [target]


def lspet_labels(scene: Scene, rng: np.random.Generator) -> sk.Floats:
    """Return one picture's (14, 3) annotation: most hidden joints and a few others are missing.

    Args:
        scene: The truth.
        rng: Decides what the annotators left out.
    """
    missing = rng.random(14) < np.where(scene.visible[list(LSP_JOINTS)], 0.03, 0.6)
    garbage = np.where(rng.random((14, 1)) < 0.3, 0.0, rng.uniform(-40, 0, (14, 2)))
    points = np.where(missing[:, None], garbage, _lsp_points(scene))
    return np.column_stack((points, ~missing))


def jpeg(scene: Scene) -> bytes:
    """Return the picture as a JPEG file."""
    stream = io.BytesIO()
    scene.image.save(stream, "JPEG", quality=_JPEG_QUALITY)
    return stream.getvalue()


def draw_scenes(
    name: Style, count: int, seed: int, difficulty: Difficulty, progress: Progress | None
) -> Iterator[Scene]:
    """Yield the pictures of a data set in order.

    Args:
        name: Which data set.
        count: How many.
        seed: Seed of the stand-in.
        difficulty: How hard.
        progress: Called with (done, count) after each.
    """
    for index in range(count):
        yield draw_scene(generator(seed, name, index), name, difficulty)
        if progress:
            progress(index + 1, count)


def _lsp_points(scene: Scene) -> sk.Floats:
    # 1-based, fractional, and so fine that the stored numbers read well.
    return np.asarray(np.round(scene.joints[list(LSP_JOINTS)] + 1, 3))


def _release(entries: list[dict[str, Any]]) -> np.ndarray:
    count = len(entries)
    act = np.empty((count, 1), dtype=[("cat_name", object), ("act_name", object), ("act_id", object)])
    act[:, 0] = [(empty(), empty(), scalar(-1, np.int16))] * count
    return struct(
        annolist=struct_row([entry["annolist"] for entry in entries]),
        img_train=np.ones((1, count), dtype=np.uint8),
        version="lbrn pose stand-in",
        single_person=cell_column([entry["single"] for entry in entries]),
        act=act,
        video_list=cell_column(["drawn"]),
    )


def _rectangle(rectangle: Rectangle) -> dict[str, Any]:
    corners = [scalar(round(value), np.int32) for value in rectangle.head + 1]
    x, y = (scalar(round(value), np.int32) for value in rectangle.centre + 1)
    # The scale follows the box as stored, so that 25 * scale = 0.6 * diagonal holds in the file as in MPII.
    diagonal = float(np.hypot(corners[2] - corners[0], corners[3] - corners[1])[0, 0])
    fields = dict(zip(("x1", "y1", "x2", "y2"), corners, strict=True))
    return {**fields, "scale": 0.6 * diagonal / 25, "objpos": struct(x=x, y=y)}


def _points(scene: Scene, text_flags: bool) -> np.ndarray:
    rows = []
    for joint in _MPII_ORDER:
        if not scene.inside[joint]:
            continue
        x, y = scene.joints[joint] + 1
        flag: Any = scalar(scene.visible[joint], np.uint8)
        if text_flags:
            flag = str(int(scene.visible[joint]))
        if joint in (sk.NECK, sk.HEAD_TOP):
            # The two head joints come from the head's annotation: fractional, without a flag.
            rows.append({"x": round(x, 4), "y": round(y, 4), "id": scalar(joint, np.uint8), "is_visible": empty()})
        else:
            rows.append(
                {
                    "x": scalar(round(x), np.int32),
                    "y": scalar(round(y), np.int32),
                    "id": scalar(joint, np.uint8),
                    "is_visible": flag,
                }
            )
    return struct_row(rows)
