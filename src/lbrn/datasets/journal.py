"""What an interrupted preparation has done already, so that the next one goes on there and ends in the same bytes."""

import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lbrn.datasets.pixels import PatchWriter
from lbrn.files import atomic_path

JOURNAL = "journal.npz"
SECONDS = 20.0
"""So much work may be lost."""


class Journal:
    """The images done so far and where their patches went; written now and then, read once at the beginning.

    Args:
        folder: The unfinished folder.
        identity: Digest of all that decides the result; what another identity has left is begun anew.
        writers: Those of all splits, by name; `resume` brings them to the state of the journal.
    """

    def __init__(self, folder: Path, identity: str, writers: Mapping[str, PatchWriter]) -> None:
        self.path, self.identity, self.writers = folder / JOURNAL, identity, writers
        self.done: list[str] = []
        self._written = time.monotonic()

    def resume(self) -> set[str]:
        """Go on where an interrupted preparation was; return the images that are done."""
        kept = self._read()
        states = {split: _of(split, kept) for split in self.writers}
        if kept and all(writer.fits(states[split]) for split, writer in self.writers.items()):
            self.done = kept["done"].tolist()
            for split, writer in self.writers.items():
                writer.restore(states[split])
        else:
            for writer in self.writers.values():
                writer.begin()
        return set(self.done)

    def add(self, image: str) -> None:
        """Count an image as done, and write the journal if the last time is long ago."""
        self.done.append(image)
        if time.monotonic() - self._written >= SECONDS:
            self._write()
            self._written = time.monotonic()

    def close(self) -> None:
        """Remove the journal: everything is done."""
        self.path.unlink(missing_ok=True)

    def _write(self) -> None:
        states = {f"{split}.{key}": value for split, w in self.writers.items() for key, value in w.state().items()}
        with atomic_path(self.path) as temporary:
            np.savez(temporary, allow_pickle=False, done=self.done, identity=self.identity, **states)

    def _read(self) -> dict[str, NDArray[Any]]:
        try:
            with np.load(self.path, allow_pickle=False) as arrays:
                kept = dict(arrays)
        except (FileNotFoundError, ValueError, EOFError, zipfile.BadZipFile):  # nothing, or not ours: begin anew
            return {}
        return kept if str(kept.get("identity")) == self.identity else {}


def _of(split: str, kept: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The state of one split's writer."""
    return {key.removeprefix(f"{split}."): value for key, value in kept.items() if key.startswith(f"{split}.")}
