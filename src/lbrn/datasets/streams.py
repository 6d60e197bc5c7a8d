"""A compressed or plain file read once from front to back, for tar files of many gigabytes from outside."""

import tarfile
from typing import IO

_CHUNK = 2**20

MOST_HEADER = 2**20
"""Largest header that tarfile may ask for at once: it would read an extended header of any announced size."""


class ForwardStream:
    """What tarfile needs of a file, without going back.

    Args:
        stream: The bytes of the tar file, decompressed.

    Attributes:
        header: What was read last as a header.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._position = stream, 0
        self.header = b""

    def tell(self) -> int:
        """Bytes read so far."""
        return self._position

    def read(self, size: int) -> bytes:
        """Read a header, as tarfile does.

        Raises:
            tarfile.ReadError: It is larger than any real one.
        """
        if not 0 <= size <= MOST_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        self.header = self.take(size)
        return self.header

    def take(self, size: int) -> bytes:
        """Read so many bytes, fewer at the end of the file.

        Args:
            size: The caller has checked it.
        """
        content = self._stream.read(size)
        self._position += len(content)
        return content

    def seek(self, position: int) -> int:
        """Skip forwards; at the end of the file it stays there.

        Raises:
            tarfile.ReadError: The position lies behind.
        """
        if position < self._position:
            raise tarfile.ReadError(f"byte {position} is asked for after byte {self._position}")
        while self._position < position and self.take(min(_CHUNK, position - self._position)):
            pass
        return self._position
