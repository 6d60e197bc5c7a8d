"""A download that is not complete yet: the bytes so far, and what the server said of the file they belong to."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from lbrn.files import read_json, write_json

OVERLAP = 16 * 2**10
"""So many of the last bytes are asked for again when a download goes on, and compared."""


@dataclass(frozen=True)
class Version:
    """Which state of a file on a server some bytes belong to; None where the server did not say.

    Attributes:
        url: Where it was asked for.
        etag: Its entity tag.
        modified: Its time of last change, as the server wrote it.
        total: Its size in bytes.
    """

    url: str
    etag: str | None = None
    modified: str | None = None
    total: int | None = None

    def differs(self, other: "Version") -> bool:
        """Tell whether both cannot be the same state: tags and times count on one server only, sizes everywhere."""
        names = ("total", "etag", "modified") if self.url == other.url else ("total",)
        pairs = [(getattr(self, name), getattr(other, name)) for name in names]
        return any(None not in pair and pair[0] != pair[1] for pair in pairs)


class PartFile:
    """The bytes of a file received so far, under a name of their own beside the final one.

    Args:
        final: The name that the file gets once it is complete and checked.
    """

    def __init__(self, final: Path) -> None:
        self.final = final
        self.path = final.with_name(f".{final.name}.part")
        self._told = final.with_name(f".{final.name}.part.json")

    @property
    def size(self) -> int:
        """Bytes received so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def version(self) -> Version | None:
        """What the server said of the file; None where nothing usable is noted."""
        try:
            return Version(**read_json(self._told))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def begin(self, version: Version) -> None:
        """Drop what was received and note which file comes now."""
        self.discard()
        write_json(self._told, asdict(version))

    def open(self) -> BinaryIO:
        """Open for reading and writing at any place; made where absent."""
        self.path.touch()
        return self.path.open("r+b")

    def discard(self) -> None:
        """Forget everything received."""
        self.path.unlink(missing_ok=True)
        self._told.unlink(missing_ok=True)

    def complete(self) -> None:
        """Give the file its final name; the caller has checked it."""
        self.path.replace(self.final)
        self._told.unlink(missing_ok=True)
