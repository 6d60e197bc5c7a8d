"""Snakemake's locks of processes that were killed: removed, so that the same command simply goes on.

Snakemake marks the files of a running workflow by lock files, which outlive a SIGKILL; the next start would then refuse
to work until `snakemake --unlock`. A lock of the operating system ends with its process and so tells whether one lives.
"""

import fcntl
from pathlib import Path
from typing import IO

_held: list[IO[str]] = []


def clear(folder: Path) -> None:
    """Remove stale locks where no other workflow runs in a project, and be seen to run until this process ends.

    Args:
        folder: Snakemake's own folder, `.snakemake` in the project.
    """
    folder.mkdir(exist_ok=True)
    stream = (folder / "lbrn.running").open("a")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pass  # somebody lives, and Snakemake compares files with theirs
    else:
        for lock in (folder / "locks").glob("*.lock"):
            lock.unlink()
    fcntl.flock(stream, fcntl.LOCK_SH)
    _held.append(stream)  # closed, and with it released, only when the process ends
