"""Folders that are either whole or absent, made once however many processes ask for them."""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lbrn.files import sync


def make_once(folder: Path, marker: str, fill: Callable[[Path], None]) -> Path:
    """Make a folder by filling a temporary one beside it and renaming that; do nothing where it is complete.

    Args:
        folder: The final name.
        marker: File that a complete folder holds; `fill` writes it last.
        fill: Called with the empty temporary folder.

    Returns:
        The folder.

    Raises:
        OSError: The disk is full or not writable; nothing stays under the final name.
    """
    if (folder / marker).exists():
        return folder
    with locked(folder):
        # Another process may have been quicker while this one waited for the lock.
        if not (folder / marker).exists():
            _replace(folder, fill)
    return folder


def _replace(folder: Path, fill: Callable[[Path], None]) -> None:
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)  # left by a killed process; the lock says that it is gone
    temporary.mkdir(parents=True)
    try:
        fill(temporary)
        for path in [*temporary.rglob("*"), temporary]:
            sync(path)
        if folder.exists():  # a workflow engine makes empty output folders beforehand
            shutil.rmtree(folder)
        temporary.rename(folder)
        sync(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock on a name in the store, waiting for whoever holds it.

    Args:
        folder: The name; the lock is a hidden file beside it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
