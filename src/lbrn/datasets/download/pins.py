"""`data.lock`: the bytes that were trusted at their first download, because nobody published a checksum of them.

The file belongs into version control: whoever fetches later gets the same bytes or a clear message.
"""

import time
from pathlib import Path
from typing import Any

from lbrn.datasets.store import locked
from lbrn.errors import InputError
from lbrn.files import read_json, write_json

LOCK_FILE = "data.lock"


class Pins:
    """The pinned checksums of one project.

    Args:
        path: The file `data.lock`; absent means that nothing is pinned.
        store: Folder of the data store, where the lock against simultaneous writers lies.
    """

    def __init__(self, path: Path, store: Path) -> None:
        self.path, self.store = path, store

    def sha256(self, name: str, edition: int, file: str) -> str | None:
        """Return the pinned SHA-256 of an archive, None where there is none.

        Args:
            name: Dataset in the catalogue.
            edition: That of its entry; pins of other editions do not count.
            file: Official name of the archive.

        Raises:
            InputError: data.lock cannot be read.
        """
        told = self._all().get(name, {})
        if told.get("edition") != edition:
            return None
        pin = told.get("files", {}).get(file)
        return None if pin is None else str(pin["sha256"])

    def pin(self, name: str, edition: int, file: str, sha256: str, size: int, place: str) -> None:
        """Pin an archive at its first download.

        Args:
            name: Dataset in the catalogue.
            edition: That of its entry.
            file: Official name of the archive.
            sha256: Its checksum.
            size: Bytes.
            place: Where it came from.
        """
        told = {"sha256": sha256, "bytes": size, "from": place, "first": time.strftime("%Y-%m-%d", time.gmtime())}
        with locked(self.store / LOCK_FILE):
            pins = self._all()
            kept = pins.get(name, {})
            files = kept.get("files", {}) if kept.get("edition") == edition else {}
            pins[name] = {"edition": edition, "files": dict(sorted((files | {file: told}).items()))}
            write_json(self.path, dict(sorted(pins.items())))

    def _all(self) -> dict[str, Any]:
        try:
            pins = read_json(self.path)
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise InputError(f"{self.path} cannot be read ({error}): take the version from git") from error
        if not isinstance(pins, dict):
            raise InputError(f"{self.path} is no list of datasets: take the version from git")
        return pins
