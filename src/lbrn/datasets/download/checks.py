"""Is a file the official archive? By its size and checksums, and by what stands in it."""

import hashlib
from pathlib import Path

from lbrn.datasets.archive import Archive
from lbrn.datasets.catalog import Part, limits
from lbrn.errors import InputError

_CHUNK = 2**22


class WrongError(Exception):
    """These are not the official bytes; the message says in which way."""


def sums(path: Path) -> tuple[str, str]:
    """Return MD5 and SHA-256 of a file, in hexadecimal, read once.

    Args:
        path: A file.
    """
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            md5.update(chunk)
            sha256.update(chunk)
    return md5.hexdigest(), sha256.hexdigest()


def verify(path: Path, name: str, part: Part, pinned: str | None) -> str:
    """Check that a file is an official archive.

    Where neither a checksum is published nor one pinned, every byte of the archive is at least read and held against
    the archive's own checksums.

    Args:
        path: The file.
        name: Dataset in the catalogue.
        part: Which of its archives.
        pinned: SHA-256 from data.lock, where it holds one.

    Returns:
        Its SHA-256.

    Raises:
        WrongError: It is not.
    """
    size = path.stat().st_size
    if part.bytes is not None and size != part.bytes:
        raise WrongError(f"it has {size} bytes, the official file {part.bytes}")
    md5, sha256 = sums(path)
    for told, ours, kind in ((part.md5, md5, "MD5"), (part.sha256, sha256, "SHA-256")):
        if told is not None and told != ours:
            raise WrongError(f"its {kind} is {ours}, the published one {told}")
    if pinned is not None and pinned != sha256:
        raise WrongError(f"its SHA-256 is {sha256}, but data.lock has {pinned}, of the first download")
    try:
        _read(Archive(path, limits(name)), part, everything=not part.has_checksum and pinned is None)
    except InputError as error:
        raise WrongError(str(error).replace(str(path), "it")) from error
    return sha256


def _read(archive: Archive, part: Part, everything: bool) -> None:
    archive.check()
    if everything:
        for _ in archive.members(lambda name: True):
            pass
    if part.member is None:
        return
    content = archive.read(part.member)[1]
    git_blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    for told, ours, kind in ((part.member_git_blob, git_blob, "git blob"), (part.member_md5, md5, "MD5")):
        if told is not None and told != ours:
            raise WrongError(f"its {part.member} has the {kind} {ours}, the official file {told}")
