"""Checkpoints: two generations, checksums, and what happens to damaged ones."""

import logging
from pathlib import Path

import pytest
import torch

from lbrn.training.checkpoint import Checkpoints, DamagedError, read


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def test_keeps_the_two_newest_and_reads_the_newest(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoint")
    assert checkpoints.load() is None
    for step in (9, 10, 100):
        checkpoints.save(step, {"step": step, "weights": torch.full((3,), float(step))})
    assert len(list((tmp_path / "checkpoint").iterdir())) == 2
    state = checkpoints.load()
    assert state is not None and state["step"] == 100 and state["weights"].tolist() == [100.0] * 3


@pytest.mark.parametrize("position", [0, 30, -1])
def test_a_flipped_bit_goes_back_one_generation_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, position: int
) -> None:
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 2):
        checkpoints.save(step, {"step": step})
    flip(tmp_path / "step-000000002.pt", position)
    with caplog.at_level(logging.WARNING):
        state = checkpoints.load()
    assert state == {"step": 1}
    assert "step-000000002.pt is damaged" in caplog.text
    flip(tmp_path / "step-000000001.pt", position)
    with pytest.raises(DamagedError, match=r"is damaged.*no older one is whole; remove .* to train from the beginning"):
        checkpoints.load()


def test_truncated_and_foreign_files_are_damaged(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, {"step": 1})
    path = tmp_path / "step-000000001.pt"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DamagedError):
        read(path)
    torch.save({"step": 1}, path)
    with pytest.raises(DamagedError):
        read(path)
