"""An official archive from the first place that gives it: the one asked for, a lab's mirror, the authors' addresses."""

import logging
import os
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lbrn.datasets.catalog import Part, entry, limits, official_parts
from lbrn.datasets.download.checks import WrongError, verify
from lbrn.datasets.download.meter import Meter
from lbrn.datasets.download.partfile import PartFile
from lbrn.datasets.download.pins import Pins
from lbrn.datasets.download.transfer import Patience, UselessError, Wish, receive
from lbrn.errors import InputError

log = logging.getLogger("lbrn")

MIRROR = "LBRN_MIRROR"


@dataclass(frozen=True)
class Download:
    """One official archive that is wanted.

    Attributes:
        name: Dataset in the catalogue.
        part: Which of its archives.
        folder: Where the archive goes.
        pins: What data.lock holds.
        given: The only place to take it from, where the user named one: a file, a folder of files with their official
            names, a URL, or a URL that ends in `/` and stands for such a folder.
        patience: How long to try.
    """

    name: str
    part: Part
    folder: Path
    pins: Pins
    given: str | None = None
    patience: Patience = field(default_factory=Patience)

    @property
    def final(self) -> Path:
        """The archive's place in the store."""
        return self.folder / self.part.file

    @property
    def far(self) -> bool:
        """Whether any place to look is on the web.

        Raises:
            InputError: A place cannot be used at all.
        """
        return any([not _is_local(place) for place in self.places()])

    def obtain(self) -> dict[str, Any]:
        """Get the archive, checked and pinned; one that lies on a disk is used where it is, not copied.

        Returns:
            For the note: path (relative to the folder if it lies there), bytes, sha256, and the place it came from.

        Raises:
            InputError: No place gives it; the message says why for each, and what to do.
            OSError: The disk is full or not writable.
        """
        places, reasons = self.places(), list[str]()
        for place in places:
            try:
                path, sha256 = self._from_disk(place) if _is_local(place) else self._from_web(place)
            except (UselessError, WrongError) as error:
                reasons.append(f"{shown(place)}: {error}")
                if len(reasons) < len(places):
                    log.info("%s; trying the next place", reasons[-1])
                continue
            return self._told(path, sha256, shown(place))
        raise InputError(self._hopeless(reasons))

    def places(self) -> list[str]:
        """List where to look, in this order.

        Raises:
            InputError: A single file was given for a dataset of several.
        """
        if self.given is None:
            mirror = os.environ.get(MIRROR)
            first = [_under(mirror, f"{self.name}/{self.part.file}")] if mirror else []
            kept = [str(self.final)] if self.final.is_file() else []  # complete, but a later archive was not
            return [*kept, *first, *self.part.urls]
        if self.given.endswith("/") or (_is_local(self.given) and _path(self.given).is_dir()):
            return [_under(self.given, self.part.file)]
        files = [part.file for part in official_parts(self.name).values()]
        if len(files) > 1:
            raise InputError(
                f"--from {self.given}: {self.name} consists of {' and '.join(files)}; give a folder that holds them, "
                "or a URL of one that ends in /"
            )
        return [self.given]

    def _from_disk(self, place: str) -> tuple[Path, str]:
        path = _path(place).absolute()
        if not path.is_file():
            raise UselessError("there is no such file")
        return path, self._verify(path)

    def _from_web(self, url: str) -> tuple[Path, str]:
        part = PartFile(self.final)
        pieces = self._receive(url, part)
        try:
            sha256 = self._verify_received(part)
        except WrongError as error:
            if not pieces:
                raise
            # Perhaps pieces of two files: once more, from the first byte on.
            log.info("%s, put together from several answers: %s; beginning anew", part.final.name, error)
            self._receive(url, part)
            sha256 = self._verify_received(part)
        part.complete()
        return self.final, sha256

    def _receive(self, url: str, part: PartFile) -> bool:
        wish = Wish(self.part.bytes, limits(self.name).total, self.part.has_checksum or self._pinned() is not None)
        with Meter(self.part.file, self.part.bytes or self.part.about) as meter:
            return receive(url, part, wish, self.patience, meter.seen)

    def _verify(self, path: Path) -> str:
        return verify(path, self.name, self.part, self._pinned())

    def _verify_received(self, part: PartFile) -> str:
        try:
            return self._verify(part.path)
        except WrongError:
            part.discard()
            raise

    def _pinned(self) -> str | None:
        return self.pins.sha256(self.name, entry(self.name)["edition"], self.part.file)

    def _told(self, path: Path, sha256: str, place: str) -> dict[str, Any]:
        size = path.stat().st_size
        if not self.part.has_checksum and self._pinned() is None:
            self.pins.pin(self.name, entry(self.name)["edition"], self.part.file, sha256, size, place)
            log.info("%s: no checksum is published; trusted at first use and pinned in %s", path.name, self.pins.path)
        inside = path.parent == self.folder.absolute()
        return {"path": path.name if inside else str(path), "bytes": size, "sha256": sha256, "from": place}

    def _hopeless(self, reasons: list[str]) -> str:
        told = entry(self.name)
        tried = "; ".join(reasons) or "no address is known that needs no login"
        how = f" ({told['how']})" if "how" in told else ""
        return (
            f"{self.part.file} of {self.name} could not be had: {tried}. Get it yourself{how} and give it by "
            f"`lbrn data fetch {self.name} --from PATH`"
        )


def shown(place: str) -> str:
    """Return a place as it may stand in messages and notes: without user name and password.

    Args:
        place: A path or a URL.
    """
    if _is_local(place):
        return place
    parts = urllib.parse.urlsplit(place)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _is_local(place: str) -> bool:
    scheme = place.partition("://")[0] if "://" in place else ""
    if scheme not in ("", "file", "http", "https"):
        raise InputError(f"{shown_scheme(place)} cannot be downloaded: give a path, or a URL with http, https or file")
    return scheme in ("", "file")


def shown_scheme(place: str) -> str:
    """Return only the scheme of a URL, such as `ftp://...`."""
    return f"{place.partition('://')[0]}://..."


def _path(place: str) -> Path:
    if place.startswith("file://"):
        return Path(urllib.parse.unquote(place.removeprefix("file://")))
    return Path(place).expanduser()


def _under(base: str, file: str) -> str:
    return f"{base.rstrip('/')}/{file}"
