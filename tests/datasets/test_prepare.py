"""From archives to arrays: whole or not at all, the same bytes every time."""

import errno
import hashlib
import itertools
import json
import multiprocessing
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lbrn.datasets import catalog, fetch, sources, standin, store
from lbrn.datasets.ahead import ahead
from lbrn.datasets.describe import info
from lbrn.datasets.people import People
from lbrn.datasets.photos import decode
from lbrn.datasets.pixels import PatchWriter
from lbrn.datasets.prepare import load_split, prepare
from lbrn.errors import InputError
from oracles.toy_archives import encoded, joints_mat, lspet_members, mpii_parts, ramp, write_zip

Spec = dict[str, Any]


def spec_of(name: str, source: Any, tmp_path: Path, side: int = 32, people: dict[str, int] | None = None) -> Spec:
    return sources.data_spec(name, source, side=side, root=tmp_path, store=tmp_path / "data", drawn=people)


@pytest.fixture
def lspet(tmp_path: Path) -> Spec:
    write_zip(tmp_path / "lspet.zip", lspet_members(4))
    return spec_of("lspet", "lspet.zip", tmp_path)


def tree(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def left_behind(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if not path.name.endswith(".lock")] if folder.exists() else []


def test_patches_agree_with_the_pictures(tmp_path: Path, lspet: Spec) -> None:
    calls: list[tuple[int, int]] = []
    folder = prepare(lspet, tmp_path / "data", lambda done, total: calls.append((done, total)))
    people, pixels = load_split(folder, "train")
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert people.image.tolist() == [f"im{i + 1:05d}.jpg" for i in range(4)]
    assert isinstance(pixels, np.memmap) and not pixels.flags.writeable
    for row in range(4):
        patch = people.patch(pixels, row)
        middle = people.origin[row] + people.zoom[row] * (np.array(patch.shape[1::-1]) // 2)
        found = patch[patch.shape[0] // 2, patch.shape[1] // 2, :2]
        np.testing.assert_allclose(found, middle, atol=0.76)
    assert int(people.shape.prod(axis=1).sum() * 3) == pixels.size


def test_info_tells_what_was_made(tmp_path: Path, lspet: Spec) -> None:
    told = json.loads((prepare(lspet, tmp_path / "data") / "info.json").read_text())
    assert (told["standin"], told["identity"], told["side"]) == (False, lspet["identity"], 32)
    assert list(told["splits"]) == ["train"]
    assert told["splits"]["train"]["labelled"]["head_top"] == 4
    assert told["mean_rgb"][2] == pytest.approx(50 / 255, abs=1e-3)
    assert 0.1 < told["mean_rgb"][0] < 0.4
    text = info(lspet, tmp_path / "data")
    assert "train: 4 people in 4 images" in text and told["digest"] in text and "Johnson" in text
    assert "not prepared yet" in info(lspet, tmp_path / "other")


def test_the_same_bytes_wherever_the_archive_and_store_lie(tmp_path: Path, lspet: Spec) -> None:
    first = prepare(lspet, tmp_path / "data")
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.copy(tmp_path / "lspet.zip", moved / "other.zip")
    again = spec_of("lspet", str(moved / "other.zip"), tmp_path)
    second = prepare(again, moved / "data")
    assert first.name == second.name
    assert tree(first) == tree(second)


def test_doing_it_again_does_nothing_and_moved_archives_are_noted(
    tmp_path: Path, lspet: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = prepare(lspet, tmp_path / "data")
    raw = fetch.fetch(lspet, tmp_path / "data")
    before = (raw / "source.json").stat().st_mtime_ns
    fetch.fetch(lspet, tmp_path / "data")
    assert (raw / "source.json").stat().st_mtime_ns == before
    monkeypatch.setattr("lbrn.datasets.prepare.read_people", lambda *_: pytest.fail("prepared twice"))
    assert prepare(lspet, tmp_path / "data") == folder
    (tmp_path / "lspet.zip").rename(tmp_path / "renamed.zip")
    assert fetch.fetch(spec_of("lspet", "renamed.zip", tmp_path), tmp_path / "data") == raw
    assert fetch.parts(raw)["archive"] == tmp_path / "renamed.zip"


def test_mpii_from_two_archives_or_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lbrn.datasets.readers.published_validation", lambda: [("b.jpg", 0)])
    folder = prepare(spec_of("mpii", mpii_parts(tmp_path), tmp_path), tmp_path / "data")
    train, pixels = load_split(folder, "train")
    test, _ = load_split(folder, "test")
    assert (train.image.tolist(), train.person.tolist()) == (["a.jpg", "a.jpg"], [0, 1])
    assert test.image.tolist() == ["b.jpg"]
    np.testing.assert_allclose(train.joints[0, 3], [62, 86])
    assert train.patch(pixels, 1).shape[2] == 3
    unpacked = tmp_path / "unpacked"
    for part in ("images", "annotations"):
        shutil.unpack_archive(tmp_path / f"{part}.zip", unpacked)
    other = prepare(spec_of("mpii", "unpacked", tmp_path), tmp_path / "data")
    assert other != folder
    assert load_split(other, "test")[0].digest() == test.digest()


def test_a_subset_list_drops_people_and_must_be_present(tmp_path: Path) -> None:
    members = lspet_members(4)
    del members["images/im00002.jpg"], members["images/im00004.jpg"]
    write_zip(tmp_path / "part.zip", members)
    with pytest.raises(InputError, match=r"part.zip lacks 2 annotated images \(im00002.jpg, im00004.jpg\).*`subset`"):
        prepare(spec_of("lspet", "part.zip", tmp_path), tmp_path / "data")
    (tmp_path / "some.txt").write_text("im00001.jpg\nim00003.jpg\n")
    source = {"archive": "part.zip", "subset": "some.txt"}
    people, _ = load_split(prepare(spec_of("lspet", source, tmp_path), tmp_path / "data"), "train")
    assert people.image.tolist() == ["im00001.jpg", "im00003.jpg"]
    for content, message in (("im00001.jpg\nim00002.jpg\n", "lacks 1 annotated"), ("\n", "names no image")):
        (tmp_path / "some.txt").write_text(content)
        with pytest.raises(InputError, match=message):
            prepare(spec_of("lspet", source, tmp_path), tmp_path / "data")
    (tmp_path / "some.txt").write_text("other.jpg\n")
    with pytest.raises(InputError, match="no annotated person is left"):
        prepare(spec_of("lspet", source, tmp_path), tmp_path / "data")


def test_known_gaps_of_the_official_training_images_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = lspet_members(4)
    del members["images/im00002.jpg"]
    write_zip(tmp_path / "part.zip", members)
    monkeypatch.setitem(catalog.catalog()["lspet"], "absent_train_images", 1)
    folder = prepare(spec_of("lspet", "part.zip", tmp_path), tmp_path / "data")
    people, pixels = load_split(folder, "train")
    assert people.image.tolist() == ["im00001.jpg", "im00003.jpg", "im00004.jpg"]
    assert json.loads((folder / "info.json").read_text())["absent"] == ["im00002.jpg"]
    assert int(people.shape.prod(axis=1).sum() * 3) == pixels.size


def test_gaps_in_validation_images_are_refused_and_other_people_of_the_list_not_missed_in_a_subset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lbrn.datasets.readers.published_validation", lambda: [("b.jpg", 0), ("unannotated.jpg", 0)])
    source = mpii_parts(tmp_path)
    with pytest.raises(InputError, match=r"does not hold person 0 .* of image unannotated.jpg"):
        prepare(spec_of("mpii", source, tmp_path), tmp_path / "data")
    (tmp_path / "subset.txt").write_text("a.jpg\nb.jpg\n")
    source["subset"] = "subset.txt"
    test, _ = load_split(prepare(spec_of("mpii", source, tmp_path), tmp_path / "data"), "test")
    assert test.image.tolist() == ["b.jpg"]
    write_zip(tmp_path / "images.zip", {"images/a.jpg": encoded(ramp(250, 240))})
    assert catalog.entry("mpii")["absent_train_images"] >= 1
    with pytest.raises(InputError, match=r"lacks 1 annotated images \(b.jpg\)"):
        prepare(spec_of("mpii", source, tmp_path), tmp_path / "data")


def damage_html(members: dict[str, bytes]) -> None:
    members["joints.mat"] = b"<html>Not found</html>"


def damage_picture(members: dict[str, bytes]) -> None:
    members["images/im00003.jpg"] = members["images/im00003.jpg"][:100]


def damage_twice(members: dict[str, bytes]) -> None:
    members["more/im00003.jpg"] = encoded(ramp(50, 50))


def damage_annotation(members: dict[str, bytes]) -> None:
    del members["joints.mat"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_html, "joints.mat of LSPET is a web page, not a MATLAB file"),
        (damage_picture, "image im00003.jpg cannot be decoded"),
        (damage_twice, "holds im00003.jpg twice"),
        (damage_annotation, "must hold exactly one joints.mat, has: none"),
    ],
)
def test_bad_archives_leave_nothing(tmp_path: Path, damage: Callable[[dict[str, bytes]], None], message: str) -> None:
    members = lspet_members(4)
    damage(members)
    write_zip(tmp_path / "lspet.zip", members)
    with pytest.raises(InputError, match=message):
        prepare(spec_of("lspet", "lspet.zip", tmp_path), tmp_path / "data")
    assert left_behind(tmp_path / "data" / "prepared") == []


def test_archives_that_do_not_open_are_not_noted(tmp_path: Path) -> None:
    content = write_zip(tmp_path / "lspet.zip", lspet_members(2)).read_bytes()
    (tmp_path / "lspet.zip").write_bytes(content[:-200])
    spec = spec_of("lspet", "lspet.zip", tmp_path)
    with pytest.raises(InputError, match=r"lspet.zip is truncated or damaged"):
        fetch.fetch(spec, tmp_path / "data")
    assert not sources.raw_folder(spec, tmp_path / "data").exists()


def test_an_archive_changed_since_its_spec_is_refused(tmp_path: Path, lspet: Spec) -> None:
    write_zip(tmp_path / "lspet.zip", lspet_members(3))
    with pytest.raises(InputError, match="changed since the data spec was made"):
        prepare(lspet, tmp_path / "data")


def test_a_full_disk_leaves_nothing(tmp_path: Path, lspet: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: PatchWriter, row: int, patch: object) -> None:
        if row == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(PatchWriter, "add", full)
        with pytest.raises(OSError, match="No space left"):
            prepare(lspet, tmp_path / "data")
    assert left_behind(tmp_path / "data" / "prepared") == []
    assert len(load_split(prepare(lspet, tmp_path / "data"), "train")[0]) == 4


def test_an_empty_or_half_written_folder_is_replaced(tmp_path: Path, lspet: Spec) -> None:
    folder = sources.prepared_folder(lspet, tmp_path / "data")
    folder.mkdir(parents=True)
    (folder / "train.npz").write_text("half")
    leftover = folder.with_name(f".{folder.name}.tmp")
    leftover.mkdir()
    (leftover / "junk").write_text("of a killed process")
    with pytest.raises(InputError, match="is not a prepared dataset"):
        load_split(folder, "train")
    assert prepare(lspet, tmp_path / "data") == folder
    assert sorted(tree(folder)) == ["info.json", "train.npz", "train.pixels.npy"]
    assert not leftover.exists()


def interrupted_after(spec: Spec, store_folder: Path, images: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prepare, but be interrupted after some images; what is left, with a journal after every image."""
    monkeypatch.setattr("lbrn.datasets.journal.SECONDS", 0.0)
    calls = itertools.count()

    def stopping(*arguments: Any) -> Any:
        if next(calls) == images:
            raise KeyboardInterrupt
        return decode(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr("lbrn.datasets.cutting.decode", stopping)
        with pytest.raises(KeyboardInterrupt):
            prepare(spec, store_folder)
    folder = sources.prepared_folder(spec, store_folder)
    assert not folder.exists()
    return folder.with_name(f".{folder.name}.tmp")


def decoded(spec: Spec, store_folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Prepare, and list the images that were decoded for it."""
    names: list[str] = []

    def noted(content: bytes, name: str) -> Any:
        names.append(name)
        return decode(content, name)

    with monkeypatch.context() as patched:
        patched.setattr("lbrn.datasets.cutting.decode", noted)
        prepare(spec, store_folder)
    return names


@pytest.mark.parametrize("images", [0, 1, 3])
def test_an_interrupted_preparation_goes_on(
    tmp_path: Path, lspet: Spec, monkeypatch: pytest.MonkeyPatch, images: int
) -> None:
    whole = prepare(lspet, tmp_path / "whole")
    left = interrupted_after(lspet, tmp_path / "data", images, monkeypatch)
    assert (left / "journal.npz").exists() == (images > 0)
    assert decoded(lspet, tmp_path / "data", monkeypatch) == [f"im{i + 1:05d}.jpg" for i in range(images, 4)]
    assert tree(sources.prepared_folder(lspet, tmp_path / "data")) == tree(whole)
    assert not left.exists()


def cut_short(left: Path) -> None:
    path = left / "train.pixels.npy"
    path.write_bytes(path.read_bytes()[:-20])


def flip(left: Path) -> None:
    path = left / "train.pixels.npy"
    content = bytearray(path.read_bytes())
    content[500] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "spoil",
    [
        cut_short,
        flip,
        lambda left: (left / "journal.npz").write_bytes(b"junk"),
        lambda left: np.savez(left / "journal.npz", done=["im00001.jpg"], identity="of other data"),
    ],
)
def test_what_is_not_the_left_work_of_this_spec_is_begun_anew(
    tmp_path: Path, lspet: Spec, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None]
) -> None:
    whole = prepare(lspet, tmp_path / "whole")
    spoil(interrupted_after(lspet, tmp_path / "data", 2, monkeypatch))
    assert len(decoded(lspet, tmp_path / "data", monkeypatch)) == 4
    assert tree(sources.prepared_folder(lspet, tmp_path / "data")) == tree(whole)


def test_bytes_after_the_journal_are_dropped(tmp_path: Path, lspet: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = prepare(lspet, tmp_path / "whole")
    left = interrupted_after(lspet, tmp_path / "data", 2, monkeypatch)
    with (left / "train.pixels.npy").open("ab") as stream:
        stream.write(b"half a patch")
    assert len(decoded(lspet, tmp_path / "data", monkeypatch)) == 2
    assert tree(sources.prepared_folder(lspet, tmp_path / "data")) == tree(whole)


def test_an_image_that_comes_twice_is_seen_in_a_continued_preparation_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = lspet_members(4)
    damage_twice(members)
    write_zip(tmp_path / "lspet.zip", members)
    spec = spec_of("lspet", "lspet.zip", tmp_path)
    interrupted_after(spec, tmp_path / "data", 3, monkeypatch)
    with pytest.raises(InputError, match=r"holds im00003.jpg twice"):
        prepare(spec, tmp_path / "data")


@pytest.mark.parametrize("threads", [2, 5])
def test_threads_do_not_matter(tmp_path: Path, lspet: Spec, monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    whole = prepare(lspet, tmp_path / "whole")
    assert tree(prepare(lspet, tmp_path / "data", threads=threads)) == tree(whole)
    members = lspet_members(4)
    damage_picture(members)
    write_zip(tmp_path / "lspet.zip", members)
    with pytest.raises(InputError, match=r"im00003.jpg cannot be decoded"):
        prepare(spec_of("lspet", "lspet.zip", tmp_path), tmp_path / "data", threads=threads)


def test_work_ahead_keeps_order_and_stays_near() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(40):
            taken.append(item)
            yield item

    def work(item: int) -> int:
        time.sleep(0.002 * (item % 3))
        return item

    for number, result in enumerate(ahead(work, items(), 3)):
        assert number == result
        assert len(taken) <= number + 6
    assert len(taken) == 40


def slow_fill(folder: Path) -> None:
    (folder / "x").write_text("")
    (folder / "made").write_text("")
    with (folder.parent / "count").open("a") as count:
        count.write("1")


def test_several_processes_make_it_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    jobs = [context.Process(target=store.make_once, args=(tmp_path / "x", "made", slow_fill)) for _ in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0] * 4
    assert (tmp_path / "count").read_text() == "1"


def test_splits_and_versions_that_do_not_exist(tmp_path: Path, lspet: Spec) -> None:
    folder = prepare(lspet, tmp_path / "data")
    with pytest.raises(InputError, match="lspet has no test split, only train"):
        load_split(folder, "test")
    with pytest.raises(InputError, match="data spec has version 99"):
        prepare(lspet | {"version": 99}, tmp_path / "data")


@pytest.mark.parametrize("name", ["mpii", "lsp", "lspet"])
def test_stand_ins_go_the_same_way(tmp_path: Path, name: str) -> None:
    spec = spec_of(name, "embedded", tmp_path, people={"train": 3, "test": 2})
    folder = prepare(spec, tmp_path / "data")
    assert len(load_split(folder, "train")[0]) == 3
    if name != "lspet":
        assert len(load_split(folder, "test")[0]) == 2
    told = json.loads((folder / "info.json").read_text())
    assert told["standin"] and "drawn by this package" in told["terms"]
    assert "stand-in" in info(spec, tmp_path / "data")
    raw = fetch.parts(sources.raw_folder(spec, tmp_path / "data"))
    assert all(path.is_file() for path in raw.values())


def test_another_version_of_the_stand_in_is_refused(tmp_path: Path) -> None:
    spec = spec_of("lsp", "embedded", tmp_path, people={"train": 1, "test": 1}) | {"identity": "standin-0"}
    with pytest.raises(InputError, match=rf"standin-0 was asked for, this release draws standin-"
                       rf"{standin.GENERATOR_VERSION}"):  # fmt: skip
        fetch.fetch(spec, tmp_path / "data")


def test_lsp_crops_come_from_the_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lbrn.datasets.readers.read_lsp", lambda content, n: _read_two(content))
    joints = np.random.default_rng(0).uniform(20, 100, (3, 14, 2))
    joints[2] = 0
    pictures = {f"images/im{i + 1:04d}.jpg": encoded(ramp(120, 200 + i)) for i in range(2)}
    write_zip(tmp_path / "lsp.zip", {"joints.mat": joints_mat(joints), **pictures})
    people, _ = load_split(prepare(spec_of("lsp", "lsp.zip", tmp_path), tmp_path / "data"), "test")
    assert people.centre.tolist() == [[59.5, 100.0]]
    assert people.scale.tolist() == [201 / 200]


def _read_two(content: bytes) -> dict[str, People]:
    from lbrn.datasets.lsp import read_lsp

    return read_lsp(content, 1)


def test_the_real_mpii_images(tmp_path: Path, shared_data: Path) -> None:
    source = {
        "images": str(shared_data / "mpii/mpii_human_pose_v1.subset17.tar.gz"),
        "annotations": str(shared_data / "mpii/mpii_human_pose_v1_u12_2.rebuilt.zip"),
    }
    with pytest.raises(InputError, match=r"subset17.tar.gz lacks 27\d\d annotated images"):
        prepare(spec_of("mpii", source, tmp_path), tmp_path / "data")
    # Six validation images and one training image of the 17 have labels.
    names = ["004645041", "005808361", "051423444", "052475643", "060754485", "000025245", "015601864"]
    (tmp_path / "subset.txt").write_text("\n".join(f"{name}.jpg" for name in names))
    folder = prepare(spec_of("mpii", source | {"subset": "subset.txt"}, tmp_path, 64), tmp_path / "data")
    test, pixels = load_split(folder, "test")
    assert set(test.image) == {f"{name}.jpg" for name in names[:6]}
    assert load_split(folder, "train")[0].image.tolist() == ["015601864.jpg"]
    for row in range(len(test)):
        inside = (test.joints[row] - test.origin[row]) / test.zoom[row]
        height, width = test.shape[row]
        assert (np.nanmin(inside) > -1) and (np.nanmax(inside, axis=0) < [width, height]).all()
        assert test.patch(pixels, row).std() > 10


def test_the_real_subset_of_lsp(tmp_path: Path, shared_data: Path) -> None:
    names = [f"im{i:04d}.jpg" for i in [*range(1, 26), *range(1001, 1026)]]
    (tmp_path / "subset.txt").write_text("\n".join(names))
    source = {"archive": str(shared_data / "lsp/lsp_dataset_original.subset.zip"), "subset": "subset.txt"}
    folder = prepare(spec_of("lsp", source, tmp_path), tmp_path / "data")
    assert [len(load_split(folder, split)[0]) for split in ("train", "test")] == [25, 25]
