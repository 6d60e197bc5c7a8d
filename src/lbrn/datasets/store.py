"""Folders that are either whole or absent, made once however many processes ask for them."""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lbrn.files import sync


def make_once(folder: Path, marker: str, fill: Callable[[Path], None], *, journal: str | None = None) -> Path:
    """Make a folder by filling a temporary one beside it and renaming that; do nothing where it is complete.

    What a killed process has left is dropped, unless it holds the file `journal`: then `fill` goes on with it. After an
    error nothing stays.

    Args:
        folder: The final name.
        marker: File that a complete folder holds; `fill` writes it last.
        fill: Called with the temporary folder, which is empty or holds a journal.
        journal: File from which `fill` can go on.

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
            _replace(folder, fill, journal)
    return folder


def _replace(folder: Path, fill: Callable[[Path], None], journal: str | None) -> None:
    temporary = folder.with_name(f".{folder.name}.tmp")
    if journal is None or not (temporary / journal).exists():
        shutil.rmtree(temporary, ignore_errors=True)  # left by a killed process; the lock says that it is gone
    temporary.mkdir(parents=True, exist_ok=True)
    try:
        fill(temporary)
        for path in [*temporary.rglob("*"), temporary]:
            sync(path)
        if folder.exists():  # a workflow engine makes empty output folders beforehand
            shutil.rmtree(folder)
        temporary.rename(folder)
        sync(folder.parent)
    except KeyboardInterrupt:
        if journal is None:
            shutil.rmtree(temporary, ignore_errors=True)
        raise
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


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
