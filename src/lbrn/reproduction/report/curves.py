"""Training curves as lines of a small picture that is part of the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 240, 64
"""Size of the picture in its own units."""

SHARES = ("maxf", "mae")
"""Scores from 0 to 1; all others are percent."""


@dataclass(frozen=True)
class Curve:
    """The history of a training.

    Attributes:
        score_name: What is scored on the validation samples, such as `pck`.
        last: The last score with its unit; empty where it was never scored.
        epochs: How many epochs there are.
        score: Points of the line of the score, nothing below and the best that can be above; empty likewise.
        loss: Points of the line of the loss, zero below and its highest value above.
    """

    score_name: str
    last: str
    epochs: int
    score: str
    loss: str


def curve(history: Sequence[Mapping[str, str]]) -> Curve:
    """Draw a history.

    Args:
        history: Rows of `history.csv`, one an epoch, at least one.
    """
    columns = [name for name in history[0] if name.startswith("valid_") and name != "valid_loss"]
    column = columns[0] if columns else ""
    name = column.removeprefix("valid_")
    scores = [float(row[column]) if column and row[column] else None for row in history]
    losses = [float(row["loss"]) if row.get("loss") else None for row in history]
    known = [score for score in scores if score is not None]
    highest = max((loss for loss in losses if loss is not None), default=0.0)
    return Curve(
        score_name=name,
        last="" if not known else f"{known[-1]:.3f}" if name in SHARES else f"{known[-1]:.1f} %",
        epochs=len(history),
        score=_points(scores, 1.0 if name in SHARES else 100.0),
        loss=_points(losses, highest),
    )


def _points(values: Sequence[float | None], highest: float) -> str:
    step = WIDTH / max(1, len(values) - 1)
    scaled = [
        (n * step, HEIGHT * (1 - value / (highest or 1.0))) for n, value in enumerate(values) if value is not None
    ]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in scaled)
