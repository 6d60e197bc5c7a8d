"""Subsets of ImageNet: trees of class folders, ILSVRC2012's own tars, the archive in hand, and what is refused."""

import io
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from lbrn.datasets.archive import Archive, Limits
from lbrn.datasets.imagenet import META, TRUTH, read_tars, read_tree
from lbrn.errors import InputError


def picture(colour, size=(12, 8), kind="PNG"):
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, kind)
    return stream.getvalue()


RED, GREEN, BLUE = (250, 0, 0), (0, 250, 0), (0, 0, 250)
TREE = {
    "top/train/n2/b.png": picture(RED), "top/train/n1/a.JPEG": picture(GREEN, kind="JPEG"),
    "top/val/n1/c.png": picture(GREEN), "top/val/n2/d.png": picture(BLUE),
    "top/README.txt": b"x", "top/noisy_imagenette.csv": b"x", "__MACOSX/top/train/n1/._a.JPEG": b"x",
}  # fmt: skip


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return Archive(path)


def tar_bytes(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def test_a_tree_in_an_archive_and_in_a_folder(tmp_path):
    for name, content in TREE.items():
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(content)
    for archive in (zipped(tmp_path / "a.zip", TREE), Archive(tmp_path / "folder")):
        splits, classes = read_tree(archive, 4)
        assert classes == ["n1", "n2"]
        train = splits["train"]
        assert train.pixels.shape == (2, 4, 4, 3) and len(splits["test"]) == 2
        red = train.pixels[train.name.tolist().index("b.png")]
        assert (red == RED).all() and train.label[train.name.tolist().index("b.png")] == 1


def test_the_middle_square_is_taken(tmp_path):
    stripes = np.zeros((4, 12, 3), np.uint8)
    stripes[:, 4:8] = 255
    stream = io.BytesIO()
    Image.fromarray(stripes).save(stream, "PNG")
    files = {f"{kind}/{label}/x.png": stream.getvalue() for kind in ("train", "val") for label in ("a", "b")}
    splits, _ = read_tree(zipped(tmp_path / "a.zip", files), 2)
    assert (splits["train"].pixels == 255).all()


def without(*names):
    return {name: content for name, content in TREE.items() if name not in names}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.txt": b"x"}, "has no pictures in train/<class>/"),
        (without("top/val/n2/d.png"), "class n2 has no picture in val; every class needs some in both"),
        (without("top/train/n1/a.JPEG"), "class n1 has no picture in train"),
        (TREE | {"top/val/n1/e.png": b"no picture"}, r"image e\.png cannot be decoded"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, files, message):
    with pytest.raises(InputError, match=message):
        read_tree(zipped(tmp_path / "a.zip", files), 4)


def test_an_empty_class_folder_is_named(tmp_path):
    for name, content in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "top" / "train" / "n3").mkdir()
    with pytest.raises(InputError, match=r"train/n3 is empty: every class needs pictures"):
        read_tree(Archive(tmp_path), 4)


@pytest.fixture
def ilsvrc(tmp_path):
    """Three classes in ILSVRC2012's layout; its own numbers are not alphabetical."""
    numbers = {"n1": 3, "n2": 1, "n3": 2}
    colours = {"n1": RED, "n2": GREEN, "n3": BLUE}
    train = {f"{label}.tar": tar_bytes({f"{label}_1.JPEG": picture(colours[label])}) for label in numbers}
    truth = ["n3", "n1", "n2", "n1"]
    val = {f"ILSVRC2012_val_0000000{place}.JPEG": picture(colours[label]) for place, label in enumerate(truth, start=1)}
    synsets = np.array([(number, label) for label, number in numbers.items()], [("ILSVRC2012_ID", "O"), ("WNID", "O")])
    mat = io.BytesIO()
    savemat(mat, {"synsets": synsets.reshape(-1, 1)})
    devkit = {
        f"d/data/{TRUTH}": "\n".join(str(numbers[label]) for label in truth).encode(),
        f"d/data/{META}": mat.getvalue(),
    }
    files = {}
    for part, content in {"train": train, "test": val, "labels": devkit}.items():
        files[part] = tmp_path / f"{part}.tar"
        files[part].write_bytes(tar_bytes(content))
    return files


def test_classes_of_ilsvrcs_own_tars(ilsvrc):
    splits, classes = read_tars(ilsvrc, Limits(), ["n3", "n1"], 4)
    assert classes == ["n1", "n3"]
    assert splits["train"].label.tolist() == [0, 1]
    assert splits["test"].label.tolist() == [1, 0, 0]
    assert (splits["test"].pixels[0] == BLUE).all() and (splits["test"].pixels[1] == RED).all()


def test_a_class_that_is_not_there_is_named(ilsvrc):
    with pytest.raises(InputError, match=r"has no class n9; mend the class list"):
        read_tars(ilsvrc, Limits(), ["n1", "n9"], 4)


def test_the_archive_in_hand_is_read(shared_data):
    splits, classes = read_tree(Archive(shared_data / "imagenette/imagenette2-224.subset.tgz"), 32)
    assert len(classes) == 10 and classes[0] == "n01440764"
    assert np.bincount(splits["train"].label).tolist() == [120] * 10
    assert np.bincount(splits["test"].label).tolist() == [40] * 10
    assert splits["train"].pixels.shape[1:] == (32, 32, 3)
