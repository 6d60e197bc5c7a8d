"""Progress with the time left: a bar on a terminal, a line now and then in a log file."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

LOG_SECONDS = 20.0


class Progress:
    """Progress of one job; a context manager.

    Args:
        title: What is being done.
        total: Number of steps in all.
        done: Steps done before.
    """

    def __init__(self, title: str, total: int, done: int = 0) -> None:
        self.title, self.total, self.done, self.first = title, total, done, done
        self.began = self.said = time.monotonic()
        self.console = Console(file=sys.stderr)
        self.bar = self._bar() if self.console.is_terminal else None

    def _bar(self) -> Bar:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        bar = Bar(*columns, TextColumn("left"), TimeRemainingColumn(), console=self.console)
        self.task = bar.add_task(self.title, total=self.total, completed=self.done)
        return bar

    def __enter__(self) -> "Progress":
        if self.bar:
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar:
            self.bar.stop()

    def advance(self, text: str = "") -> None:
        """Count one step and show `text` beside it."""
        self.done += 1
        if self.bar:
            self.bar.update(self.task, advance=1, description=f"{self.title} {text}")
        elif time.monotonic() - self.said >= LOG_SECONDS:
            self.note(f"{self.done}/{self.total} {text}")

    def note(self, text: str) -> None:
        """Say a line that stays; in a log with the time left, which a bar shows anyway."""
        self.said = time.monotonic()
        if self.bar:
            self.bar.console.print(text, highlight=False)
        else:
            print(f"{self.title}: {text}, {self.left()} left", file=sys.stderr, flush=True)

    def left(self) -> str:
        """Time left at the mean speed so far, as h:mm:ss."""
        pace = (time.monotonic() - self.began) / max(1, self.done - self.first)
        minutes, seconds = divmod(round(pace * (self.total - self.done)), 60)
        return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


@contextmanager
def counted(title: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function of (done, total) that shows progress; a total that changes, or less done, begins anew."""
    shown: list[Progress] = []

    def show(done: int, total: int) -> None:
        if not shown or total != shown[-1].total or done < shown[-1].done:
            while shown:
                shown.pop().__exit__(None, None, None)
            shown.append(Progress(title, total).__enter__())
        while shown[-1].done < done:
            shown[-1].advance()

    try:
        yield show
    finally:
        while shown:
            shown.pop().__exit__(None, None, None)
