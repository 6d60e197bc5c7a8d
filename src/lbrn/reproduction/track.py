"""`lbrn track`: mirror the run folders into MLflow, after the fact or while they train.

The run folders are the truth and MLflow is a view of them: it may be deleted, moved or unreachable at any time, and
the next `lbrn track` makes it whole. So nothing here is needed for a result, and training knows nothing of it.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lbrn.errors import InputError
from lbrn.reproduction.mlflow_address import TrackingError, known, lock, open_store, tracking_uri
from lbrn.reproduction.record import Record, records


@dataclass(frozen=True)
class Summary:
    """What one sync did.

    Attributes:
        uri: Address of the view.
        logged: Keys of runs written or replaced.
        unchanged: Keys of runs that were there with the same content.
        unfinished: Keys of runs left out because they have not ended.
        problems: One message for each run whose folder cannot be read.
    """

    uri: str
    logged: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """One line for the terminal."""
        counts = f"{len(self.logged)} logged, {len(self.unchanged)} unchanged, {len(self.unfinished)} unfinished"
        return f"MLflow at {self.uri}: {counts}"


def track(runs_root: Path, main_root: Path, *, uri: str | None = None) -> Summary:
    """Make the MLflow view hold every finished run of the store exactly once, with its present content.

    Safe to call as often and as parallel as one likes; MLflow is imported only when there is something to write
    (to a server: whenever there are finished runs). Records of runs that left the store stay.

    Args:
        runs_root: The run store.
        main_root: The main checkout, home of `mlflow.db`, `mlartifacts/` and the lock.
        uri: Address of the view; default as `tracking_uri`.

    Returns:
        What was done.

    Raises:
        TrackingError: The view cannot be reached or written.
    """
    summary = Summary(tracking_uri(main_root, uri))
    stamps: dict[Record, str] = {}
    for record in records(runs_root):
        if record.finished:
            stamps[record] = record.stamp()
        else:
            summary.unfinished.append(record.key)
    if not stamps:
        return summary
    with lock(main_root):
        present = known(summary.uri) or {}
        if all(present.get(record.key) == [stamp] for record, stamp in stamps.items()):
            summary.unchanged.extend(record.key for record in stamps)
        else:
            _write(stamps, summary)
    return summary


def _write(stamps: Mapping[Record, str], summary: Summary) -> None:
    with open_store(summary.uri) as store:
        for record, stamp in stamps.items():
            try:
                written = store.mirror(record, stamp)
            except InputError as error:
                summary.problems.append(str(error))
            else:
                (summary.logged if written else summary.unchanged).append(record.key)


class Follower:
    """Shows runs in MLflow while they train: sends the new epochs of every history that grows.

    Args:
        runs_root: The run store.
        main_root: The main checkout.
        uri: Address of the view; default as `tracking_uri`.
    """

    def __init__(self, runs_root: Path, main_root: Path, uri: str | None = None) -> None:
        self._runs_root = runs_root
        self._main_root = main_root
        self._uri = tracking_uri(main_root, uri)
        # Histories that are there and stand still belong to earlier, broken-off runs; nothing is training them now.
        self._epochs = {record.key: len(record.history) for record in records(runs_root)}
        self._live: dict[str, Record] = {}

    def tick(self) -> None:
        """Send what is new since the last tick; whatever cannot be sent is tried again at the next.

        Raises:
            TrackingError: The view cannot be reached or written.
        """
        now = records(self._runs_root)
        grown = [r for r in now if not r.finished and len(r.history) not in (0, self._epochs.get(r.key, 0))]
        ended = [r for r in now if r.key in self._live and r.finished and r.scores]
        if not grown and not ended:
            return
        with lock(self._main_root), open_store(self._uri) as store:
            for record in grown:
                store.grow(record)
                self._live[record.key] = record
                self._epochs[record.key] = len(record.history)
            for record in ended:
                store.mirror(record, record.stamp())
                del self._live[record.key]

    def close(self) -> None:
        """Mark the runs that are still unfinished as killed.

        Raises:
            TrackingError: The view cannot be reached or written.
        """
        unfinished = [record for record in self._live.values() if not record.finished]
        if not unfinished:
            return
        with lock(self._main_root), open_store(self._uri) as store:
            for record in unfinished:
                store.abandon(record)


def follow(
    runs_root: Path, main_root: Path, interval: float = 5.0, *, uri: str | None = None, parent: int | None = None
) -> None:
    """Mirror running runs until SIGTERM or SIGINT comes or the process that started this one is gone.

    Args:
        runs_root: The run store.
        main_root: The main checkout.
        interval: Seconds between two looks at the histories.
        uri: Address of the view; default as `tracking_uri`.
        parent: Process that must be this one's parent; default: whatever the parent is now.
    """
    parent = os.getppid() if parent is None else parent
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    follower = Follower(runs_root, main_root, uri)
    warn = _Once()
    while not stop.is_set() and os.getppid() == parent:
        warn.about(follower.tick)
        stop.wait(interval)
    warn.about(follower.tick)
    warn.about(follower.close)


class _Once:
    """Runs actions whose failure must not end the watch, and reports a repeated failure only once."""

    def __init__(self) -> None:
        self._said = ""

    def about(self, action: Callable[[], None]) -> None:
        try:
            action()
        except (TrackingError, InputError) as error:
            if str(error) != self._said:
                print(f"lbrn: {error}", file=sys.stderr, flush=True)
                self._said = str(error)
