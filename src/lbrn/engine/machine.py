"""Runs a program: every thread goes through the same list of operations and does its share of each.

Between two operations the threads wait for each other. So a network is one call from Python, whatever the threads.
"""

import os
import threading

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from lbrn.engine import operations, pairs, resampling
from lbrn.engine.vectors import add_atomically, aligned, read, read_atomically

OPERATIONS = (
    "pack_input", "measure", "quantise", "ternary", "dequantise", "dense", "transform", "add", "halve", "pool",
    "resize", "pool_regions", "pack_shorts", "combine", "stretch",
)  # fmt: skip
"""Names of the operations; an operation's number is its place here."""

WIDTH = 32
"""Numbers in one row of a program: the operation and its arguments."""

SHORT = 2000
"""Looks, of a few nanoseconds each, after which a waiting thread lets others have its core: there may be too few."""

YIELD = 100
"""About so many looks take as long as one such offer."""

sched_yield = types.ExternalFunction("sched_yield", types.int32())


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def execute(program: int, count: int, thread: int, threads: int, barrier: int, arrived: int) -> None:
    """Run the rows of a program as one of several threads.

    Args:
        program: Address of (count, `WIDTH`) int64.
        count: Rows.
        thread: Which thread this is.
        threads: How many run.
        barrier: Address of an int64 that counts arrivals of threads at the ends of operations.
        arrived: What it was at the start.
    """
    for number in range(count):
        row = program + number * WIDTH * 8
        kind, a = read(row, 0), row + 8
        if kind == 0:
            operations.pack_input(a, thread, threads)
        elif kind == 1:
            operations.measure(a, thread, threads)
        elif kind == 2:
            operations.quantise(a, thread, threads)
        elif kind == 3:
            operations.ternary(a, thread, threads)
        elif kind == 4:
            operations.dequantise(a, thread, threads)
        elif kind == 5:
            operations.dense(a, thread, threads)
        elif kind == 6:
            operations.transform(a, thread, threads)
        elif kind == 7:
            operations.add(a, thread, threads)
        elif kind == 8:
            operations.halve(a, thread, threads)
        elif kind == 9:
            resampling.pool(a, thread, threads)
        elif kind == 10:
            resampling.resize(a, thread, threads)
        elif kind == 11:
            resampling.pool_regions(a, thread, threads)
        elif kind == 12:
            operations.pack_shorts(a, thread, threads)
        elif kind == 13:
            pairs.combine(a, thread, threads)
        elif kind == 14:
            pairs.stretch(a, thread, threads)
        if threads > 1:
            add_atomically(barrier, 1)
            looks = 0
            while read_atomically(barrier) < arrived + (number + 1) * threads:
                looks += 1
                if looks > SHORT:
                    sched_yield()


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def serve(post: int, served: int, patience: int) -> int:
    """Run what is posted as one of the helping threads, until nothing has come for a while; return how much was served.

    Args:
        post: Address of int64: how many programs have been posted, address of the last one, its rows, this thread's
            number, number of threads, address of the barrier, what it was.
        served: How many of them this thread has seen.
        patience: Looks without news before giving up.
    """
    idle = 0
    while idle < patience:
        if read_atomically(post) == served:
            idle += 1
            if idle > SHORT:
                sched_yield()
                idle += YIELD
            continue
        execute(read(post, 1), read(post, 2), read(post, 3), read(post, 4), read(post, 5), read(post, 6))
        served += 1
        idle = 0
    return served


class _Helper:
    """A thread that waits for programs: a short while by looking, so that the next one starts at once, then asleep."""

    PATIENCE = 200_000

    def __init__(self) -> None:
        self.post = aligned((8,), np.int64)
        self.news = threading.Event()
        threading.Thread(target=self._work, daemon=True, name="lbrn-engine").start()

    def start(self, program: NDArray[np.int64], thread: int, threads: int, arrived: int) -> None:
        """Let the thread run its share of a program."""
        self.post[1:7] = program.ctypes.data, len(program), thread, threads, _barrier.ctypes.data, arrived
        add_posted(self.post.ctypes.data)
        self.news.set()

    def _work(self) -> None:
        served = 0
        while True:
            self.news.wait()
            self.news.clear()
            served = serve(self.post.ctypes.data, served, self.PATIENCE)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def add_posted(post: int) -> None:
    """Say that a program has been posted."""
    add_atomically(post, 1)


_helpers: list[_Helper] = []
_lock = threading.Lock()  # the helpers serve one program at a time
# Never set back: a helper may still look whether it may pass the last barrier while the next program begins.
_barrier = aligned((8,), np.int64)


def _forget_helpers() -> None:
    """Start without helpers in a forked process, which has none of its parent's threads."""
    global _lock
    _helpers.clear()
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_helpers)


def run(program: NDArray[np.int64], threads: int) -> None:
    """Run a whole program.

    Args:
        program: (rows, `WIDTH`) int64, contiguous.
        threads: How many threads share the work.
    """
    if threads == 1:
        execute(program.ctypes.data, len(program), 0, 1, 0, 0)
        return
    with _lock:
        while len(_helpers) < threads - 1:
            _helpers.append(_Helper())
        arrived = int(_barrier[0])
        for number, helper in enumerate(_helpers[: threads - 1]):
            helper.start(program, number + 1, threads, arrived)
        execute(program.ctypes.data, len(program), 0, threads, _barrier.ctypes.data, arrived)
