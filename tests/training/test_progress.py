"""Progress in a log file: few lines, with the time left."""

import pytest

from lbrn.training import progress


def test_log_lines_come_now_and_then_with_the_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with progress.Progress("shn", total=100, done=20) as bar:
        for _ in range(40):
            clock[0] += 1.0
            bar.advance("loss 0.5")
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["shn: 40/100 loss 0.5, 0:01:00 left", "shn: 60/100 loss 0.5, 0:00:40 left"]


def test_a_terminal_gets_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    with progress.Progress("prm", total=3) as bar:
        bar.advance("x")
        bar.note("epoch 1 loss 0.25")
    shown = capsys.readouterr().err
    assert "1/3" in shown and "epoch 1 loss 0.25" in shown


def test_lines_of_an_epoch_in_a_log_have_the_time_left_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([0.0, 30.0, 30.0, 30.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(moments))
    with progress.Progress("shn", total=2) as shown:
        shown.done = 1
        shown.note("epoch 1 loss 0.5")
    assert capsys.readouterr().err == "shn: epoch 1 loss 0.5, 0:00:30 left\n"
