"""Archives from outside: three kinds, one behaviour, nothing trusted."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lbrn.datasets.archive import Archive, Limits, is_file_called
from lbrn.errors import InputError
from oracles.toy_archives import write_zip

MEMBERS = {"images/b.jpg": b"B" * 3000, "images/a.jpg": b"A", "joints.mat": b"M" * 20}


def write_tar(path: Path, members: dict[str, bytes], mode: str) -> Path:
    with tarfile.open(path, mode) as archive:
        folder = tarfile.TarInfo("./images")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in members.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def write_folder(path: Path, members: dict[str, bytes]) -> Path:
    for name, content in members.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


MAKERS: dict[str, Callable[[Path], Path]] = {
    "zip": lambda folder: write_zip(folder / "a.zip", MEMBERS),
    "tar": lambda folder: write_tar(folder / "a.tar", MEMBERS, "w"),
    "gz": lambda folder: write_tar(folder / "a.tar.gz", MEMBERS, "w:gz"),
    "xz": lambda folder: write_tar(folder / "a.tar.xz", MEMBERS, "w:xz"),
    "bz2": lambda folder: write_tar(folder / "a.tar.bz2", MEMBERS, "w:bz2"),
    "folder": lambda folder: write_folder(folder / "a", MEMBERS),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_all_kinds_give_the_same_members(tmp_path: Path, kind: str) -> None:
    archive = Archive(MAKERS[kind](tmp_path))
    archive.check()
    assert archive.kind == kind
    order = sorted(MEMBERS) if kind == "folder" else list(MEMBERS)
    assert list(archive.members(lambda name: True)) == [(name, MEMBERS[name]) for name in order]
    assert archive.read("joints.mat") == ("joints.mat", MEMBERS["joints.mat"])


@pytest.mark.parametrize("kind", [kind for kind in MAKERS if kind != "folder"])
@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9])
def test_a_truncated_archive_is_one_clear_message(tmp_path: Path, kind: str, keep: float) -> None:
    path = MAKERS[kind](tmp_path)
    content = path.read_bytes()
    # A tar file ends in padding: what is cut must be more than that.
    end = 512 * 9 if kind == "tar" else len(content)
    path.write_bytes(content[: int(end * keep)])
    with pytest.raises(InputError, match=rf"{path.name} is truncated or damaged .*: get it again"):
        list(Archive(path).members(lambda name: False))


@pytest.mark.parametrize("kind", ["zip", "gz"])
def test_a_flipped_byte_is_seen(tmp_path: Path, kind: str) -> None:
    path = MAKERS[kind](tmp_path)
    content = bytearray(path.read_bytes())
    content[content.find(b"B" * 100) + 50 if kind == "zip" else -6] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="is truncated or damaged"):
        list(Archive(path).members(lambda name: True))


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"\n<!DOCTYPE html><html>404", "a web page"), (b"", "empty"), (b"\x89PNG junk", "not a zip or tar archive")],
)
def test_what_is_no_archive_is_named(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "mpii.zip").write_bytes(content)
    with pytest.raises(InputError, match=rf"mpii.zip is {what}: the download went wrong"):
        Archive(tmp_path / "mpii.zip")


def test_an_absent_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.zip does not exist"):
        Archive(tmp_path / "nowhere.zip")


@pytest.mark.parametrize("name", ["../evil.jpg", "/etc/evil", "images/../../evil", "..\\evil", "C:\\evil"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_lead_outside_are_refused(tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / "evil"
    if kind == "zip":
        write_zip(path, {name: b"x"})
    else:
        with tarfile.open(path, "w") as archive:
            archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(InputError, match=r"absolute names and '..' are refused"):
        Archive(path).check() if kind == "tar" else list(Archive(path).members(lambda name: False))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused_even_if_not_wanted(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "evil.tar", "w") as archive:
        entry = tarfile.TarInfo("images/link.jpg")
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(InputError, match=r"holds a link or device \(images/link.jpg\)"):
        list(Archive(tmp_path / "evil.tar").members(lambda name: False))


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        entry = zipfile.ZipInfo("images/link.jpg")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(InputError, match="holds a link"):
        list(Archive(tmp_path / "evil.zip").members(lambda name: True))


def test_links_in_a_folder_are_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "data", MEMBERS)
    (folder / "images" / "c.jpg").symlink_to(tmp_path)
    with pytest.raises(InputError, match=r"c.jpg is a link"):
        list(Archive(folder).members(lambda name: True))


@pytest.mark.parametrize("kind", MAKERS)
def test_limits_hold(tmp_path: Path, kind: str) -> None:
    path = MAKERS[kind](tmp_path)
    with pytest.raises(InputError, match="holds more than 2 files"):
        list(Archive(path, Limits(files=2)).members(lambda name: False))
    with pytest.raises(InputError, match=r"holds images/b.jpg of 3000 bytes, at most 2999 are read"):
        list(Archive(path, Limits(member=2999)).members(lambda name: True))
    if kind != "folder":
        with pytest.raises(InputError, match="unpacks to more than 3020 bytes"):
            list(Archive(path, Limits(total=3020)).members(lambda name: False))
    assert len(list(Archive(path, Limits(files=3, total=3021, member=3000)).members(lambda name: True))) == 3


def test_a_lacking_or_double_member_is_named(tmp_path: Path) -> None:
    archive = Archive(write_zip(tmp_path / "a.zip", {"x/joints.mat": b"", "y/joints.mat": b""}))
    with pytest.raises(InputError, match=r"must hold exactly one joints.mat, has: x/joints.mat, y/joints.mat"):
        archive.read("joints.mat")
    with pytest.raises(InputError, match=r"must hold exactly one other.mat, has: none"):
        archive.read("other.mat")


def test_drawings_and_shadow_files_are_not_the_image() -> None:
    assert is_file_called("lsp/images/im0001.jpg", {"im0001.jpg"})
    assert is_file_called("im0001.jpg", {"im0001.jpg"})
    assert not is_file_called("lsp/visualized/im0001.jpg", {"im0001.jpg"})
    assert not is_file_called("__MACOSX/images/im0001.jpg", {"im0001.jpg"})
