"""Where Numba keeps compiled kernels: a folder of the user's own, a new one for each version of this code."""

import hashlib
import os
from pathlib import Path

import numba
from numba.core import config


def set_up() -> None:
    """Choose the folder, unless NUMBA_CACHE_DIR already does.

    Compiled kernels are code: nobody else may write there.
    """
    if os.environ.get("NUMBA_CACHE_DIR"):
        return
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "lbrn" / f"kernels-{_version()}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
    except OSError:
        return  # a read-only home: Numba looks for a place itself, and compiles anew if there is none
    config.CACHE_DIR = str(folder)


def _version() -> str:
    """Numba looks at the file of a kernel only, not at what the kernel uses from others; so hash them all."""
    running = hashlib.sha256(numba.__version__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        running.update(path.read_bytes())
    return running.hexdigest()[:16]
