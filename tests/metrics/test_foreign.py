"""Prediction files of other projects: every layout, and one clear message for what cannot be read."""

from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from lbrn.errors import InputError
from lbrn.metrics.foreign import LSP_JOINTS, read_predictions

N = 5


@pytest.fixture
def people():
    return SimpleNamespace(image=np.array([f"{i}.jpg" for i in range(N)]), person=np.arange(N))


@pytest.fixture
def joints():
    return np.random.default_rng(0).uniform(-20, 600, (N, 16, 2))


def write_h5(path, **arrays):
    with h5py.File(path, "w") as archive:
        for key, value in arrays.items():
            archive[key] = value


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2, 0), (2, 1, 0), (0, 2, 1)])
def test_every_order_of_axes(tmp_path, people, joints, axes):
    path = tmp_path / "preds.npz"
    np.savez(path, preds=joints.transpose(axes))
    found = read_predictions(path, people, "mpii")
    assert np.array_equal(found.joints, joints) and found.score is None and found.variable == "preds"


def test_formats_give_the_same_joints(tmp_path, people, joints):
    np.save(tmp_path / "a.npy", joints)
    savemat(tmp_path / "b.mat", {"preds": joints, "names": np.array(["x", "y"], dtype=object)})
    write_h5(tmp_path / "c.h5", **{"group/preds": joints, "note": 3.0})
    write_h5(tmp_path / "d.mat", preds=joints.transpose(2, 1, 0))
    # MATLAB 7.3 files are HDF5 with a 512-byte text block before it; scipy refuses them by their version number.
    body = (tmp_path / "d.mat").read_bytes()
    header = b"MATLAB 7.3 MAT-file".ljust(116) + bytes(8) + b"\x00\x02IM"
    with h5py.File(tmp_path / "d.mat", "w", userblock_size=512) as archive:
        archive["preds"] = joints.transpose(2, 1, 0)
    assert body[:8] == b"\x89HDF\r\n\x1a\n"
    with (tmp_path / "d.mat").open("r+b") as stream:
        stream.write(header)
    for path in sorted(tmp_path.iterdir()):
        assert np.array_equal(read_predictions(path, people, "mpii").joints, joints), path


def test_one_based_files_are_shifted_and_scores_kept(tmp_path, people, joints):
    path = tmp_path / "preds.npz"
    score = np.linspace(0, 1, N * 16).reshape(N, 16)
    np.savez(path, preds=np.concatenate([joints + 1, score[..., None]], axis=2))
    found = read_predictions(path, people, "mpii", one_based=True)
    assert np.allclose(found.joints, joints, atol=1e-12)
    assert np.array_equal(found.score, score)


def test_fourteen_joints_are_lsp_order(tmp_path, people, joints):
    path = tmp_path / "preds.npz"
    np.savez(path, preds=joints[:, LSP_JOINTS])
    found = read_predictions(path, people, "lsp").joints
    kept = [joint for joint in range(16) if joint not in (6, 7)]
    assert np.array_equal(found[:, kept], joints[:, kept])
    assert np.allclose(found[:, 6], (joints[:, 2] + joints[:, 3]) / 2)
    assert np.allclose(found[:, 7], (joints[:, 12] + joints[:, 13]) / 2)
    with pytest.raises(InputError, match="no array has the shape"):
        read_predictions(path, people, "mpii")


def ours(path, joints, people, order, dataset="mpii"):
    np.savez(
        path,
        joints=joints[order].astype(np.float32),
        score=np.arange(N * 16, dtype=np.float32).reshape(N, 16)[order],
        image=people.image[order],
        person=people.person[order],
        dataset=np.array(dataset),
        data_digest=np.array("abc"),
    )


def test_our_files_are_aligned_by_image_and_person(tmp_path, people, joints):
    path = tmp_path / "predictions.npz"
    ours(path, joints, people, [3, 0, 4, 1, 2])
    found = read_predictions(path, people, "mpii")
    assert np.array_equal(found.joints, joints.astype(np.float32))
    assert np.array_equal(found.score[:, 0], np.arange(N) * 16)
    assert found.about == {"dataset": "mpii", "data_digest": "abc"}


def test_our_files_of_other_people_or_data_are_refused(tmp_path, people, joints):
    path = tmp_path / "predictions.npz"
    ours(path, joints, people, [0, 1, 2, 3, 4])
    with pytest.raises(InputError, match="on mpii, not on lsp"):
        read_predictions(path, people, "lsp")
    other = SimpleNamespace(image=np.array(["9.jpg", *people.image[1:]]), person=people.person)
    with pytest.raises(InputError, match=r"1 of those are not in it, for example image 9\.jpg, person 0"):
        read_predictions(path, other, "mpii")
    fewer = SimpleNamespace(image=people.image[:3], person=people.person[:3])
    with pytest.raises(InputError, match="holds 5 predictions and 3 are asked for"):
        read_predictions(path, fewer, "mpii")
    ours(path, joints, people, [0, 0, 2, 3, 4])
    with pytest.raises(InputError, match="a person twice"):
        read_predictions(path, people, "mpii")


def test_several_fitting_arrays_need_a_name(tmp_path, people, joints):
    path = tmp_path / "preds.mat"
    savemat(path, {"truth": joints, "preds": joints + 1})
    with pytest.raises(InputError, match=r"several arrays.*truth, preds.*--name"):
        read_predictions(path, people, "mpii")
    assert np.array_equal(read_predictions(path, people, "mpii", name="preds").joints, joints + 1)
    with pytest.raises(InputError, match=r"no array 'pred'; it holds .*truth \(5, 16, 2\)"):
        read_predictions(path, people, "mpii", name="pred")


def test_a_wrong_number_of_people_is_one_message(tmp_path, people, joints):
    path = tmp_path / "preds.npz"
    np.savez(path, preds=joints[:4])
    with pytest.raises(InputError, match="predictions of 4 people, but the test split of mpii has 5"):
        read_predictions(path, people, "mpii")


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".mat", ".h5", ".txt"])
@pytest.mark.parametrize("content", [b"<html>not found</html>", b""])
def test_what_is_no_prediction_file(tmp_path, people, suffix, content):
    path = tmp_path / f"preds{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"preds{suffix}"):
        read_predictions(path, people, "mpii")


def test_an_absent_file(tmp_path, people):
    with pytest.raises(InputError, match="no such prediction file"):
        read_predictions(tmp_path / "preds.npz", people, "mpii")


def test_pickled_objects_are_refused(tmp_path, people):
    path = tmp_path / "preds.npz"
    np.savez(path, preds=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="cannot be read"):
        read_predictions(path, people, "mpii")
