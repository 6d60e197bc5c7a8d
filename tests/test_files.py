"""Files are whole or absent."""

import errno
import os
import stat
from pathlib import Path

import pytest

from lbrn import files


def test_atomic_path_replaces_only_on_success(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "note.txt"
    with files.atomic_path(target) as temporary:
        temporary.write_text("first")
        assert not target.exists()
    assert target.read_text() == "first"
    with pytest.raises(RuntimeError), files.atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "first"
    assert [path.name for path in target.parent.iterdir()] == ["note.txt"]


def test_atomic_path_keeps_suffix_and_gives_ordinary_permissions(tmp_path: Path) -> None:
    target = tmp_path / "curve.png"
    with files.atomic_path(target) as temporary:
        assert temporary.suffix == ".png"
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~umask


def test_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(files, "sync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_text(tmp_path / "a.json", "{}")
    assert list(tmp_path.iterdir()) == []


def test_json_round_trip_and_digest(tmp_path: Path) -> None:
    value = {"b": [1, 2.5, None], "a": "ü"}
    files.write_json(tmp_path / "x.json", value)
    assert files.read_json(tmp_path / "x.json") == value
    assert files.digest(value) == files.digest({"a": "ü", "b": [1, 2.5, None]})
    assert files.digest(value) != files.digest({"a": "ü", "b": [1, 2.5, 0]})
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "nan.json", float("nan"))
    assert not (tmp_path / "nan.json").exists()


def test_sha256_of_known_content(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert files.sha256_file(tmp_path / "abc").startswith("ba7816bf8f01cfea414140de5dae2223")  # FIPS 180-2, B.1
