"""What the README tells a newcomer to type in Python runs as it stands there."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import new_user
from lbrn import LocalBinaryConv2d, load
from lbrn.engine.program import Program

pytestmark = pytest.mark.project


@pytest.fixture(scope="module")
def blocks(project_root: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", (project_root / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def test_every_block_runs_one_after_another(
    blocks: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    digits, _ = new_user.digits()
    told: dict[str, Any] = {"ResNet": new_user.ResNet, "train": new_user.train, "images": digits[:5]}
    assert len(blocks) == 2
    for block in blocks:
        exec(block, told)  # the project's own README
    assert "8 of 10 convolutions have fixed filters now" in capsys.readouterr().out
    assert sum(isinstance(layer, LocalBinaryConv2d) for layer in told["network"].modules()) == 8
    assert isinstance(told["program"], Program)
    expected = new_user.outputs(load("model.safetensors"), digits[:5])
    assert np.abs(told["heatmaps"] - expected).max() <= 1e-4 * np.abs(expected).max()
