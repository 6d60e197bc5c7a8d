"""Progress of a download with speed and time left: a bar on a terminal, a line now and then in a log file."""

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

LOG_SECONDS = 20.0


class Meter:
    """Progress of one file; a context manager.

    Args:
        title: What is being downloaded.
        about: Its rounded size in bytes, until the server says the exact one; None where unknown.
    """

    def __init__(self, title: str, about: int | None) -> None:
        self.title, self.about = title, about
        self.began = self.said = time.monotonic()
        self.first: int | None = None
        console = Console(file=sys.stderr)
        self.bar = self._bar(console) if console.is_terminal else None

    def _bar(self, console: Console) -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        bar = Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=console)
        self.task = bar.add_task(self.title, total=self.about)
        return bar

    def __enter__(self) -> "Meter":
        if self.bar:
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar:
            self.bar.stop()

    def seen(self, received: int, total: int | None) -> None:
        """Show how far it is.

        Args:
            received: Bytes so far, those of earlier sessions too.
            total: Size of the file, where the server says it.
        """
        if self.first is None:
            self.first, self.began = received, time.monotonic()
        if self.bar:
            self.bar.update(self.task, completed=received, total=total or self.about)
        elif time.monotonic() - self.said >= LOG_SECONDS:
            self.said = time.monotonic()
            print(f"{self.title}: {self.line(received, total)}", file=sys.stderr, flush=True)

    def line(self, received: int, total: int | None) -> str:
        """Say how far it is, how fast, and how long it still takes."""
        speed = (received - (self.first or 0)) / max(time.monotonic() - self.began, 1e-9)
        expected = total or self.about
        told = f"{received / 1e6:.1f} MB at {speed / 1e6:.2f} MB/s"
        if expected is None or speed <= 0:
            return told
        minutes, seconds = divmod(round(max(0, expected - received) / speed), 60)
        return f"{told}, of {expected / 1e6:.1f} MB, {minutes // 60}:{minutes % 60:02d}:{seconds:02d} left"
