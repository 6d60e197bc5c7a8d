"""Prepared people of several datasets as one."""

import numpy as np

from lbrn.datasets.people import People
from lbrn.files import read_json
from lbrn.tasks.people_pixels import load
from tiny import TinyData


def test_datasets_follow_one_another_each_with_its_own_pixels(tiny_data: TinyData) -> None:
    folders = [tiny_data.folder(name) for name in ("lspet", "mpii")]
    joined = load(folders, "train")
    assert joined.part.tolist() == [0] * 5 + [1] * 12
    row = 0
    for folder in folders:
        people, flat = People.load(folder / "train.npz"), np.load(folder / "train.pixels.npy")
        for index in range(len(people)):
            height, width = people.shape[index]
            first = people.offset[index]
            expected = flat[first : first + height * width * 3].reshape(height, width, 3)
            np.testing.assert_array_equal(joined.patch(row), expected)
            np.testing.assert_array_equal(joined.people.joints[row], people.joints[index])
            row += 1
    assert row == len(joined.people)


def test_the_digest_names_every_dataset_in_order(tiny_data: TinyData) -> None:
    folders = [tiny_data.folder(name) for name in ("lsp", "mpii")]
    digests = [read_json(folder / "info.json")["digest"] for folder in folders]
    assert load(folders, "test").digest == f"{digests[0]}+{digests[1]}"
    assert load(folders[:1], "test").digest == digests[0]


def test_maps_into_the_photograph_become_maps_into_the_patch(tiny_data: TinyData) -> None:
    data = load([tiny_data.folder("mpii")], "train")
    assert (data.people.zoom > 1).any()
    matrix = np.array([[1.5, -0.5, 40.0], [0.5, 1.5, 70.0]])
    for index in range(len(data.people)):
        in_patch = data.to_patch(index, matrix) @ [3.0, 4.0, 1.0]
        back = data.people.origin[index] + data.people.zoom[index] * in_patch
        np.testing.assert_allclose(back, matrix @ [3.0, 4.0, 1.0])
    np.testing.assert_array_equal(matrix, [[1.5, -0.5, 40.0], [0.5, 1.5, 70.0]])  # the argument is left alone
