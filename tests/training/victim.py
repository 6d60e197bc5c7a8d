"""Processes that train a run until they are killed, and die at moments that can be chosen to the function call."""

import itertools
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from tiny import Spec, TinyData

LBRN = f"{os.sep}lbrn{os.sep}"
PRELOADED = ["lbrn.tasks.pose", "lbrn.training.loop", "torch._dynamo", "yaml", "matplotlib.backends.backend_agg"]


@dataclass(frozen=True)
class Moment:
    """A moment in the life of a process: the n-th event inside one call of a function of lbrn.

    Events are calls and returns of any function, in Python or in C, and so also lie between creating a temporary
    file, writing it, forcing it onto the disk, renaming it and deleting older ones.

    Attributes:
        function: Qualified name, such as `Checkpoints.save`.
        call: Which call of it, from 1.
        event: Which event inside; the call's end if there are fewer.
    """

    function: str
    call: int
    event: int


class Killer:
    """A profiler for `sys.setprofile` that kills its own process with SIGKILL at a moment."""

    def __init__(self, moment: Moment, place: Path) -> None:
        self.moment, self.place = moment, place
        self.calls = self.events = 0
        self.inside: FrameType | None = None

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if self.inside is None:
            if event == "call" and code.co_qualname == self.moment.function and LBRN in code.co_filename:
                self.calls += 1
                self.inside = frame if self.calls == self.moment.call else None
            return
        self.events += 1
        if self.events >= self.moment.event or (frame is self.inside and event == "return"):
            name = argument.__name__ if event.startswith("c_") else code.co_name
            with self.place.open("a") as stream:
                stream.write(f"{self.moment.function} {event} {name}\n")
            os.kill(os.getpid(), signal.SIGKILL)


def live(
    data: TinyData, spec: Spec, folder: Path, steps: Path, arm: Callable[[], None] | None, most_steps: int | None
) -> None:
    """Go on with a run to its end, a checkpoint after every step; leaves a line in `steps` before each step.

    After `most_steps` it only waits to be killed, so that a slow killer still finds it alive.
    """
    from lbrn.training import loop

    one_step, begun = loop._Run._one_step, itertools.count()

    def told(run: Any, *arguments: Any) -> float:
        while next(begun) == most_steps:
            signal.pause()
        with steps.open("a") as stream:
            stream.write(f"{os.getpid()} {run.step}\n")
        return one_step(run, *arguments)

    loop._Run._one_step = told
    if arm:
        arm()
    data.train(spec, folder)


@dataclass(frozen=True)
class KillAt:
    """Arms a process to kill itself at a moment."""

    moment: Moment
    place: Path

    def __call__(self) -> None:
        sys.setprofile(Killer(self.moment, self.place))


@dataclass(frozen=True)
class KillHalfWritten:
    """Arms a process to kill itself when half of its n-th file with a suffix is written."""

    suffix: str
    nth: int
    place: Path

    def __call__(self) -> None:
        whole, seen = Path.write_bytes, []

        def half(path: Path, content: bytes) -> int:
            seen.extend([path] * (path.suffix == self.suffix))
            if len(seen) < self.nth:
                return whole(path, content)
            whole(path, content[: len(content) // 2])
            with self.place.open("a") as stream:
                stream.write(f"half a {self.suffix}\n")
            os.kill(os.getpid(), signal.SIGKILL)
            return 0

        Path.write_bytes = half  # type: ignore[method-assign]


def context() -> Any:
    """Where new processes come from: forks of a clean server that has imported torch and done nothing with it."""
    chosen = multiprocessing.get_context("forkserver")
    chosen.set_forkserver_preload(PRELOADED)
    return chosen
