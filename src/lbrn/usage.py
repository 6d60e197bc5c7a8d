"""Runs a command line so that whatever the user can mend is one line on the error stream and exit status 2."""

import errno
import os
import sys
from typing import Any

import typer

from lbrn.errors import LbrnError

# typer carries click's exceptions along without a name of its own for this one.
USAGE_ERRORS: tuple[type[Exception], ...] = tuple(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError"
)
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
UNREADABLE = (errno.ENOENT, errno.EISDIR, errno.ENOTDIR)


def run(app: typer.Typer) -> None:
    """Run a command and end the process with its exit status.

    Args:
        app: The command line.

    Raises:
        SystemExit: Always; 2 with one line for what the user can mend.
    """
    try:
        status = app(standalone_mode=False)
    except LbrnError as error:
        stop(str(error))
    except OSError as error:
        if error.errno not in (*UNWRITABLE, *UNREADABLE):
            raise
        stop(_of_files(error))
    except USAGE_ERRORS as error:
        stop(_of_usage(error))
    raise SystemExit(status or 0)


def stop(message: str) -> None:
    """End the process with a message; an empty one (after the help was shown) says nothing.

    Raises:
        SystemExit: Always.
    """
    if message:
        print(f"lbrn: {message}", file=sys.stderr)
    raise SystemExit(2)


def _of_files(error: OSError) -> str:
    place = f" {error.filename}" if error.filename else ""
    reason = os.strerror(error.errno or 0)
    if error.errno in UNREADABLE:
        return f"cannot read{place}: {reason}; check the path"
    return f"cannot write{place}: {reason}; make room, or move the stores by LBRN_RUNS, LBRN_DATA"


def _of_usage(error: Any) -> str:
    message = error.format_message().rstrip(".")
    if "\n" in message or not message:  # the help itself, where a command was called with nothing
        print(message, end="\n" if message else "", file=sys.stderr)
        return ""
    values = [problem["input"] for problem in _problems(error.__cause__)]
    given = f" (given: {values[0]!r})" if values else ""
    return f"{message}{given}; see `{error.ctx.command_path} --help`"


def _problems(cause: Any) -> list[Any]:
    """What pydantic found wrong with a value, where it was pydantic that typer asked."""
    return list(cause.errors()) if hasattr(cause, "errors") else []
