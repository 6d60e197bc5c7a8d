"""Sheets of poses: limbs in their colours, dots where something is annotated, nothing else."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageColor

from lbrn.datasets.people import JOINT_NAMES
from lbrn.tasks.drawing import LEFT, LIMBS, MIDDLE, RIGHT, pose_sheet

SIZE = 96
Sheet = Callable[..., NDArray[np.int64]]


@pytest.fixture
def sheet(tmp_path: Path) -> Sheet:
    """Draw people, all alike, and read the picture's colours."""

    def drawn(joints: NDArray[np.float64], truth: NDArray[np.float64], count: int = 1, ground: int | None = None):
        grounds = None if ground is None else [np.full((SIZE, SIZE, 3), ground, np.uint8)] * count
        people = [np.repeat(points[None], count, 0) for points in (joints, truth)]
        pose_sheet(tmp_path / "sheet.png", *people, grounds, SIZE, title="title")
        assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
        return np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB")).astype(int)

    return drawn


def places(picture: NDArray[np.int64], colour: str) -> NDArray[np.int64]:
    """Where a picture has exactly a colour: (n, 2) x, y."""
    return np.argwhere((picture == ImageColor.getrgb(colour)).all(-1))[:, ::-1]


def pose() -> NDArray[np.float64]:
    """The person's right side on the left of the picture, as one sees a person from the front."""
    points = np.full((16, 2), SIZE / 2)
    for joint, name in enumerate(JOINT_NAMES):
        points[joint, 0] += {"r_": -30, "l_": 30}.get(name[:2], 0)
        points[joint, 1] = 5 * joint + 8
    return points


NOTHING = np.full((16, 2), np.nan)


def test_limbs_have_the_colour_of_their_side(sheet: Sheet) -> None:
    picture = sheet(pose(), NOTHING)
    right, left, middle = (places(picture, colour) for colour in (RIGHT, LEFT, MIDDLE))
    assert min(len(right), len(left), len(middle)) > 20
    assert right[:, 0].max() <= middle[:, 0].mean() <= left[:, 0].min() + 2
    for start, end, colour in LIMBS:
        sides = {JOINT_NAMES[joint][:2] for joint in (start, end)} & {"r_", "l_"}
        assert sides == {RIGHT: {"r_"}, LEFT: {"l_"}, MIDDLE: set()}[colour]
    assert {joint for limb in LIMBS for joint in limb[:2]} == set(range(16))


def test_annotated_joints_are_dots(sheet: Sheet) -> None:
    one_joint = NOTHING.copy()
    one_joint[4] = [20, 20]
    without, with_dot = sheet(pose(), NOTHING), sheet(pose(), one_joint)
    changed = np.argwhere((without != with_dot).any(-1))
    assert 0 < len(changed) < 200
    assert np.ptp(changed, axis=0).max() < 15


def test_ground_is_the_crop_or_plain_grey(sheet: Sheet) -> None:
    plain, photograph = sheet(pose(), NOTHING), sheet(pose(), NOTHING, ground=77)  # the title has greys too
    assert len(places(plain, "#f5f5f5")) > 10_000 and len(places(plain, "#4d4d4d")) < 100
    assert len(places(photograph, "#4d4d4d")) > 10_000 and len(places(photograph, "#f5f5f5")) < 100


def test_rows_are_added_as_needed(sheet: Sheet) -> None:
    heights = {count: sheet(pose(), NOTHING, count).shape[0] for count in (1, 4, 5)}
    assert heights[1] == heights[4] < heights[5]
    assert len(places(sheet(pose(), NOTHING, 5), "#f5f5f5")) > 4.5 * 10_000
