"""`lbrn bench`: measure the engine against public ones."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from lbrn.errors import InputError

bench = typer.Typer(
    no_args_is_help=True,
    help="Measure the CPU engine against the fastest public dense one. Let nothing else run meanwhile.",
)

Out = Annotated[Path, typer.Option(help="Folder of the tables and pictures.")]
Threads = Annotated[str, typer.Option(help="Numbers of threads, each measured by itself.")]
Quick = Annotated[bool, typer.Option("--quick", help="Few shapes and samples: to try it out, not to be quoted.")]
Repeats = Annotated[int | None, typer.Option(min=1, help="Samples of each time (20; 7 with --quick).")]
OUT = Path("results/speed")


@bench.command()
def conv(out: Out = OUT, threads: Threads = "1,2", quick: Quick = False, repeats: Repeats = None) -> None:
    """Single convolutions: conv.csv."""
    _run(["conv"], out, threads, quick, repeats)


@bench.command()
def block(out: Out = OUT, threads: Threads = "1,2", quick: Quick = False, repeats: Repeats = None) -> None:
    """Residual blocks, part by part: block.csv."""
    _run(["block"], out, threads, quick, repeats)


@bench.command()
def network(out: Out = OUT, threads: Threads = "1,2", quick: Quick = False, repeats: Repeats = None) -> None:
    """Whole networks: network.csv and memory.csv."""
    _run(["network"], out, threads, quick, repeats)


@bench.command()
def training(out: Out = OUT, threads: Threads = "1,2", quick: Quick = False, repeats: Repeats = None) -> None:
    """A training step: training.csv."""
    _run(["training"], out, threads, quick, repeats)


@bench.command("all")
def everything(out: Out = OUT, threads: Threads = "1,2", quick: Quick = False, repeats: Repeats = None) -> None:
    """All of them: some 20 minutes with two threads."""
    _run(["conv", "block", "network", "training"], out, threads, quick, repeats)


@bench.command()
def accuracy(
    runs: Annotated[list[Path], typer.Argument(help="Folders of trained pose runs.", exists=True, file_okay=False)],
    out: Out = OUT,
) -> None:
    """What the engine does to the scores of trained runs: accuracy.csv."""
    from lbrn.reproduction import engine_accuracy, project

    rows = [row for run in runs for row in engine_accuracy.measure(run, project.find())]
    engine_accuracy.write(rows, out / "accuracy.csv")
    print(out / "accuracy.csv")


def _run(names: list[str], out: Path, threads: str, quick: bool, repeats: int | None) -> None:
    counts = _counts(threads)
    from lbrn.engine.bench.run import run
    from lbrn.engine.bench.settings import Settings

    def say(line: str) -> None:
        print(f"lbrn: {line}", file=sys.stderr, flush=True)

    for path in run(names, Settings(out, counts, quick, repeats, say)):
        print(path)


def _counts(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) >= 1 for part in parts):
        raise InputError(f"--threads {text!r} is not possible: give whole numbers of 1 or more, such as 1,2")
    return tuple(dict.fromkeys(int(part) for part in parts))
