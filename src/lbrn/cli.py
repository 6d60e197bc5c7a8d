"""The command line: thin, every command one call into the package; heavy imports only where a command needs them."""

import errno
import json
import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from lbrn.errors import InputError, LbrnError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Local-binarized residual networks: reproduce the paper, use the layers.")
data = typer.Typer(no_args_is_help=True, help="Datasets: fetch, prepare, describe.")
dev = typer.Typer(no_args_is_help=True, help="For those who change lbrn itself.")
app.add_typer(data, name="data")
app.add_typer(dev, name="dev")

SpecOption = Annotated[str | None, typer.Option("--spec", help="Complete spec as JSON (the workflow passes it).")]
RunArgument = Annotated[Path, typer.Argument(help="Run folder.")]


@app.callback()
def _setup() -> None:
    logging.basicConfig(level=logging.INFO, format="lbrn: %(message)s", stream=sys.stderr)


@data.command("fetch")
def data_fetch(name: str, spec: SpecOption = None) -> None:
    """Put a dataset's archives into the data store (drawn, or checked and recorded where they lie)."""
    from lbrn.datasets.fetch import fetch

    print(fetch(_data_spec(name, spec), _project().data, progress=_progress(f"fetch {name}")))


@data.command("prepare")
def data_prepare(name: str, spec: SpecOption = None) -> None:
    """Parse a dataset and store its people as memory-mapped arrays."""
    from lbrn.datasets.fetch import fetch
    from lbrn.datasets.prepare import prepare

    chosen, store = _data_spec(name, spec), _project().data
    fetch(chosen, store, progress=_progress(f"fetch {name}"))
    print(prepare(chosen, store, progress=_progress(f"prepare {name}")))


@data.command("info")
def data_info(name: str, spec: SpecOption = None) -> None:
    """Say what a prepared dataset holds, where it came from and on which terms."""
    from lbrn.datasets.prepare import info

    print(info(_data_spec(name, spec), _project().data))


@app.command()
def train(
    run: RunArgument,
    spec: SpecOption = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 1,
    checkpoint_seconds: Annotated[float, typer.Option(min=0, help="A checkpoint at least this often.")] = 30.0,
) -> None:
    """Train a run to its end, or go on with it; without --spec the run folder's own spec."""
    import torch

    from lbrn.files import read_json
    from lbrn.tasks.base import create
    from lbrn.training.folder import read_spec
    from lbrn.training.loop import train as train_run

    torch.set_num_threads(threads)
    chosen = json.loads(spec) if spec else read_spec(run)
    folders = _prepared(chosen)
    digests = {name: read_json(folder / "info.json")["digest"] for name, folder in folders.items()}
    train_run(create(chosen, folders), chosen, run, data=digests, checkpoint_seconds=checkpoint_seconds)


@app.command()
def predict(run: RunArgument, threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 1) -> None:
    """Predict the whole test split with a trained run."""
    import torch

    from lbrn.tasks.base import create
    from lbrn.training.folder import read_spec
    from lbrn.training.predict import predict as predict_run

    torch.set_num_threads(threads)
    chosen = read_spec(run)
    print(predict_run(create(chosen, _prepared(chosen)), run))


@app.command()
def cost(
    variant: Annotated[str, typer.Argument(help="shn, lbrn-s, prm, lbrn-p, binary, hg-binary")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    setting: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE, e.g. stacks=4; repeatable.")] = None,
) -> None:
    """Print the three ledgers of a variant: trainable weights, stored bytes, operations."""
    from lbrn.models import costs

    settings = dict(_setting(text) for text in setting or [])
    print(json.dumps(costs.as_json(variant, **settings), indent=2) if as_json else costs.describe(variant, **settings))


def _setting(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator:
        raise InputError(f"--set {text!r} is not NAME=VALUE; write for example --set stacks=4")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def _project() -> Any:
    from lbrn.reproduction.project import find

    return find()


def _prepared(spec: dict[str, Any]) -> dict[str, Path]:
    from lbrn.datasets.prepare import folder

    return {name: folder(name, key, _project().data) for name, key in spec["data"].items()}


def _data_spec(name: str, spec: str | None) -> dict[str, Any]:
    if spec:
        return dict(json.loads(spec))
    from lbrn.reproduction import runs

    return runs.data_spec(name, _project())


def _progress(title: str) -> Any:
    from lbrn.training.progress import Progress

    return lambda total: Progress(title, total)


def main() -> None:
    """Run a command; what the user can mend is one line on the error stream and exit status 2."""
    try:
        app()
    except LbrnError as error:
        _stop(str(error))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise
        _stop(f"cannot write{f' {error.filename}' if error.filename else ''}: {os.strerror(error.errno)}; make room or choose another place with LBRN_RUNS and LBRN_DATA")


def _stop(message: str) -> None:
    print(f"lbrn: {message}", file=sys.stderr)
    raise SystemExit(2)
