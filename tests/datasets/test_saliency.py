"""Saliency datasets: pairs in their official layouts, the traps of old copies, what is refused, prepared arrays."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from lbrn.datasets import objects, sources
from lbrn.datasets.prepare import prepare
from lbrn.datasets.prepare_saliency import fill_saliency
from lbrn.datasets.saliency import LAYOUTS, Source, held_out
from lbrn.datasets.saliency_maps import load_scenes
from lbrn.errors import InputError
from lbrn.files import read_json


def picture(mode="RGB", size=(8, 6), value=200, kind="JPEG"):
    stream = io.BytesIO()
    Image.new(mode, size, (value,) * 3 if mode == "RGB" else value).save(stream, kind)
    return stream.getvalue()


def mask(size=(8, 6), value=255):
    return picture("L", size, value, "PNG")


def archive(path, files):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def ecssd(tmp_path, **changes):
    files = {
        "images/0001.jpg": picture(),
        "images/0002.jpg": picture("L", (5, 9)),
        "ground_truth_mask/0001.png": mask(),
        "ground_truth_mask/0002.png": mask((5, 9)),
    } | {
        name.replace("__", "/").replace("_png", ".png").replace("_jpg", ".jpg"): value
        for name, value in changes.items()
    }
    return archive(tmp_path / "all.zip", {name: content for name, content in files.items() if content is not None})


def info(folder, told):
    (folder / "info.json").write_text("{}")
    return told


def test_grey_photographs_and_stray_files_do_no_harm(tmp_path):
    extra = {
        "__MACOSX/images/._0001.jpg": b"x",
        "images/.hidden.jpg": b"x",
        "images/Thumbs.db": b"x",
        "notes.txt": b"x",
    }
    path = ecssd(tmp_path)
    with zipfile.ZipFile(path, "a") as file:
        for name, content in extra.items():
            file.writestr(name, content)
    told = info(tmp_path, fill_saliency(tmp_path, "ecssd", [path], 4))
    assert {split: one["images"] for split, one in told.items()} == {"train": 1, "test": 1}
    scenes = [load_scenes(tmp_path, split) for split in ("train", "test")]
    sizes = {
        name: tuple(size) for one in scenes for name, size in zip(one.name.tolist(), one.size.tolist(), strict=True)
    }
    assert sizes == {"0001": (6, 8), "0002": (9, 5)}
    assert scenes[0].images.shape == (1, 4, 4, 3)


def test_masks_of_old_copies_of_duts(tmp_path):
    train, test = (
        archive(tmp_path / f"DUTS-{part}.zip", {f"DUTS-{part}/DUTS-{part}-{name}": content for name, content in files})
        for part, files in {
            "TR": [
                ("Image/n01532829_13482.jpg", picture()),
                ("Mask/n01532829_13482.png", b"wrong"),
                ("Mask/n01532829_13482.jpg", picture("L", value=255)),
            ],
            "TE": [
                ("Image/one.jpg", picture()),
                ("Mask/one.png", mask()),
                ("Mask/msun_bcogaqperiljqupq.jpg", b"stray"),
            ],
        }.items()
    )
    source = Source("duts", [train, test])
    assert source.splits["train"][0].mask.endswith(".jpg")
    assert [pair.stem for pair in source.splits["test"]] == ["one"]
    told = fill_saliency(tmp_path, "duts", [train, test], 4)
    assert set(told["train"]["sha256"]) == {"images", "masks"} and set(told["test"]["sha256"]) > {"truth"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images__0002_jpg": None}, "0002.png is a mask without a photograph in images"),
        ({"ground_truth_mask__0001_png": None}, "0001.jpg is a photograph without a mask in ground_truth_mask"),
        ({"ground_truth_mask__0001_png": mask((8, 7))}, "0001.png is 8 x 7 pixels, but its photograph 8 x 6"),
        ({"ground_truth_mask__0001_png": mask(value=0)}, "0001.png is empty: it must mark an object"),
        ({"images__0001_png": mask()}, "two photographs called 0001"),
        ({"ground_truth_mask__0002_jpg": picture()}, "two masks called 0002"),
        ({"ground_truth_mask__0001_png": b"no picture"}, "0001.png cannot be decoded"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changes, message, tmp_path):
    with pytest.raises(InputError, match=message):
        fill_saliency(tmp_path, "ecssd", [ecssd(tmp_path, **changes)], 4)


def test_another_dataset_and_a_rar_are_refused(tmp_path):
    with pytest.raises(InputError, match="no photographs in a folder imgs"):
        Source("hku-is", [ecssd(tmp_path)])
    rar = tmp_path / "HKU-IS.rar"
    rar.write_bytes(b"Rar!\x1a\x07\x00")
    with pytest.raises(InputError, match=r"unrar x HKU-IS\.rar"):
        Source("hku-is", [rar])


def test_a_subset_keeps_the_named_photographs(tmp_path):
    source = Source("ecssd", [ecssd(tmp_path, ground_truth_mask__0001_png=None)], ["0002.jpg"])
    assert [pair.stem for pair in source.splits["test"]] == ["0002"]


def test_held_out_pictures_depend_on_names_alone():
    pairs = [_pair(f"{number:04d}") for number in range(1, 1001)]
    parts = held_out("ecssd", pairs)
    assert (len(parts["train"]), len(parts["test"])) == (700, 300)
    assert parts == held_out("ecssd", pairs[::-1])
    assert not {pair.stem for pair in parts["train"]} & {pair.stem for pair in parts["test"]}
    assert list(held_out("hku-is", pairs)) == ["test"]


def _pair(stem):
    from lbrn.datasets.saliency import Pair

    return Pair(stem, f"images/{stem}.jpg", f"ground_truth_mask/{stem}.png")


@pytest.mark.parametrize("name", LAYOUTS)
def test_prepared_arrays_hold_what_was_drawn(name, tmp_path):
    train = 2 if name == "duts" else 0
    paths = objects.write(name, tmp_path / "raw", train=train, test=3)
    info(tmp_path, fill_saliency(tmp_path, name, paths, 32))
    scenes = load_scenes(tmp_path, "test")
    drawn = {split: [objects.draw(name, split, index) for index in range(3)] for split in (0, 1 if train else 0)}
    masks = [np.asarray(one[1]) > 128 for one in drawn[1 if train else 0]]
    found = {mask.tobytes() for mask in scenes.objects()}
    assert found <= {mask.tobytes() for mask in masks} and len(found) == len(scenes)
    for small, whole in zip(scenes.masks, scenes.objects(), strict=True):
        assert small.mean() / 255 == pytest.approx(whole.mean(), abs=0.06)


@pytest.mark.parametrize("name", ["duts", "ecssd"])
def test_a_data_spec_is_prepared(name, tmp_path):
    drawn = {"train": 2, "test": 3}
    spec = sources.data_spec(name, "embedded", side=32, root=tmp_path, store=tmp_path / "data", drawn=drawn)
    folder = prepare(spec, tmp_path / "data")
    told = read_json(folder / "info.json")
    assert told["standin"] and told["divided"] == (name == "ecssd")
    assert sum(split["images"] for split in told["splits"].values()) == (5 if name == "duts" else 3)
    again = prepare(spec, tmp_path / "other")
    assert read_json(again / "info.json")["digest"] == told["digest"]


def test_the_share_of_graded_masks_above_half_counts(tmp_path):
    files = {"datasets/imgs/pascal/1.jpg": picture(), "datasets/masks/pascal/1.png": mask(value=129)}
    files |= {"datasets/imgs/pascal/2.jpg": picture(), "datasets/masks/pascal/2.png": mask(value=128)}
    info(tmp_path, fill_saliency(tmp_path, "pascal-s", [archive(tmp_path / "salObj.zip", files)], 4))
    assert [bool(one.all()) for one in load_scenes(tmp_path, "test").objects()] == [True, False]


def test_absent_splits_and_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="not a prepared dataset"):
        load_scenes(tmp_path, "test")
    info(tmp_path, None)
    with pytest.raises(InputError, match="has no train split"):
        load_scenes(tmp_path, "train")


def test_the_real_ecssd_loads(shared_data, tmp_path):
    folder = shared_data / "ecssd"
    told = fill_saliency(tmp_path, "ecssd", [folder / "images.zip", folder / "ground_truth_mask.zip"], 16)
    assert (told["train"]["images"], told["test"]["images"]) == (700, 300)
    # The mean share of foreground over all 1,000 masks is 23.5 %.
    inside = 0.7 * told["train"]["inside"] + 0.3 * told["test"]["inside"]
    assert inside == pytest.approx(0.235, abs=0.001)
