"""Archives from outside: three kinds, one behaviour, nothing trusted."""

import gzip
import io
import tarfile
import tracemalloc
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
    with pytest.raises(InputError, match=r"holds a link or device \(images/link.jpg\)"):
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


def announced(folder: Path, kind: bytes, size: int) -> Path:
    """A compressed tar file whose first header announces an extended header or a name of that size, which follows."""
    entry = tarfile.TarInfo("././@LongLink")
    entry.type, entry.size = kind, size
    path = folder / "evil.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(entry.tobuf())
        for _ in range(size // 2**20):
            stream.write(b"x" * 2**20)
    return path


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_would_fill_the_memory_is_refused(tmp_path: Path, kind: bytes) -> None:
    path = announced(tmp_path, kind, 64 * 2**20)
    tracemalloc.start()
    with pytest.raises(InputError, match=r"is truncated or damaged .*a header of 67108864 bytes"):
        list(Archive(path).members(lambda name: True))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 2**20


def test_a_compressed_tail_without_end_is_refused(tmp_path: Path) -> None:
    path = MAKERS["tar"](tmp_path)
    packed = tmp_path / "tail.tar.gz"
    with gzip.open(packed, "wb") as stream:
        stream.write(path.read_bytes() + bytes(5 * 2**20))
    assert len(list(Archive(packed).members(lambda name: True))) == 3
    with pytest.raises(InputError, match="unpacks to more than 4000000 bytes"):
        list(Archive(packed, Limits(total=4_000_000)).members(lambda name: True))


def test_a_spoilt_header_in_the_middle_is_not_taken_for_the_end(tmp_path: Path) -> None:
    path = MAKERS["tar"](tmp_path)
    content = bytearray(path.read_bytes())
    place = content.find(b"./images/a.jpg")
    content[place + 150] ^= 0xFF  # the header's own checksum
    path.write_bytes(content)
    with pytest.raises(InputError, match="neither a header nor the mark of its end"):
        list(Archive(path).members(lambda name: True))


def test_sparse_members_are_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "evil.tar", "w", format=tarfile.GNU_FORMAT) as archive:
        entry = tarfile.TarInfo("images/a.jpg")
        entry.type = tarfile.GNUTYPE_SPARSE
        archive.addfile(entry)
    with pytest.raises(InputError, match=r"holds a link or device \(images/a.jpg\)|damaged"):
        list(Archive(tmp_path / "evil.tar").members(lambda name: False))


def test_devices_in_a_zip_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        entry = zipfile.ZipInfo("images/device")
        entry.external_attr = 0o020666 << 16
        archive.writestr(entry, "")
    with pytest.raises(InputError, match="holds a link or device"):
        list(Archive(tmp_path / "evil.zip").members(lambda name: False))


def test_a_zip_whose_members_lie_about_their_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images/a.jpg", bytes(10**6))
    content = path.read_bytes()
    path.write_bytes(content.replace((10**6).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    with pytest.raises(InputError, match="is truncated or damaged"):
        list(Archive(path, Limits(member=1000)).members(lambda name: True))
