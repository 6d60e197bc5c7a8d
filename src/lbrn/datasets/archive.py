"""Reading archives from outside: zip, tar or an unpacked folder, behind one small interface that trusts nothing.

Nothing is ever unpacked to disk: members are read into memory one by one. Absolute names, `..`, links and devices are
refused, and so is more than the caller's `Limits` allow (section 6 of the design).
"""

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from lbrn.datasets.streams import ForwardStream
from lbrn.errors import InputError

Select = Callable[[str], bool]
Member = tuple[str, bytes]

_MAGIC = {b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"\x1f\x8b": "gz", b"\xfd7zXZ": "xz", b"BZh": "bz2"}
_OPEN: dict[str, Callable[[Path], IO[bytes]]] = {
    "tar": lambda path: path.open("rb"),
    "gz": lambda path: cast(IO[bytes], gzip.open(path)),
    "xz": lambda path: cast(IO[bytes], lzma.open(path)),
    "bz2": lambda path: cast(IO[bytes], bz2.open(path)),
}
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError, RuntimeError)
_CHUNK = 2**20
_PADDING = 2**20  # after the mark of a tar file's end, usually 10 kB at most


@dataclass(frozen=True)
class Limits:
    """What an archive may hold at most.

    Attributes:
        files: Number of members.
        total: Bytes of all members together, uncompressed.
        member: Bytes of one member that is read, uncompressed.
    """

    files: int = 200_000
    total: int = 64 * 2**30
    member: int = 512 * 2**20


class Archive:
    """The members of a zip file, a tar file (plain, gz, bz2, xz) or a folder.

    Args:
        path: The archive.
        limits: What it may hold at most.

    Raises:
        InputError: There is no such file, or it is no archive.
    """

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        self.path = Path(path)
        self.limits = limits or Limits()
        self.kind = _kind(self.path)

    def members(self, select: Select) -> Iterator[Member]:
        """Yield (name, content) of the members that `select` accepts by name, in the archive's own order.

        A folder's order is that of the sorted names. Names use `/` and carry no leading `./`.

        Args:
            select: From a member's name to whether its content is wanted; the others are not read.

        Raises:
            InputError: The archive is damaged, exceeds the limits, or holds a name or a link that is refused.
        """
        walk = {"zip": self._zip, "folder": self._folder}.get(self.kind, self._tar)
        try:
            yield from walk(select)
        except _DAMAGE as error:
            raise self._refusal(f"is truncated or damaged ({error})", "get it again") from error

    def read(self, wanted: str) -> Member:
        """Return (name, content) of the only member with that file name, in whatever folder.

        Args:
            wanted: File name without folders.

        Raises:
            InputError: The archive holds none or several of that name, or cannot be read.
        """
        found = list(self.members(lambda name: is_file_called(name, {wanted})))
        if len(found) != 1:
            told = ", ".join(name for name, _ in found) or "none"
            raise self._refusal(f"must hold exactly one {wanted}, has: {told}", "check that it is the right archive")
        return found[0]

    def check(self) -> None:
        """Look at the archive's list of members (for a tar file: at its first member) without reading contents.

        Raises:
            InputError: As for `members`.
        """
        for _ in self.members(lambda name: self.kind in _OPEN):
            break

    def _zip(self, select: Select) -> Iterator[Member]:
        with zipfile.ZipFile(self.path) as file:
            entries = [entry for entry in file.infolist() if not entry.is_dir()]
            self._limit(len(entries), sum(entry.file_size for entry in entries))
            for entry in entries:
                kind = stat.S_IFMT(entry.external_attr >> 16)
                if kind not in (0, stat.S_IFREG):
                    raise self._refusal(f"holds a link or device ({entry.filename})", "only plain files are read")
                name = self._safe(entry.filename)
                if select(name):
                    self._limit_member(name, entry.file_size)
                    yield name, file.read(entry)

    def _tar(self, select: Select) -> Iterator[Member]:
        # One pass forwards: right for archives of many gigabytes.
        count = total = 0
        with ExitStack() as stack:
            stream = ForwardStream(stack.enter_context(_OPEN[self.kind](self.path)))
            # A cast: tarfile asks for no more than ForwardStream has.
            file = stack.enter_context(tarfile.open(fileobj=cast(IO[bytes], stream), mode="r:"))
            for entry in file:
                name = self._safe(entry.name)
                if entry.isdir():
                    continue
                if not entry.isreg() or entry.issparse():
                    raise self._refusal(f"holds a link or device ({entry.name})", "only plain files are read")
                count, total = count + 1, total + entry.size
                self._limit(count, total)
                if select(name):
                    self._limit_member(name, entry.size)
                    yield name, self._extract(stream, entry)
            self._see_end(stream, total)

    def _see_end(self, stream: ForwardStream, total: int) -> None:
        # tarfile takes a header that is cut short or spoilt for the end; the real end is a block of zeros.
        end = stream.tell()
        if stream.header != bytes(tarfile.BLOCKSIZE) and (stream.header or self.kind == "tar"):
            raise EOFError(f"after {end} bytes there is neither a header nor the mark of its end")
        while stream.take(_CHUNK):  # a compressed file's own checksum stands at its end
            self._limit(0, total + max(0, stream.tell() - end - _PADDING))

    def _extract(self, stream: ForwardStream, entry: tarfile.TarInfo) -> bytes:
        stream.seek(entry.offset_data)
        content = stream.take(entry.size)
        if len(content) != entry.size:
            raise EOFError(f"{entry.name} ends after {len(content)} of {entry.size} bytes")
        return content

    def _folder(self, select: Select) -> Iterator[Member]:
        for count, (name, path) in enumerate(folder_files(self.path), start=1):
            self._limit(count, 0)
            if select(name):
                self._limit_member(name, path.stat().st_size)
                yield name, path.read_bytes()

    def _safe(self, name: str) -> str:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if name.startswith(("/", "\\")) or ".." in parts or (parts and parts[0].endswith(":")):
            raise self._refusal(f"holds the name {name!r}", "absolute names and '..' are refused")
        return "/".join(parts)

    def _limit(self, files: int, total: int) -> None:
        if files > self.limits.files:
            raise self._refusal(f"holds more than {self.limits.files} files", "check that it is the right archive")
        if total > self.limits.total:
            raise self._refusal(f"unpacks to more than {self.limits.total} bytes", "check that it is the right archive")

    def _limit_member(self, name: str, size: int) -> None:
        if size > self.limits.member:
            raise self._refusal(f"holds {name} of {size} bytes, at most {self.limits.member} are read", "check it")

    def _refusal(self, problem: str, fix: str) -> InputError:
        return InputError(f"{self.path} {problem}: {fix}")


def is_file_called(name: str, wanted: set[str]) -> bool:
    """Tell whether a member's file name is wanted, leaving out drawings (`visualized/`) and macOS's shadow files.

    Args:
        name: Name of a member, with its folders.
        wanted: File names without folders.
    """
    folder, _, file = name.rpartition("/")
    return file in wanted and not {"visualized", "__MACOSX"} & set(folder.split("/"))


def folder_files(folder: Path) -> list[tuple[str, Path]]:
    """List (name, path) of all files below a folder, sorted by name.

    Args:
        folder: Searched at every depth.

    Raises:
        InputError: A file or folder in it is a symbolic link.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise InputError(f"{path} is a link, links inside a dataset folder are refused: give its target as source")
        if path.is_file():
            found.append((path.relative_to(folder).as_posix(), path))
    return found


def _kind(path: Path) -> str:
    if path.is_dir():
        return "folder"
    if not path.is_file():
        raise InputError(f"{path} does not exist: give the path of the archive or of the unpacked folder")
    with path.open("rb") as stream:
        start = stream.read(512)
    for magic, kind in _MAGIC.items():
        if start.startswith(magic):
            return kind
    if start[257:262] == b"ustar":
        return "tar"
    what = "a web page" if start.lstrip()[:1] == b"<" else "not a zip or tar archive" if start else "empty"
    raise InputError(f"{path} is {what}: the download went wrong, get the archive again")
