"""Where compiled kernels are kept: with the user, private, and apart for each version of the engine."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = "import lbrn.engine; from numba.core import config; print(config.CACHE_DIR)"


def _folder(**environment):
    inherited = {key: value for key, value in os.environ.items() if key not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    answer = subprocess.run(
        [sys.executable, "-c", COMMAND], env=inherited | environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return Path(answer.stdout.strip())


@pytest.mark.parametrize(
    ("name", "inside"), [("HOME", ".cache/lbrn"), ("XDG_CACHE_HOME", "lbrn"), ("NUMBA_CACHE_DIR", "lbrn")]
)
def test_the_folder_is_the_users_own(name, inside, tmp_path):
    before = os.umask(0o002)
    try:
        folder = _folder(**{"HOME": str(tmp_path / "home"), name: str(tmp_path)})
    finally:
        os.umask(before)
    assert folder.parent == tmp_path / inside and folder.name.startswith("kernels-")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_open_folder_is_closed(tmp_path):
    folder = _folder(XDG_CACHE_HOME=str(tmp_path))
    folder.chmod(0o777)
    assert _folder(XDG_CACHE_HOME=str(tmp_path)) == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_not_used(tmp_path):
    folder = _folder(XDG_CACHE_HOME=str(tmp_path))
    os.chown(folder, 12345, 12345)
    assert _folder(XDG_CACHE_HOME=str(tmp_path)) != folder


def test_a_user_without_a_place_to_write(tmp_path):
    file = tmp_path / "file"
    file.write_text("in the way")
    folder = _folder(XDG_CACHE_HOME=str(file))
    assert folder.name.startswith("lbrn-kernels-") and not folder.exists(), "it is gone with the process"


def test_each_version_of_the_code_has_its_own(tmp_path, monkeypatch):
    from lbrn.engine import cache

    before = cache._version()
    (tmp_path / "cache.py").write_text("other code")
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "cache.py"))
    assert cache._version() != before
