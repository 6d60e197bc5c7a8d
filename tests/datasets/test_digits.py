"""The digits' stand-ins: official layouts, equal bytes, classes, other strokes in the test pictures, their version."""

import numpy as np
import pytest

from lbrn.datasets import digits, generators, sources
from lbrn.datasets.archive import Archive
from lbrn.datasets.cifar import read_cifar
from lbrn.datasets.imagenet import read_tree
from lbrn.datasets.prepare import prepare
from lbrn.datasets.prepare_images import colours, load_images
from lbrn.errors import InputError
from lbrn.files import read_json, sha256_file

COUNTS = {"cifar10": (20, 10), "cifar100": (100, 100), "imagenette": (20, 10)}


@pytest.mark.parametrize("name", COUNTS)
def test_a_stand_in_is_read_by_the_reader_of_the_official_archive(tmp_path, name):
    train, test = COUNTS[name]
    (path,) = digits.write(name, tmp_path, train=train, test=test)
    splits, classes = read_tree(Archive(path), 32) if name == "imagenette" else read_cifar(Archive(path), name)
    assert (len(splits["train"]), len(splits["test"])) == (train, test)
    assert len(classes) == len(digits.classes(name))
    for images in splits.values():
        assert set(np.bincount(images.label, minlength=len(classes))) == {len(images) // len(classes)}
    if name != "imagenette":
        label, picture = digits.draw(name, "test", 3)
        np.testing.assert_array_equal(splits["test"].pixels[3], np.asarray(picture))
        assert splits["test"].label[3] == label
    (again,) = digits.write(name, tmp_path / "again", train=train, test=test)
    assert sha256_file(again) == sha256_file(path)


def test_more_pictures_are_more_of_the_same():
    first = [digits.draw("cifar10", "train", number)[0] for number in range(20)]
    assert sorted(first[:10]) == sorted(first[10:]) == list(range(10)) and first[:10] != first[10:]


def test_training_and_test_pictures_show_other_strokes():
    _, _, parts = digits._strokes()
    assert not set(parts["train"]) & set(parts["test"]) and len(parts["train"]) == digits.TRAIN_DIGITS
    assert len(parts["train"]) + len(parts["test"]) == 1797


def test_fewer_pictures_than_classes_are_refused(tmp_path):
    with pytest.raises(InputError, match="stand-in for cifar100 needs at least 100 training and test pictures"):
        digits.write("cifar100", tmp_path, train=99, test=100)


# Mean colours of a few pictures; compared with some room for other versions of PIL.
COLOURS = {
    1: {
        "cifar10": [(1, 148, 117, 112), (3, 161, 102, 87)],
        "cifar100": [(81, 26, 16, 28), (71, 36, 28, 37)],
        "imagenette": [(0, 33, 39, 32), (8, 141, 112, 115)],
    }
}


@pytest.mark.parametrize("name", COUNTS)
def test_pictures_are_those_of_the_version(name):
    drawn = [digits.draw(name, "train", number) for number in (0, 7)]
    told = [
        (label, *np.asarray(picture).reshape(-1, 3).mean(0).round().astype(int).tolist()) for label, picture in drawn
    ]
    expected = COLOURS[digits.GENERATOR_VERSION][name]
    assert [row[0] for row in told] == [row[0] for row in expected], "raise GENERATOR_VERSION and record the new values"
    assert np.abs(np.array(told) - np.array(expected)).max() <= 2, "raise GENERATOR_VERSION and record the new values"


def test_prepared_pictures_are_those_of_the_archive(tmp_path):
    drawn = {"train": 20, "test": 10}
    spec = sources.data_spec("cifar10", "embedded", side=32, root=tmp_path, store=tmp_path, drawn=drawn)
    assert spec["identity"] == generators.identity("cifar10") == f"standin-digits-{digits.GENERATOR_VERSION}"
    folder = prepare(spec, tmp_path)
    images, info = load_images(folder, "train")
    np.testing.assert_array_equal(images.pixels[5], np.asarray(digits.draw("cifar10", "train", 5)[1]))
    assert info["classes"] == list(digits.NAMES) and info["standin"] and info["splits"]["test"]["images"] == 10
    whole = images.pixels / 255
    assert info["mean_rgb"] == pytest.approx(whole.mean((0, 1, 2)).tolist())
    assert info["std_rgb"] == pytest.approx(np.mean([one.reshape(-1, 3).std(0) for one in whole], axis=0).tolist())
    assert read_json(folder / "info.json")["digest"] == info["digest"]


def test_colours_are_taken_in_pieces(monkeypatch):
    from lbrn.datasets import prepare_images
    from lbrn.datasets.images import Images

    generator = np.random.default_rng(0)
    pixels = generator.integers(256, size=(7, 4, 4, 3), dtype=np.uint8)
    images = Images(pixels, np.zeros(7, np.int64), np.array(["x"] * 7))
    expected = colours(images)
    monkeypatch.setattr(prepare_images, "CHUNK", 3)
    for ours, theirs in zip(colours(images), expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-12)


def test_another_side_is_resized(tmp_path):
    drawn = {"train": 10, "test": 10}
    spec = sources.data_spec("cifar10", "embedded", side=16, root=tmp_path, store=tmp_path, drawn=drawn)
    assert load_images(prepare(spec, tmp_path), "test")[0].pixels.shape == (10, 16, 16, 3)
