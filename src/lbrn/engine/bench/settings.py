"""What a user may choose about a measurement."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lbrn.engine.bench.timing import REPEATS

QUICK_REPEATS = 7


@dataclass(frozen=True)
class Settings:
    """How to measure.

    Attributes:
        out: Folder of the tables and plots.
        threads: Numbers of threads, each measured by itself.
        quick: Less of everything, to try it out.
        given_repeats: Samples of each time; by default 20, or 7 when quick.
        say: Gets a line now and then.
    """

    out: Path
    threads: tuple[int, ...] = (1,)
    quick: bool = False
    given_repeats: int | None = None
    say: Callable[[str], None] = field(default=lambda line: None)

    @property
    def repeats(self) -> int:
        """Samples of each time."""
        return self.given_repeats or (QUICK_REPEATS if self.quick else REPEATS)

    def notes(self) -> list[str]:
        """What readers of a table must know about these settings."""
        text = [
            f"medians of {self.repeats} samples; *_iqr_ms: from the first to the third quartile; all calls of a group "
            "take turns in one process, every engine with the same number of threads"
        ]
        return [*text, "quick: measured to try it out, not to be quoted"] if self.quick else text
