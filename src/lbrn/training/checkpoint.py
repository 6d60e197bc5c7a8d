"""Checkpoints that survive a kill at any moment: atomic, with a checksum, two generations (design decision 8)."""

import hashlib
import io
import logging
from pathlib import Path
from typing import Any

import torch

from lbrn.errors import InputError
from lbrn.files import write_bytes

MAGIC = b"lbrn-checkpoint-1\n"
DIGEST_BYTES = 32
GENERATIONS = 2

log = logging.getLogger(__name__)


class DamagedError(InputError):
    """A checkpoint whose bytes are not those that were written."""


class Checkpoints:
    """The checkpoints of one run, in one folder.

    Args:
        folder: Where they are; made at the first save.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Write a checkpoint and drop all but the two newest.

        Args:
            step: Number of optimiser steps done; orders the generations.
            state: Tensors and plain types only, so that it can be read without running code.

        Raises:
            OSError: The disk is full; the older checkpoints stay as they were.
        """
        buffer = io.BytesIO()
        torch.save(state, buffer)
        payload = buffer.getvalue()
        write_bytes(self.folder / f"step-{step:09d}.pt", MAGIC + hashlib.sha256(payload).digest() + payload)
        for old in self._files()[GENERATIONS:]:
            old.unlink()

    def load(self) -> dict[str, Any] | None:
        """Read the newest checkpoint that is whole, or None where there is none.

        Raises:
            DamagedError: Every checkpoint is damaged.
        """
        damaged: dict[Path, DamagedError] = {}
        for path in self._files():
            try:
                state = read(path)
            except DamagedError as error:
                damaged[path] = error
                continue
            for spoilt, reason in damaged.items():
                log.warning("%s; going back to the generation before it", reason)
                spoilt.unlink()  # else it would count as a generation, and a good one be dropped
            return state
        if damaged:
            first = next(iter(damaged.values()))
            raise DamagedError(f"{first}, and no older one is whole; remove {self.folder} to train from the beginning")
        return None

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.pt"), reverse=True)


def read(path: Path) -> dict[str, Any]:
    """Read one checkpoint file.

    Raises:
        DamagedError: The checksum does not fit the content.
    """
    content = path.read_bytes()
    start = len(MAGIC) + DIGEST_BYTES
    payload = content[start:]
    if not content.startswith(MAGIC) or hashlib.sha256(payload).digest() != content[len(MAGIC) : start]:
        raise DamagedError(f"checkpoint {path} is damaged (its checksum does not fit its content)")
    state: dict[str, Any] = torch.load(io.BytesIO(payload), weights_only=True)
    return state
