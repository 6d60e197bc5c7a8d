import io
import socket
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from lbrn.datasets import standin
from lbrn.datasets.standin import layouts
from lbrn.datasets.standin.difficulty import Difficulty
from lbrn.datasets.standin.scene import Scene, draw_scene, generator
from lbrn.errors import InputError
from oracles import standin_archives as read

TRAIN, TEST, SEED = 40, 12, 3
PICTURES, LABELS = "mpii_human_pose_v1.zip", "mpii_human_pose_v1_u12_2.zip"
LSP_ORDER = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 8, 9]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("standin")
    for name in standin.NAMES:
        standin.write(name, folder, train=TRAIN, test=0 if name == "lspet" else TEST, seed=SEED)
    return folder


def truth(name: str, count: int) -> list[Scene]:
    return [draw_scene(generator(SEED, name, index), name, Difficulty()) for index in range(count)]


@pytest.fixture(scope="module")
def mpii_truth() -> list[Scene]:
    return truth("mpii", TRAIN + TEST)


def test_mpii_points_equal_the_truth_to_the_rounding(folder, mpii_truth):
    rows, _ = read.mpii(folder / LABELS)
    assert len(rows) == TRAIN + TEST
    for row, scene in zip(rows, mpii_truth, strict=True):
        (labelled,) = [person for person in row["people"] if person["points"]]
        assert set(labelled["points"]) == set(np.flatnonzero(scene.inside))
        for joint, (x, y, flag) in labelled["points"].items():
            tolerance = 1e-4 if joint in (8, 9) else 0.5
            assert np.abs(np.array((x, y)) - 1 - scene.joints[joint]).max() <= tolerance + 1e-9
            if joint in (8, 9):
                assert np.size(flag) == 0
            else:
                assert int(flag) == scene.visible[joint]


def test_mpii_has_numeric_and_textual_flags_and_rectangles_without_points(tmp_path):
    standin.write("mpii", tmp_path, train=7, test=1, difficulty=Difficulty(distractors=1, truncations=0))
    rows, valid = read.mpii(tmp_path / LABELS)
    flags = {type(p["points"][6][2]) for row in rows for p in row["people"] if 6 in p["points"]}
    assert str in {base for kind in flags for base in kind.__mro__} and len(flags) == 2
    pairs = [row for row in rows if len(row["people"]) == 2]
    assert len(pairs) >= 4
    # The labelled person is the first rectangle of some pictures and the second of others.
    assert {[bool(p["points"]) for p in row["people"]].index(True) for row in pairs} == {0, 1}
    assert all(not row["single"] for row in pairs)
    assert all(row["single"] == [1] for row in rows if len(row["people"]) == 1)
    assert valid == [("000000008.jpg", [bool(p["points"]) for p in rows[7]["people"]].index(True))]


def test_mpii_scale_and_head_box_are_tied_as_in_the_real_release(folder, mpii_truth):
    rows, _ = read.mpii(folder / LABELS)
    for row, scene in zip(rows, mpii_truth, strict=True):
        (person,) = [person for person in row["people"] if person["points"]]
        x1, y1, x2, y2 = person["head"]
        size = 0.6 * np.hypot(x2 - x1, y2 - y1)
        assert size == pytest.approx(25 * person["scale"])
        # The box holds the head's axis but for the roundings.
        for point in scene.joints[[8, 9]] + 1:
            assert x1 - 1.5 <= point[0] <= x2 + 1.5 and y1 - 1.5 <= point[1] <= y2 + 1.5
        assert 80 <= 200 * person["scale"] <= 145
        middle = np.ptp(scene.joints[scene.inside], axis=0) / 2 + scene.joints[scene.inside].min(axis=0)
        assert np.abs(person["objpos"] - 1 + (0, 15 * person["scale"]) - middle).max() <= 6 * person["scale"] + 1


def test_mpii_pictures_and_validation_list(folder):
    pictures = read.members(folder / PICTURES)
    rows, valid = read.mpii(folder / LABELS)
    assert [name for name in pictures if name != "README.txt"] == [f"images/{row['name']}" for row in rows]
    assert [image for image, _ in valid] == [row["name"] for row in rows[TRAIN:]]
    assert all(row["train"] == 1 for row in rows)
    for row in rows:
        width, height = read.size(pictures[f"images/{row['name']}"])
        for x, y, _ in (point for person in row["people"] for point in person["points"].values()):
            assert 0.5 <= x <= width + 0.5 and 0.5 <= y <= height + 0.5
        assert 150 <= width <= 200 and 130 <= height <= 200


def test_mpii_release_has_the_structure_of_the_real_one(folder, shared_data):
    top = "mpii_human_pose_v1_u12_2/mpii_human_pose_v1_u12_1.mat"
    real = read.members(shared_data / "mpii" / "mpii_human_pose_v1_u12_2.rebuilt.zip")[top]
    ours = read.members(folder / LABELS)[top]
    assert shapes(ours) == shapes(real)


def shapes(content: bytes) -> dict[str, object]:
    """Field names and array ranks of the parts of a release, its size left out."""
    release = scipy.io.loadmat(io.BytesIO(content))["RELEASE"]
    first = release[0, 0]
    entry = first["annolist"][0, 0]
    rectangle = entry["annorect"][0, 0]
    point = rectangle["annopoints"][0, 0]["point"]
    count = first["annolist"].size
    return {
        "release": release.dtype.names,
        "fields": {name: tuple("n" if n == count else n for n in first[name].shape) for name in release.dtype.names},
        "kinds": {name: first[name].dtype.kind for name in release.dtype.names},
        "entry": first["annolist"].dtype.names,
        "name": entry["image"][0, 0]["name"].shape,
        "rectangle": sorted(entry["annorect"].dtype.names),
        "numbers": [rectangle[name].shape for name in ("x1", "y1", "x2", "y2", "scale", "objpos")],
        "objpos": rectangle["objpos"].dtype.names,
        "point": (point.dtype.names, point.shape[0]),
        "order": [int(p["id"][0, 0]) for p in point[0]],
        "head": [point[0, k]["is_visible"].shape for k in (2, 3)],
        "act": (first["act"].dtype.names, first["act"][0, 0]["act_id"].shape),
        "single": first["single_person"][0, 0].shape,
    }


def test_lsp_labels_equal_the_truth(folder):
    files = read.members(folder / "lsp_dataset.zip")
    joints = read.mat(files["joints.mat"], "joints")
    assert joints.shape == (3, 14, TRAIN + TEST) and joints.dtype == np.float64
    for index, scene in enumerate(truth("lsp", TRAIN + TEST)):
        assert np.abs(joints[:2, :, index].T - 1 - scene.joints[LSP_ORDER]).max() < 1e-3
        assert (joints[2, :, index] == ~scene.visible[LSP_ORDER]).all()
        assert scene.inside.all()
        assert read.size(files[f"images/im{index + 1:04d}.jpg"]) == scene.image.size
    assert 0.02 < joints[2].mean() < 0.25


def test_lsp_centres_the_picture_on_a_person_of_about_150_pixels():
    for scene in truth("lsp", 30):
        low, high = scene.joints.min(axis=0), scene.joints.max(axis=0)
        margins = np.concatenate((low, np.array(scene.image.size) - 1 - high))
        assert 15 <= margins.min() and margins.max() <= 55
        assert max(high - low) <= 150 and max(scene.image.size) <= 225


def test_lspet_labels_equal_the_truth_where_annotated_and_are_garbage_elsewhere(folder):
    files = read.members(folder / "lspet_dataset.zip")
    joints = read.mat(files["joints.mat"], "joints")
    assert joints.shape == (14, 3, TRAIN) and joints.dtype == np.float64
    annotated = joints[:, 2] == 1
    assert set(np.unique(joints[:, 2])) == {0, 1}
    assert 0.75 < annotated.mean() < 0.97
    for index, scene in enumerate(truth("lspet", TRAIN)):
        error = np.abs(joints[:, :2, index] - 1 - scene.joints[LSP_ORDER]).max(axis=1)
        assert (error[annotated[:, index]] < 1e-3).all()
        assert (joints[:, :2, index][~annotated[:, index]] <= 0).all()
        assert f"images/im{index + 1:05d}.jpg" in files
    assert (joints[:, :2].transpose(0, 2, 1)[~annotated] == 0).all(axis=1).any()


@pytest.mark.parametrize("name", standin.NAMES)
def test_equal_bytes_on_every_call(name, tmp_path):
    first, second = (standin.write(name, tmp_path / call, train=3, test=0) for call in ("first", "second"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert sorted(first) == sorted((tmp_path / "first").iterdir())


def test_archives_hold_no_time_of_day(folder):
    for path in folder.iterdir():
        with zipfile.ZipFile(path) as archive:
            assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        for name, content in read.members(path).items():
            if name.endswith(".mat"):
                assert content[:116].rstrip() == b"MATLAB 5.0 MAT-file, lbrn pose stand-in"


def test_seed_name_and_number_each_give_a_picture_of_its_own():
    streams = {generator(*key).bytes(8) for key in ((0, "lsp", 0), (1, "lsp", 0), (0, "mpii", 0), (0, "lsp", 1))}
    assert len(streams) == 4


def test_another_seed_draws_other_pictures(folder, tmp_path):
    standin.write("mpii", tmp_path, train=1, test=0, seed=SEED + 1)
    name = "images/000000001.jpg"
    assert read.members(tmp_path / PICTURES)[name] != read.members(folder / PICTURES)[name]


def test_a_picture_does_not_depend_on_how_many_there_are(folder, tmp_path):
    standin.write("mpii", tmp_path, train=2, test=1, seed=SEED)
    few, many = read.members(tmp_path / PICTURES), read.members(folder / PICTURES)
    assert len(few) == 4
    assert all(many[name] == content for name, content in few.items())
    few_rows, many_rows = read.mpii(tmp_path / LABELS)[0], read.mpii(folder / LABELS)[0]
    np.testing.assert_equal(few_rows, many_rows[:3])


def test_every_archive_says_that_it_is_a_stand_in(folder):
    for path in folder.iterdir():
        (readme,) = [text for name, text in read.members(path).items() if name.endswith("README.txt")]
        assert b"stand-in" in readme and f"seed {SEED}".encode() in readme


def test_nothing_is_fetched(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the stand-in opened a connection")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    standin.write("mpii", tmp_path, train=2, test=0)


def test_progress_counts_every_picture(tmp_path):
    calls: list[tuple[int, int]] = []
    standin.write("lsp", tmp_path, train=2, test=1, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_a_failure_leaves_no_half_archive(tmp_path, monkeypatch):
    def fail(_: Scene) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(layouts, "jpeg", fail)
    with pytest.raises(OSError, match="No space left"):
        standin.write("mpii", tmp_path, train=2, test=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "train", "test", "seed", "message"),
    [
        ("coco", 1, 0, 0, "no stand-in is called 'coco': choose one of mpii, lsp, lspet"),
        ("mpii", 0, 1, 0, "train=0"),
        ("mpii", 1, -1, 0, "test=-1"),
        ("mpii", 1, 0, -1, "seed=-1"),
        ("lspet", 1, 1, 0, "LSPET has training pictures only"),
    ],
)
def test_impossible_requests_are_refused(tmp_path, name, train, test, seed, message):
    with pytest.raises(InputError, match=message):
        standin.write(name, tmp_path, train=train, test=test, seed=seed)
    assert list(tmp_path.iterdir()) == []
