"""The RELEASE structure: every irregularity in a file made for it; the real annotation against exports."""

import io
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from lbrn.datasets.mpii import Rectangle, read_mpii, read_release
from lbrn.datasets.splits import parse_people_list, published_validation
from lbrn.errors import InputError
from oracles.releases import EMPTY, point, rectangle, release, struct_row, usual

REBUILT = "mpii/mpii_human_pose_v1_u12_2.rebuilt.zip"
MEMBER = "mpii_human_pose_v1_u12_2/mpii_human_pose_v1_u12_1.mat"


def only(rectangles: Any) -> Rectangle:
    found = list(read_release(release([("a.jpg", rectangles, 1)])))
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("extra", "visible"),
    [
        ({"is_visible": 1}, True),
        ({"is_visible": 0}, False),
        ({"is_visible": 0.0}, False),
        ({"is_visible": "1"}, True),
        ({"is_visible": "0"}, False),
        ({"is_visible": EMPTY}, True),
        ({}, True),
    ],
)
def test_visibility_in_all_its_spellings(extra: dict[str, Any], visible: bool) -> None:
    assert only([usual([point(9, 3.5, 4.0, **extra)])]).points == {9: (3.5, 4.0, visible)}


def test_points_may_be_lacking_in_every_way() -> None:
    assert only([rectangle(None, x1=1, y1=2, x2=3, y2=4)]).points == {}
    assert only([rectangle([], scale=1.0)]).points == {}
    assert only([{"annopoints": struct_row([{"point": EMPTY}])}]).points == {}
    assert only([{"annopoints": struct_row([{"other": 1}])}]).points == {}
    half = [point(3, 1, 2), point(4, np.nan, 2), {"x": EMPTY, "y": 2, "id": 5}]
    assert only([usual(half)]).points == {3: (1, 2, True)}


def test_test_images_have_scale_and_position_only_or_nothing() -> None:
    position = struct_row([{"x": 5, "y": 6}])
    found = only([{"scale": 2.5, "objpos": position}])
    assert (found.scale, found.position, found.head_box, found.usable) == (2.5, (5, 6), None, False)
    empty = only([{"scale": EMPTY, "objpos": EMPTY, "annopoints": EMPTY}])
    assert (empty.scale, empty.position, empty.points) == (None, None, {})
    assert list(read_release(release([("a.jpg", EMPTY, 0), ("b.jpg", np.zeros((1, 0)), 1)]))) == []


def test_extra_fields_do_not_matter() -> None:
    row = usual([point(0, 1, 1)]) | {"head_r11": 0.5, "part_occ1": 1, "torso_r33": EMPTY}
    assert only([row]) == only([usual([point(0, 1, 1)])])


def test_conventions_are_applied_once() -> None:
    people = read_mpii(release([("a.jpg", [usual([point(2, 11, 21, is_visible=0)], 100, 80, 2)], 1)]), [])["train"]
    assert people.joints[0, 2].tolist() == [10, 20]
    assert np.isnan(people.joints[0]).sum() == 30
    assert not people.visible.any()
    assert people.centre.tolist() == [[99, 79 + 15 * 2]]
    assert people.scale.tolist() == [2.5]
    assert people.head[0] == pytest.approx(0.6 * 50)  # box 30 x 40


def test_the_split_keeps_others_of_validation_images_out_of_training() -> None:
    body = [point(0, 5, 5)]
    no_head = rectangle(body, scale=1.0, objpos=struct_row([{"x": 1, "y": 1}]))
    content = release(
        [
            ("t.jpg", [usual(body), rectangle([], **{k: v for k, v in usual(body).items() if k != "annopoints"})], 1),
            ("v.jpg", [usual(body), usual(body, x=7.0)], 1),
            ("hidden.jpg", [usual(body)], 0),
            ("n.jpg", [no_head, no_head], 1),
            ("z.jpg", [usual(body, scale=0.0)], 1),
        ]
    )
    split = read_mpii(content, [("v.jpg", 1)])
    assert list(zip(split["test"].image, split["test"].person, strict=True)) == [("v.jpg", 1)]
    train = list(zip(split["train"].image.tolist(), split["train"].person.tolist(), strict=True))
    assert train == [("t.jpg", 0), ("n.jpg", 0), ("n.jpg", 1)]
    assert np.isnan(split["train"].head).tolist() == [False, True, True]


def test_a_lacking_validation_person_is_named() -> None:
    content = release([("a.jpg", [usual([])], 1)])
    with pytest.raises(InputError, match=r"does not hold person 0 \(0-based\) of image b.jpg"):
        read_mpii(content, [("b.jpg", 0)])
    with pytest.raises(InputError, match=r"gives no points, scale or position for person 0 \(0-based\) of image a.jpg"):
        read_mpii(content, [("a.jpg", 0)])


def test_impossible_joints_are_refused() -> None:
    with pytest.raises(InputError, match=r"image a.jpg .* has a joint 16, ids are 0..15"):
        only([usual([point(16, 1, 1)])])


def mat(**variables: Any) -> bytes:
    stream = io.BytesIO()
    savemat(stream, variables)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html>Not found</html>", "is a web page, not a MATLAB file"),
        (b"", "is not a MATLAB file or is damaged"),
        (b"x" * 500, "is not a MATLAB file or is damaged"),
        (release([("a.jpg", [usual([point(0, 1, 1)])], 1)])[:700], "is not a MATLAB file or is damaged"),
        (mat(joints=np.zeros((3, 14, 2))), "has no variable 'RELEASE'"),
        (mat(RELEASE=np.zeros(3)), "lacks annolist or img_train"),
        (mat(RELEASE=struct_row([{"annolist": EMPTY}])), "lacks annolist or img_train"),
        (
            mat(RELEASE=struct_row([{"annolist": struct_row([{"image": EMPTY}]), "img_train": np.ones((1, 1))}])),
            "has no image name",
        ),
    ],
)
def test_what_is_not_the_annotation_is_one_clear_message(content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_mpii(content, [])


def test_people_lists_are_checked() -> None:
    assert parse_people_list("image,person\na.jpg,3\n", "valid.csv") == [("a.jpg", 3)]
    for content, message in (
        ("", "starts with ''"),
        ("a.jpg,3", "must start with the line"),
        ("image,person\na.jpg,0\na.jpg;1", r"line 3 of valid.csv is 'a.jpg;1'"),
        ("image,person\na.jpg,-1", "line 2"),
    ):
        with pytest.raises(InputError, match=message):
            parse_people_list(content, "valid.csv")


@pytest.fixture(scope="module")
def real(shared_data: Path) -> bytes:
    return zipfile.ZipFile(shared_data / REBUILT).read(MEMBER)


@pytest.fixture(scope="module")
def exported(shared_data: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(shared_data / "mpii/mpii_annot_exports.zip") as archive:
        with h5py.File(io.BytesIO(archive.read("annot/valid.h5"))) as file:
            values = {name: file[name][:] for name in file}
        values["names"] = np.array(archive.read("annot/valid_images.txt").decode().split())
    return values


def test_the_package_list_is_the_published_one(exported: dict[str, np.ndarray]) -> None:
    people = published_validation()
    assert len(people) == 2958
    assert [image for image, _ in people] == exported["names"].tolist()
    assert [person for _, person in people] == exported["person"].astype(int).tolist()


def test_the_real_annotation_is_read_whole(real: bytes) -> None:
    rectangles = list(read_release(real))
    assert len({rectangle.image for rectangle in rectangles}) == 2734  # six of the 2,740 images have none
    split = read_mpii(real, published_validation())
    assert len(split["test"]) == 2958
    # Of the four training images beside the validation ones, one has a person with joints, scale and position.
    assert split["train"].image.tolist() == ["015601864.jpg"]
    # Numbers of labelled joints in the published validation set (ankles, knees, ...).
    counts = [2115, 2485, 2889, 2888, 2478, 2119, 2878, 2932, 2958, 2958, 2928, 2935, 2944, 2944, 2932, 2909]
    labelled = split["test"].labelled.sum(axis=0)
    assert labelled[[0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15]].tolist() == counts[:8] + counts[10:]
    assert (~split["test"].labelled).sum() == 3088


def test_the_real_annotation_agrees_with_the_published_export(real: bytes, exported: dict[str, np.ndarray]) -> None:
    people = read_mpii(real, published_validation())["test"]
    one_based = np.nan_to_num(people.joints + 1).round(6)  # x - 1 + 1 is not always x in binary
    np.testing.assert_array_equal((exported["part"] == 0).all(axis=2), ~people.labelled)
    # The export truncates to whole pixels. Two necks, at 561.9999 and 1328.9999, had been whole numbers in its source.
    truncated = np.trunc(one_based)
    different = np.argwhere(truncated != exported["part"])
    assert different.tolist() == [[2525, 8, 0], [2526, 8, 0]]
    assert np.abs(one_based - exported["part"])[[2525, 2526], 8, 0].max() < 1.001e-4
    np.testing.assert_allclose(people.centre + 1, exported["center"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(people.scale, exported["scale"], rtol=1e-12)
    np.testing.assert_allclose(people.head, exported["normalize"], rtol=1e-12)
    np.testing.assert_allclose(people.head, 20 * people.scale, rtol=1e-12)
    np.testing.assert_array_equal(people.visible, exported["visible"] == 1)
