"""LSP and LSPET: swapped axes, opposite flags, joints in MPII's order, crops without ground truth at test."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat

from lbrn.datasets import lsp
from lbrn.datasets.people import JOINT_NAMES
from lbrn.errors import InputError
from oracles.toy_archives import joints_mat, lspet_joints

LSP_NAMES = (
    "r_ankle", "r_knee", "r_hip", "l_hip", "l_knee", "l_ankle", "r_wrist", "r_elbow",
    "r_shoulder", "l_shoulder", "l_elbow", "l_wrist", "upper_neck", "head_top",
)  # fmt: skip


def lsp_joints(n: int) -> np.ndarray:
    joints = np.random.default_rng(1).uniform(20, 100, (3, 14, n))
    joints[2] = 0
    return joints


def test_joints_come_in_mpii_order_and_zero_based() -> None:
    joints = lsp_joints(2)
    people = lsp.read_lsp(joints_mat(joints), 1)["test"]
    for place, name in enumerate(LSP_NAMES):
        np.testing.assert_allclose(people.joints[0, JOINT_NAMES.index(name)], joints[:2, place, 1] - 1)
    np.testing.assert_allclose(people.joints[0, 6], (joints[:2, 2, 1] + joints[:2, 3, 1]) / 2 - 1)
    np.testing.assert_allclose(people.joints[0, 7], (joints[:2, 8, 1] + joints[:2, 9, 1]) / 2 - 1)
    np.testing.assert_allclose(people.head, np.linalg.norm(joints[:2, 13, 1] - joints[:2, 12, 1]))


def test_flags_mean_the_opposite_in_the_two_sets() -> None:
    first, second = lsp_joints(1), lspet_joints(1)
    first[2, 3], second[3, 2] = 1, 0  # left hip: occluded in LSP; not labelled in LSPET
    second[3, :2, 0] = -26.1, 0
    occluded, unlabelled = lsp.read_lsp(joints_mat(first), 1)["train"], lsp.read_lspet(joints_mat(second))["train"]
    assert occluded.labelled.all()
    assert np.flatnonzero(~occluded.visible[0]).tolist() == [3, 6]  # and the pelvis, half of which is unseen
    assert np.flatnonzero(~unlabelled.labelled[0]).tolist() == [3, 6]
    np.testing.assert_array_equal(unlabelled.visible, unlabelled.labelled)


def test_the_official_split_and_stand_ins_of_other_sizes() -> None:
    official = lsp.read_lsp(joints_mat(lsp_joints(2000)))
    assert official["train"].image[[0, -1]].tolist() == ["im0001.jpg", "im1000.jpg"]
    assert official["test"].image[[0, -1]].tolist() == ["im1001.jpg", "im2000.jpg"]
    assert [len(lsp.read_lsp(joints_mat(lsp_joints(5)), 3)[split]) for split in ("train", "test")] == [3, 2]
    with pytest.raises(InputError, match="has 5 images, must have 2000"):
        lsp.read_lsp(joints_mat(lsp_joints(5)))


def test_the_crop_of_lsp_knows_only_the_image() -> None:
    people = lsp.read_lsp(joints_mat(lsp_joints(3)), 1)["test"]
    assert np.isnan(people.centre).all() and np.isnan(people.scale).all()
    centre, scale = lsp.lsp_crop(101, 201)
    assert centre.tolist() == [50, 100]
    assert 200 * scale == pytest.approx(lsp.LSP_SIDE * 201)


def test_the_crop_of_lspet_ignores_garbage_and_grows_with_the_torso() -> None:
    joints = np.full((1, 16, 2), np.nan)
    joints[0, [0, 9]] = [[10, 20], [40, 120]]
    centre, scale = lsp.lspet_crop(joints)
    assert centre.tolist() == [[25, 70]]
    assert scale[0] * 200 == pytest.approx(lsp.LSPET_BOX_SIDE * 100)
    joints[0, [lsp.L_SHOULDER, lsp.R_HIP]] = [[15, 30], [15, 110]]
    assert lsp.lspet_crop(joints)[1][0] * 200 == pytest.approx(lsp.LSPET_TORSO_SIDE * 80)


@pytest.mark.parametrize(
    ("read", "joints", "message"),
    [
        (lsp.read_lsp, lspet_joints(20), r"`joints` of LSP is float64 \(14, 3, 20\), must be numbers \(3, 14, N\)"),
        (lsp.read_lspet, lsp_joints(20), r"`joints` of LSPET is float64 \(3, 14, 20\), must be numbers \(14, 3, N\)"),
        (lsp.read_lspet, np.zeros((14, 3)), "must be numbers"),
        (lsp.read_lspet, np.full((14, 3, 2), 0.5), "a flag .* is neither 0 nor 1"),
        (lsp.read_lspet, np.zeros((14, 3, 2)), "image 1 of LSPET has fewer than 2 labelled joints"),
    ],
)
def test_other_arrays_are_refused(read: object, joints: np.ndarray, message: str) -> None:
    assert callable(read)
    with pytest.raises(InputError, match=message):
        read(joints_mat(joints))


def test_the_real_lsp(shared_data: Path) -> None:
    archive = zipfile.ZipFile(shared_data / "lsp/lsp_dataset_original.subset.zip")
    content = archive.read("joints.mat")
    split = lsp.read_lsp(content)
    raw = loadmat(io.BytesIO(content))["joints"]
    own = [joint for joint in range(16) if joint not in (lsp.PELVIS, lsp.THORAX)]
    hidden = sum(int((~people.visible[:, own]).sum()) for people in split.values())
    assert hidden == int(raw[2].sum()) == 2044  # flag 1 is rare in LSP: occluded
    assert all(people.labelled.all() for people in split.values())


def test_the_real_lspet(shared_data: Path) -> None:
    archive = zipfile.ZipFile(shared_data / "lspet/lspet_dataset.subset700.zip")
    people = lsp.read_lspet(archive.read("joints_full.mat"))["train"]
    own = [joint for joint in range(16) if joint not in (lsp.PELVIS, lsp.THORAX)]
    assert len(people) == 10_000
    assert people.labelled[:, own].sum() == 123_213  # flag 1 is common in LSPET: labelled
    assert people.labelled[:, own].all(axis=1).sum() == 3945
    assert np.nanmin(people.joints) > -50 and people.scale.min() > 0.2
    few = people.labelled[:, [2, 3]].sum(axis=1) < 2
    assert few.any() and not people.labelled[few, lsp.PELVIS].any()


def test_the_constants_are_what_lsp_training_images_say(shared_data: Path) -> None:
    archive = zipfile.ZipFile(shared_data / "lsp/lsp_dataset.derived-150px.zip")
    people = lsp.read_lsp(archive.read("joints.mat"))["train"]
    sizes = np.array([Image.open(io.BytesIO(archive.read(f"images/{name}"))).size for name in people.image])
    side = sizes.max(axis=1)
    away = np.abs(people.joints - ((sizes - 1) / 2)[:, None]).max(axis=2)[:, [*range(6), *range(8, 16)]]
    assert (away < lsp.LSP_SIDE * side[:, None] / 2).mean() > 0.999
    assert (away < (lsp.LSP_SIDE - 0.05) * side[:, None] / 2).mean() < 0.999
    box = np.ptp(people.joints, axis=1).max(axis=1)
    torso = np.linalg.norm(people.joints[:, lsp.L_SHOULDER] - people.joints[:, lsp.R_HIP], axis=1)
    assert np.median(lsp.LSP_SIDE * side / box) == pytest.approx(lsp.LSPET_BOX_SIDE, abs=0.01)
    assert np.median(lsp.LSP_SIDE * side / torso) == pytest.approx(lsp.LSPET_TORSO_SIDE, abs=0.01)
