"""Training curves as points of a small picture, by hand."""

import pytest

from lbrn.reproduction.report.curves import curve


def history(name: str, scores: list[str]) -> list[dict[str, str]]:
    losses = ["0.8", "0.4", "0.2"]
    return [
        {"epoch": str(n), "loss": loss, "valid_loss": "9", name: score, "valid_mae": "0.5", "lr": "1"}
        for n, (loss, score) in enumerate(zip(losses, scores, strict=True), start=1)
    ]


@pytest.mark.parametrize(
    ("name", "scores", "last", "score"),
    [
        ("valid_pck", ["0", "50", "75"], "75.0 %", "0.0,64.0 120.0,32.0 240.0,16.0"),
        ("valid_maxf", ["0", "0.5", "0.75"], "0.750", "0.0,64.0 120.0,32.0 240.0,16.0"),
        ("valid_pck", ["", "50", ""], "50.0 %", "120.0,32.0"),
        ("valid_pck", ["", "", ""], "", ""),
    ],
)
def test_scores_lie_between_nothing_and_all(name: str, scores: list[str], last: str, score: str) -> None:
    found = curve(history(name, scores))
    assert (found.last, found.score, found.score_name) == (last, score, name.removeprefix("valid_"))
    assert (found.epochs, found.loss) == (3, "0.0,0.0 120.0,32.0 240.0,48.0")


def test_one_epoch_without_any_score() -> None:
    found = curve([{"epoch": "1", "loss": "0", "valid_loss": "1", "lr": "1"}])
    assert (found.last, found.score, found.loss, found.epochs) == ("", "", "0.0,64.0", 1)
