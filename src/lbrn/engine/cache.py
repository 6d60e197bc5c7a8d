"""Where Numba keeps compiled kernels: a folder of the user's own, a new one for each version of this code."""

import atexit
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import numba
from numba.core import config


def set_up() -> None:
    """Choose the folder: inside NUMBA_CACHE_DIR where that is set, else inside the user's cache.

    Compiled kernels are code: nobody else may write there. Where the user has no place to write, kernels are compiled
    anew in each process.
    """
    given = os.environ.get("NUMBA_CACHE_DIR")
    try:
        base = Path(given or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = _private(base / "lbrn" / f"kernels-{_version()}")
    except (OSError, RuntimeError):  # RuntimeError: the user has no home
        folder = Path(tempfile.mkdtemp(prefix="lbrn-kernels-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    config.CACHE_DIR = str(folder)


def _private(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    folder.chmod(0o700)
    return folder


def _version() -> str:
    """Numba looks at the file of a kernel only, not at what the kernel uses from others; so hash them all."""
    running = hashlib.sha256(numba.__version__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        running.update(path.read_bytes())
    return running.hexdigest()[:16]
