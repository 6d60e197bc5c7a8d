"""The published table of a public prediction file on MPII's validation people, computed here from the file itself."""

import zipfile
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from scipy.io import loadmat

from lbrn.datasets.mpii import read_mpii
from lbrn.datasets.splits import published_validation
from lbrn.metrics.foreign import read_predictions
from lbrn.metrics.pck import COLUMNS, score_matrix

# The table in pytorch-pose's README for its 8-stack hourglass.
PUBLISHED = dict(zip(COLUMNS, [96.79, 95.19, 90.08, 85.32, 87.48, 84.26, 80.73], strict=True))


@pytest.fixture(scope="module")
def exports(shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    with zipfile.ZipFile(shared_data / "mpii" / "mpii_annot_exports.zip") as archive:
        archive.extractall(folder)
    return folder / "annot"


@pytest.fixture(scope="module")
def detections(exports):
    """Tompson's ground truth as pytorch-pose's evaluation reads it; 1-based pixels."""
    content = loadmat(exports / "detections_our_format.mat")
    joints = content["pos_gt_src"].transpose(2, 0, 1).astype(float)
    joints[content["jnt_missing"].T == 1] = np.nan
    corners = content["headboxes_src"]
    head = 0.6 * np.linalg.norm(corners[1] - corners[0], axis=0)
    count = len(joints)
    return SimpleNamespace(joints=joints, head=head, image=np.arange(count).astype(str), person=np.zeros(count, int))


@pytest.fixture(scope="module")
def predicted(exports, detections):
    found = read_predictions(exports / "preds" / "bearpaw-hg_s8_b1.mat", detections, "mpii")
    assert found.joints.shape == (2958, 16, 2)
    return found.joints


def assert_published(scores, **changed):
    found = scores["metrics"]["pckh@0.5-mean14"]
    assert {row: round(found[row], 2) for row in COLUMNS} == PUBLISHED | changed


def test_the_published_row_comes_out_exactly(predicted, detections):
    scores = score_matrix(predicted, detections, "mpii")
    assert scores["people"] == 2958 and scores["left_out"] == {"head": 0}
    assert_published(scores)
    total = {name: round(metric["Total"], 2) for name, metric in scores["metrics"].items()}
    assert total["pckh@0.5-mean14"] == 88.64
    assert total["pckh@0.5-weighted14"] == total["pckh@0.5-weighted14-le"] == 89.09
    assert total["pckh@0.5-mean16"] == 89.47
    assert scores["joints"]["r_ankle"]["count"] == 2115


def test_thirteen_zeroed_coordinates_explain_the_difference_to_the_release(predicted, detections, exports):
    # In detections_our_format.mat, 13 joints that are not marked missing have a coordinate of exactly 0. valid.h5, made
    # from the release, has their places. One right ankle of them then counts as correct: 80.73 -> 80.75.
    part, head = newell(exports)
    zeroed = np.isfinite(detections.joints).all(axis=-1) & (detections.joints == 0).any(axis=-1)
    assert zeroed.sum() == 13
    repaired = np.where(zeroed[..., None], part, detections.joints)
    scores = score_matrix(predicted, SimpleNamespace(joints=repaired, head=head), "mpii")
    assert_published(scores, Ankle=80.75)
    assert round(scores["metrics"]["pckh@0.5-mean14"]["Total"], 2) == 88.65


def test_truncated_head_joints_are_all_that_valid_h5_changes_beside(predicted, exports):
    # valid.h5 stores whole pixels. Only neck and head top had fractions; three of 2,932 head tops cross the limit.
    part, head = newell(exports)
    scores = score_matrix(predicted, SimpleNamespace(joints=part, head=head), "mpii")
    assert_published(scores, Ankle=80.75, Head=96.69)
    assert scores["joints"]["upper_neck"]["percent"] == pytest.approx(98.09, abs=0.005)


def test_the_release_read_by_our_parser_gives_the_published_row_but_for_that_ankle(exports, shared_data):
    with zipfile.ZipFile(shared_data / "mpii" / "mpii_human_pose_v1_u12_2.rebuilt.zip") as archive:
        content = archive.read("mpii_human_pose_v1_u12_2/mpii_human_pose_v1_u12_1.mat")
    people = read_mpii(content, published_validation())["test"]
    # The parser's people are 0-based, the prediction file is MATLAB's.
    found = read_predictions(exports / "preds" / "bearpaw-hg_s8_b1.mat", people, "mpii", one_based=True)
    scores = score_matrix(found.joints, people, "mpii")
    assert_published(scores, Ankle=80.75)
    assert scores["people"] == 2958
    assert round(scores["metrics"]["pckh@0.5-mean14"]["Total"], 2) == 88.65


def newell(exports):
    """Joints (NaN where unlabelled) and head sizes of valid.h5; 1-based pixels."""
    with h5py.File(exports / "valid.h5") as archive:
        part, head = archive["part"][()], archive["normalize"][()]
    return np.where((part == 0).all(axis=-1)[..., None], np.nan, part), head
