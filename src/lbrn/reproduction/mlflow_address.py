"""The door to the MLflow view: where it is, what a local one already holds, and, only when needed, MLflow itself.

Importing MLflow takes seconds, asking its database through `sqlite3` milliseconds; so a sync that has nothing to do
asks here. Anything unexpected in the database means "not known", and MLflow itself is asked.
"""

import fcntl
import logging
import os
import sqlite3
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import urlopen

from lbrn.errors import LbrnError

if TYPE_CHECKING:
    from lbrn.reproduction.mlflow_store import Store

PATIENCE = 3.0
"""Seconds to wait for a server's answer."""
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_SQLITE = "sqlite:///"
_QUERY = """
SELECT key.value, CASE WHEN runs.status = 'FINISHED' THEN COALESCE(stamp.value, '') ELSE '' END
FROM runs JOIN tags AS key ON key.run_uuid = runs.run_uuid AND key.key = 'lbrn.key'
LEFT JOIN tags AS stamp ON stamp.run_uuid = runs.run_uuid AND stamp.key = 'lbrn.stamp'
WHERE runs.lifecycle_stage = 'active'
"""


class TrackingError(LbrnError):
    """The MLflow view cannot be written; runs and results are not touched by this."""


def tracking_uri(main_root: Path, uri: str | None = None) -> str:
    """Return the address of the view.

    Args:
        main_root: The main checkout; a relative SQLite path counts from here, so that DVC's temporary workspaces,
            which are thrown away, write to the same database.
        uri: An address that wins over the environment.

    Returns:
        `uri`, else `$MLFLOW_TRACKING_URI`, else `mlflow.db` in the main root, where `mlflow ui` looks by itself.
    """
    chosen = uri or os.environ.get("MLFLOW_TRACKING_URI") or f"{_SQLITE}mlflow.db"
    if not chosen.startswith(_SQLITE):
        return chosen
    return f"{_SQLITE}{Path(main_root).resolve() / chosen.removeprefix(_SQLITE)}"


def database(uri: str) -> Path | None:
    """Return the file of an SQLite address, None for any other."""
    return Path(uri.removeprefix(_SQLITE)) if uri.startswith(_SQLITE) else None


def known(uri: str) -> dict[str, list[str]] | None:
    """Return the content stamps a local database holds for each run key.

    Args:
        uri: Address of the view.

    Returns:
        Run key -> one stamp for each active record (empty text: unfinished); None where only MLflow can tell.
    """
    path = database(uri)
    if path is None or not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=PATIENCE)) as connection:
            rows = connection.execute(_QUERY).fetchall()
    except sqlite3.Error:
        return None
    stamps: dict[str, list[str]] = {}
    for key, stamp in rows:
        stamps.setdefault(key, []).append(stamp)
    return stamps


def run_ids(uri: str, key: str) -> list[str]:
    """Return MLflow's ids of a run in a local view; none where it has none, or cannot be read.

    Args:
        uri: Address of the view.
        key: Key of the run.
    """
    path = database(uri)
    if path is None or not path.is_file():
        return []
    query = (
        "SELECT runs.run_uuid FROM runs JOIN tags ON tags.run_uuid = runs.run_uuid "
        "WHERE tags.key = 'lbrn.key' AND tags.value = ? AND runs.lifecycle_stage = 'active'"
    )
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=PATIENCE)) as connection:
            return [str(row[0]) for row in connection.execute(query, (key,))]
    except sqlite3.Error:
        return []


def _check_answers(uri: str) -> None:
    """Ask a server for any answer at all, so that a dead or hanging one costs neither retries nor an import.

    Raises:
        TrackingError: Nothing answers there in time.
    """
    if not uri.startswith(("http://", "https://")):
        return
    try:
        urlopen(f"{uri.rstrip('/')}/health", timeout=PATIENCE).close()
    except HTTPError:
        return  # A refusal is an answer; what it means is MLflow's to say.
    except OSError as error:
        if isinstance(getattr(error, "reason", None), ssl.SSLError):
            return
        raise TrackingError(
            f"the MLflow server {uri} does not answer ({error}); the runs are safe, `lbrn track` catches up later"
        ) from error


def _prepare() -> None:
    """Set what MLflow reads on import: no telemetry, no chatter, a failing server given up in seconds, not minutes."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    logging.getLogger("alembic").setLevel(logging.WARNING)


@contextmanager
def lock(main_root: Path) -> Iterator[None]:
    """Let one process at a time write the view.

    Parallel first contact ruins an SQLite database, and "is this run there? if not, write it" must be one step.

    Args:
        main_root: The main checkout, where `.mlflow.lock` lies.
    """
    with (Path(main_root) / ".mlflow.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextmanager
def open_store(uri: str) -> Iterator["Store"]:
    """Import MLflow and open a view; hold the lock around it.

    Args:
        uri: Address of the view.

    Yields:
        The view; MLflow's errors inside the block become a `TrackingError`.

    Raises:
        TrackingError: The view cannot be reached or written.
    """
    _check_answers(uri)
    _prepare()
    from lbrn.reproduction.mlflow_store import Store, explained

    with explained(uri):
        yield Store(uri)
