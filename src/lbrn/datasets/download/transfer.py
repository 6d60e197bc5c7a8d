"""One file over HTTP, however often the connection breaks: what came stays, and goes on only if it is the same file."""

import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lbrn.datasets.download.partfile import OVERLAP, PartFile, Version
from lbrn.errors import InputError

log = logging.getLogger("lbrn")

Seen = Callable[[int, int | None], None]

_CHUNK = 2**18
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, in seconds, and how often to ask again.

    Attributes:
        connect: For a connection.
        stall: For the next byte; in twice this time at least a kibibyte a second of it must have come.
        attempts: Broken connections in a row without one byte more than before.
        unreached: The same without any answer at all.
        pause: Before the second attempt; doubled each time, up to `longest_pause`.
    """

    connect: float = 20.0
    stall: float = 60.0
    attempts: int = 8
    unreached: int = 3
    pause: float = 1.0
    longest_pause: float = 60.0


@dataclass(frozen=True)
class Wish:
    """What is known of a file beforehand.

    Attributes:
        bytes: Its exact size, where known.
        most: More bytes than these are refused.
        checked: Whether a checksum will be held against it, so that another server's bytes may be appended.
    """

    bytes: int | None
    most: int
    checked: bool


class UselessError(Exception):
    """This place does not give the file; the message says why."""


class _BrokenError(Exception):
    """The connection or the server failed; asking again may help."""

    def __init__(self, reason: str, *, reached: bool = True, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.reached, self.wait = reached, wait


def receive(url: str, part: PartFile, wish: Wish, patience: Patience, seen: Seen) -> bool:
    """Receive a file into its part file, going on where that ends.

    Args:
        url: http or https.
        part: What was received before, of this or of another place.
        wish: What is known of the file.
        patience: How long to try.
        seen: Called with the bytes received and the size, where known.

    Returns:
        Whether it was put together from several answers.

    Raises:
        UselessError: The place does not give the file.
        InputError: There is no room for it.
        OSError: The disk is full or not writable.
    """
    import requests

    most, fruitless = part.size, 0
    with requests.Session() as session:
        session.headers.update({"User-Agent": "lbrn", "Accept-Encoding": "identity"})
        while True:
            try:
                return _attempt(session, url, part, wish, patience, seen)
            except _BrokenError as error:
                fruitless = 0 if part.size > most else fruitless + 1
                most = max(most, part.size)
                if fruitless >= (patience.attempts if error.reached else patience.unreached):
                    raise UselessError(f"{error} ({fruitless} times in a row)") from error
                log.info("%s: %s; asking again after %s bytes", part.final.name, error, part.size)
                time.sleep(max(error.wait, min(patience.pause * 2 ** max(0, fruitless - 1), patience.longest_pause)))


def _attempt(session: Any, url: str, part: PartFile, wish: Wish, patience: Patience, seen: Seen) -> bool:
    start = _start(url, part, wish)
    headers = {"Range": f"bytes={start}-"} | _condition(url, part) if start is not None else {}
    timeout = (patience.connect, patience.stall)
    with _network(patience), session.get(url, headers=headers, stream=True, timeout=timeout) as answer:
        _check_status(answer, part)
        first, version = _what_comes(url, answer, start)
        if first:
            _check_same(part, version)
        else:
            part.begin(version)
        _check_size(version.total, part, wish)
        _write(answer, part, first, version.total, wish, patience, seen)
        return first > 0


def _start(url: str, part: PartFile, wish: Wish) -> int | None:
    """First byte to ask for; None for the whole file."""
    known = part.version
    if not part.size or known is None or not (known.url == url or wish.checked):
        return None
    return max(1, part.size - OVERLAP)


def _condition(url: str, part: PartFile) -> dict[str, str]:
    """The header that asks for the rest only if the file is the same; weak tags do not promise equal bytes."""
    known = part.version
    if known is None or known.url != url:
        return {}
    strong = known.etag if known.etag and not known.etag.startswith("W/") else None
    condition = strong or known.modified
    return {"If-Range": condition} if condition else {}


def _check_status(answer: Any, part: PartFile) -> None:
    status = f"HTTP {answer.status_code} {answer.reason or ''}".strip()
    if answer.status_code == 416:
        part.discard()
        raise _BrokenError("the server has fewer bytes than were received before")
    if answer.status_code in (408, 429) or answer.status_code >= 500:
        wait = answer.headers.get("Retry-After", "")
        raise _BrokenError(status, wait=min(float(wait), 60.0) if wait.isdecimal() else 0.0)
    if answer.status_code in (401, 403):
        raise UselessError(f"{status} (a login or a request is needed)")
    if answer.status_code not in (200, 206):
        raise UselessError(status)
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        raise UselessError("a web page instead of the file")


def _what_comes(url: str, answer: Any, start: int | None) -> tuple[int, Version]:
    """First byte of what the answer brings, and the version of the file that it says it has."""
    etag, modified = answer.headers.get("ETag"), answer.headers.get("Last-Modified")
    length = answer.headers.get("Content-Length", "")
    if answer.status_code == 200:  # to a Range: the server knows none, or the file has changed
        return 0, Version(url, etag, modified, int(length) if length.isdecimal() else None)
    found = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if start is None or found is None or int(found[1]) != start:
        raise UselessError("the server answers with other bytes than were asked for")
    return start, Version(url, etag, modified, int(found[2]) if found[2].isdecimal() else None)


def _check_same(part: PartFile, version: Version) -> None:
    known = part.version
    if known is None or known.differs(version):
        part.discard()
        raise _BrokenError("the file changed on the server while it was downloaded; beginning anew")


def _check_size(total: int | None, part: PartFile, wish: Wish) -> None:
    if total is None:
        return
    if wish.bytes is not None and total != wish.bytes:
        part.discard()
        raise UselessError(f"the server's file has {total} bytes, the official one {wish.bytes}")
    if total > wish.most:
        part.discard()
        raise UselessError(f"the server's file has {total} bytes, at most {wish.most} are expected")
    free = shutil.disk_usage(part.final.parent).free
    if total - part.size > free:
        raise InputError(
            f"{part.final.name} needs {total - part.size} more bytes in {part.final.parent}, {free} are free: "
            "make room, or move the data store by LBRN_DATA"
        )


def _write(
    answer: Any, part: PartFile, first: int, total: int | None, wish: Wish, patience: Patience, seen: Seen
) -> None:
    position, known = first, part.size
    mark = (time.monotonic(), position)
    with part.open() as stream:
        stream.seek(first)
        while chunk := answer.raw.read1(_CHUNK, decode_content=False):
            if position == 0 and chunk.lstrip()[:1] == b"<":
                part.discard()
                raise UselessError("a web page instead of the file")
            old = stream.read(min(len(chunk), max(0, known - position)))
            if old != chunk[: len(old)]:
                part.discard()
                raise _BrokenError("the file's bytes changed on the server while it was downloaded; beginning anew")
            position += len(chunk)
            if position > wish.most:
                part.discard()
                raise UselessError(f"the server sends more than the {wish.most} bytes that are expected")
            stream.write(chunk[len(old) :])
            seen(position, total)
            mark = _check_speed(mark, position, patience)
        stream.flush()
        os.fsync(stream.fileno())
    if total is not None and position < total:
        raise _BrokenError(f"the connection ended after {position} of {total} bytes")


def _check_speed(mark: tuple[float, int], position: int, patience: Patience) -> tuple[float, int]:
    """Refuse a server that trickles: each of its bytes comes in time, the file would never."""
    passed = time.monotonic() - mark[0]
    if passed < 2 * patience.stall:
        return mark
    if position - mark[1] < 1024 * passed:
        raise _BrokenError(f"only {position - mark[1]} bytes came in {passed:.0f} s")
    return time.monotonic(), position


@contextmanager
def _network(patience: Patience) -> Iterator[None]:
    """Turn the HTTP libraries' errors into ours; errors of the disk pass."""
    import requests
    import urllib3

    given_up = (requests.exceptions.SSLError, requests.exceptions.TooManyRedirects, requests.exceptions.InvalidURL)
    late = (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError)
    try:
        yield
    except given_up as error:
        raise UselessError(_short(error)) from error
    except requests.exceptions.ConnectTimeout as error:
        raise _BrokenError(f"no connection within {patience.connect:g} s", reached=False) from error
    except late as error:
        raise _BrokenError(f"nothing came for {patience.stall:g} s") from error
    except requests.exceptions.ConnectionError as error:
        raise _BrokenError(f"cannot be reached ({_short(error)})", reached=False) from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _BrokenError(f"the connection broke ({_short(error)})") from error


def _short(error: Exception) -> str:
    """The reason in an error of the HTTP libraries, without the objects around it."""
    inner: Any = error.args[0] if error.args else error
    text = str(getattr(inner, "reason", None) or inner)
    return re.sub(r"^.*object at 0x[0-9a-f]+>: |^\('|', .*\)$", "", text)
