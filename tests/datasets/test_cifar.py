"""CIFAR's official archives: both layouts, both datasets, the real ones, and what is refused."""

import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from lbrn.datasets.archive import Archive
from lbrn.datasets.cifar import read_cifar
from lbrn.errors import InputError


def records(count, classes, seed=0):
    generator = np.random.default_rng(seed)
    return generator.integers(classes, size=count), generator.integers(256, size=(count, 3072), dtype=np.uint8)


def tar(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return Archive(path)


def python10(count=4):
    """The pickled archive of CIFAR-10, with `count` pictures a batch."""
    parts = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    drawn = {name: records(count, 10, seed) for seed, name in enumerate(parts)}
    files = {"d/batches.meta": pickle.dumps({b"label_names": [b"c%d" % one for one in range(10)], b"num_vis": 3072}, 4)}
    for name, (labels, rows) in drawn.items():
        told = {b"batch_label": b"", b"labels": labels.tolist(), b"data": rows}
        names = [f"{name}_{number}.png".encode() for number in range(count)]
        files[f"d/{name}"] = pickle.dumps(told | {b"filenames": names}, 4)
    return files, drawn


def binary10(drawn):
    files = {"b/batches.meta.txt": "\n".join(f"c{one}" for one in range(10)).encode() + b"\n\n"}
    for name, (labels, rows) in drawn.items():
        files[f"b/{name}.bin"] = np.column_stack([labels.astype(np.uint8), rows]).tobytes()
    return files


def test_both_layouts_of_cifar10_are_the_same_pictures_in_the_official_order(tmp_path):
    files, drawn = python10()
    pickled, classes = read_cifar(tar(tmp_path / "p.tar.gz", files), "cifar10")
    plain, names = read_cifar(tar(tmp_path / "b.tar.gz", binary10(drawn)), "cifar10")
    assert classes == names == [f"c{one}" for one in range(10)]
    for split in ("train", "test"):
        np.testing.assert_array_equal(pickled[split].pixels, plain[split].pixels)
        np.testing.assert_array_equal(pickled[split].label, plain[split].label)
    labels, rows = drawn["data_batch_2"]
    assert pickled["train"].label[4:8].tolist() == labels.tolist()
    # A picture is a plane of red, of green, of blue, row by row.
    red, green, blue = (rows[1, plane * 1024 + 5 * 32 + 7] for plane in range(3))
    assert pickled["train"].pixels[5, 5, 7].tolist() == [red, green, blue]
    assert pickled["train"].name[5] == "data_batch_2_1.png"


def test_cifar100_has_the_fine_classes(tmp_path):
    drawn = {name: records(7, 100, seed) for seed, name in enumerate(("train", "test"))}
    names = [f"fine{one}" for one in range(100)]
    files = {"d/meta": pickle.dumps({b"fine_label_names": names, b"coarse_label_names": ["c"] * 20}, 4)}
    binary = {"b/fine_label_names.txt": "\n".join(names).encode()}
    for name, (labels, rows) in drawn.items():
        told = {b"fine_labels": labels.tolist(), b"coarse_labels": (labels // 5).tolist(), b"data": rows}
        files[f"d/{name}"] = pickle.dumps(told, 4)
        binary[f"b/{name}.bin"] = np.column_stack(
            [(labels // 5).astype(np.uint8), labels.astype(np.uint8), rows]
        ).tobytes()
    for archive in (tar(tmp_path / "p.tar.gz", files), tar(tmp_path / "b.tar.gz", binary)):
        splits, classes = read_cifar(archive, "cifar100")
        assert classes == names
        assert splits["test"].label.tolist() == drawn["test"][0].tolist()
        assert splits["train"].pixels[3, 0, 0, 2] == drawn["train"][1][3, 2048]


class Danger:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_that_runs_code_is_refused_and_runs_nothing(tmp_path):
    files, _ = python10()
    files["d/test_batch"] = pickle.dumps({b"data": Danger(tmp_path / "ran")}, 4)
    with pytest.raises(InputError, match=r"test_batch is refused as a pickle: it asks for pathlib\S*Path\.touch"):
        read_cifar(tar(tmp_path / "p.tar.gz", files), "cifar10")
    assert not (tmp_path / "ran").exists()
    pickle.loads(files["d/test_batch"])
    assert (tmp_path / "ran").exists(), "the pickle of this test is harmless, so it proves nothing"


def changed(name, content):
    files, _ = python10()
    if content is None:
        del files[name]
    else:
        files[name] = content
    return files


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (changed("d/data_batch_3", None), "has no data_batch_3, which cifar10 has"),
        (changed("e/data_batch_3", b"x"), "holds data_batch_3 twice"),
        (changed("d/test_batch", b"\x80\x02garbage"), "test_batch is"),
        (changed("d/test_batch", pickle.dumps([1], 4)), "test_batch holds a list"),
        (
            changed("d/test_batch", pickle.dumps({b"data": 1, b"labels": []}, 4)),
            "does not hold 3072 bytes and a label for each",
        ),
        (changed("d/batches.meta", pickle.dumps({b"names": []}, 4)), "batches.meta has no list label_names"),
        (
            changed("d/test_batch", pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": [10]}, 4)),
            "labels go from 10 to 10, but there are 10 classes",
        ),
        (
            changed("d/test_batch", pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": [0.5]}, 4)),
            "labels that are no whole numbers",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path, files, message):
    with pytest.raises(InputError, match=message):
        read_cifar(tar(tmp_path / "p.tar.gz", files), "cifar10")


def test_a_cut_binary_file_is_named(tmp_path):
    files = binary10(python10()[1])
    files["b/test_batch.bin"] = files["b/test_batch.bin"][:-1]
    with pytest.raises(InputError, match=r"test_batch.bin has 12291 bytes, which is no multiple of 3073"):
        read_cifar(tar(tmp_path / "b.tar.gz", files), "cifar10")


@pytest.mark.parametrize(
    ("path", "dataset", "counts"),
    [
        ("cifar10/cifar-10-python.subset.tar.gz", "cifar10", (1500, 300)),
        ("cifar100/cifar-100-python.standin-tinyimagenet.tar.gz", "cifar100", (1600, 400)),
    ],
)
def test_archives_in_hand_are_read(shared_data, path, dataset, counts):
    splits, classes = read_cifar(Archive(shared_data / path), dataset)
    assert (len(splits["train"]), len(splits["test"])) == counts
    assert len(classes) == int(dataset.removeprefix("cifar"))
    if dataset == "cifar10":
        # The beginning of data_batch_1 that several public sources quote.
        assert splits["train"].label[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
        assert [classes[one] for one in (6, 9, 4)] == ["frog", "truck", "deer"]
