"""The picture of the training curves."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from lbrn.files import sha256_file
from lbrn.training import curves

ROWS = [
    {"epoch": 1, "loss": 0.02, "valid_loss": 0.03, "valid_pck": 10.0, "lr": 1e-3, "seconds": 5.0},
    {"epoch": 2, "loss": 0.01, "valid_loss": 0.02, "valid_pck": 35.0, "lr": 1e-4, "seconds": 9.0},
]


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """All figures that are saved."""
    saved: list[Figure] = []
    save = Figure.savefig

    def watched(figure: Figure, *arguments: Any, **options: Any) -> None:
        saved.append(figure)
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", watched)
    return saved


def test_losses_above_and_scores_below(tmp_path: Path, figures: list[Figure]) -> None:
    curves.draw(ROWS, tmp_path / "curves.png", title="quick/mpii/shn")
    above, below = figures[0].axes
    shown = {line.get_label(): line.get_ydata() for line in above.lines}
    assert {name: list(values) for name, values in shown.items()} == {"loss": [0.02, 0.01], "valid loss": [0.03, 0.02]}
    assert above.get_yscale() == "log"
    assert list(below.lines[0].get_xdata()) == [1, 2] and list(below.lines[0].get_ydata()) == [10, 35]
    assert below.get_ylabel() == "pck" and below.get_xlabel() == "epoch"
    assert figures[0].get_suptitle() == "quick/mpii/shn"
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_equal_curves_give_equal_bytes_and_gaps_are_allowed(tmp_path: Path) -> None:
    rows = [*ROWS, ROWS[1] | {"epoch": 3, "valid_pck": np.nan}]
    for name in ("first.png", "second.png"):
        curves.draw(rows, tmp_path / name, title="title")
    assert sha256_file(tmp_path / "first.png") == sha256_file(tmp_path / "second.png")


def test_a_task_without_scores_has_one_panel(tmp_path: Path, figures: list[Figure]) -> None:
    rows = [{key: value for key, value in row.items() if key != "valid_pck"} for row in ROWS]
    curves.draw(rows, tmp_path / "curves.png", title="title")
    assert len(figures[0].axes) == 1
    assert figures[0].axes[0].get_xlabel() == "epoch"
