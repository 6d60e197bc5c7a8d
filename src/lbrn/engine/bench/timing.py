"""Times of several calls that take turns, so that whatever disturbs the machine disturbs all of them alike."""

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Call = Callable[[], object]
Clock = Callable[[], float]

SAMPLE_SECONDS = 1e-3
"""A shorter call is repeated within a sample until it lasts so long: clock and interpreter weigh little then."""

LONG_SECONDS = 0.02
"""A call of this length is not made once more, unmeasured, before each sample: caches are the least of it."""

LOOK_SECONDS, LONGEST_SETTLING = 5e-3, 0.5
"""How long to look whether threads still run (the system counts in steps of some milliseconds), and for how long."""

REPEATS = 20


@dataclass(frozen=True)
class Timing:
    """How long one call takes.

    Attributes:
        ms: Median of the samples in milliseconds.
        iqr_ms: From their first to their third quartile.
    """

    ms: float
    iqr_ms: float


def summarise(samples: list[float]) -> Timing:
    """Median and spread of samples in seconds."""
    if len(samples) == 1:
        return Timing(samples[0] * 1e3, 0.0)
    first, middle, third = statistics.quantiles(samples, n=4, method="inclusive")
    return Timing(middle * 1e3, (third - first) * 1e3)


def interleave(
    calls: Mapping[str, Call],
    repeats: int = REPEATS,
    *,
    pool: Callable[[str], str] | None = None,
    clock: Clock = time.perf_counter,
    settling: Callable[[], None] | None = None,
) -> dict[str, Timing]:
    """Time calls in turns: A B C A B C ...

    Each is called twice beforehand, to compile and to fill caches; before each sample of a short call comes one call
    that is not measured.

    Args:
        calls: What to time, by name.
        repeats: Samples of each, 1 or more.
        pool: Which pool of threads a call uses, by name. Where it changes, the threads of the last one get time to fall
            asleep: they look for more work first, for up to a tenth of a second, and would take a core from the next
            engine. By default all calls run in this thread alone.
        clock: Seconds.
        settling: Waits until other threads are asleep.

    Returns:
        Median and spread of one call, by the same names.
    """
    lengths = {name: _length(call, clock) for name, call in calls.items()}
    samples: dict[str, list[float]] = {name: [] for name in calls}
    last = None
    for _ in range(repeats):
        for name, call in calls.items():
            used = pool(name) if pool else None
            if used != last:
                (settling or settle)()
            last = used
            if lengths[name] < LONG_SECONDS:
                call()
            samples[name].append(_sample(call, lengths[name], clock))
    return {name: summarise(times) for name, times in samples.items()}


def fastest(timings: Mapping[str, Timing]) -> str:
    """Name of the one with the smallest median."""
    return min(timings, key=lambda name: timings[name].ms)


def settle() -> None:
    """Wait until no other thread of this process computes."""
    end = time.monotonic() + LONGEST_SETTLING
    while time.monotonic() < end:
        before = time.process_time()
        time.sleep(LOOK_SECONDS)
        if time.process_time() - before < LOOK_SECONDS / 5:
            return


def _length(call: Call, clock: Clock) -> float:
    call()
    start = clock()
    call()
    return clock() - start


def _sample(call: Call, length: float, clock: Clock) -> float:
    times = max(1, math.ceil(SAMPLE_SECONDS / max(length, 1e-7)))
    start = clock()
    for _ in range(times):
        call()
    return (clock() - start) / times
