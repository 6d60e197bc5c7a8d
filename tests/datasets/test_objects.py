"""The saliency stand-ins: official layouts, equal bytes, objects that differ from what is around them."""

import zipfile
from itertools import pairwise

import numpy as np
import pytest

from lbrn.datasets import objects
from lbrn.datasets.catalog import official_parts
from lbrn.datasets.saliency import LAYOUTS, Source
from lbrn.errors import InputError


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_reader_finds_every_pair(name, tmp_path):
    train = 3 if name == "duts" else 0
    paths = objects.write(name, tmp_path, train=train, test=2)
    assert len(paths) == len(official_parts(name))
    source = Source(name, paths)
    assert {split: len(pairs) for split, pairs in source.splits.items()} == ({"train": 3} if train else {}) | {
        "test": 2
    }
    assert "not the dataset" in zipfile.ZipFile(paths[0]).read("README.txt").decode()


def test_equal_arguments_give_equal_bytes_and_more_pictures_begin_alike(tmp_path):
    first, second = (objects.write("ecssd", tmp_path / place, train=0, test=2) for place in ("a", "b"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    more = zipfile.ZipFile(objects.write("ecssd", tmp_path / "c", train=0, test=3)[0])
    assert more.read("images/0002.jpg") == zipfile.ZipFile(first[0]).read("images/0002.jpg")


def test_splits_and_sets_differ():
    pictures = [np.asarray(objects.draw(*which)[0]) for which in (("duts", 0, 0), ("duts", 1, 0), ("ecssd", 0, 0))]
    assert not any(np.array_equal(one, other) for one, other in pairwise(pictures))


def test_objects_are_of_plausible_size_and_stand_out():
    shares, contrasts = [], []
    for index in range(40):
        image, mask = (np.asarray(one, float) for one in objects.draw("hku-is", 0, index))
        inside = mask > 128
        shares.append(inside.mean())
        contrasts.append(np.abs(image[inside].mean(0) - image[~inside].mean(0)).max())
        assert set(np.unique(mask)) == {0, 255}
    assert 0.02 < min(shares) and max(shares) < 0.6 and 0.08 < np.mean(shares) < 0.35
    assert np.mean(contrasts) > 25


def test_pascal_s_has_graded_masks():
    levels = {level for index in range(30) for level in np.unique(np.asarray(objects.draw("pascal-s", 0, index)[1]))}
    assert levels == {0, 153, 255}


@pytest.mark.parametrize(("name", "train", "test"), [("mpii", 1, 1), ("ecssd", 1, 1), ("ecssd", 0, 0), ("duts", 0, 3)])
def test_impossible_wishes_are_refused(name, train, test, tmp_path):
    with pytest.raises(InputError):
        objects.write(name, tmp_path, train=train, test=test)
    assert list(tmp_path.iterdir()) == []


def test_nothing_half_written_stays(tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        objects.write("ecssd", tmp_path, train=0, test=2, progress=stop)
    assert list(tmp_path.iterdir()) == []
