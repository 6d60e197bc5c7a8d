"""How long trainings take on this machine: from finished runs of the same kind, else from a few measured steps."""

import json
import math
import statistics
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbrn.datasets.catalog import unit
from lbrn.files import read_json
from lbrn.reproduction import data_specs, runs
from lbrn.reproduction.book import Book

Spec = Mapping[str, Any]
STEPS = 3
"""Timed steps of each network, after one that is not timed."""
LONG_STEP = 2.0
"""Seconds: a first step this long is the only one."""
UNIT = 1000
"""People that times are said for where it is not known how many there are."""


@dataclass(frozen=True)
class Estimate:
    """How long the trainings that are missing will take.

    Attributes:
        missing: How many are not finished.
        seconds: Core-seconds of training in all.
        longest: Seconds of the longest one; a lower bound whatever the number of cores.
        measured: How many kinds of network were timed for a few steps.
        known: How many kinds have finished runs on this processor.
        uncounted: Datasets of which it is not known how many people they have; then `seconds` and `longest` are for
            every `UNIT` people that a network is trained on.
    """

    missing: int
    seconds: float
    longest: float
    measured: int
    known: int
    uncounted: tuple[str, ...]


def estimate(book: Book, cpu: str) -> Estimate:
    """Estimate the trainings of the wished tables that are not finished, with one thread each.

    Args:
        book: The settings.
        cpu: Name of this machine's processor, as runs record it.

    Raises:
        InputError: A table cannot be made with these settings.
    """
    found = [specs for number in book.params.tables for specs in runs.table_runs(book, number).values()]
    named = runs.unique(spec for specs in found for spec in specs)
    waiting = [spec for key, spec in named.items() if not (book.project.run(key) / "done.json").exists()]
    people = {name: count for number in book.params.tables for name, count in _people(book, number).items()}
    uncounted = tuple(sorted({name for spec in waiting for name in spec["data"] if people[name] is None}))
    finished = {} if uncounted else _finished(book.project.runs, cpu)
    steps: dict[str, float] = {}
    lengths = []
    for spec in waiting:
        kind = kind_of(spec)
        if kind in finished:
            lengths.append(statistics.median(finished[kind]))
            continue
        if kind not in steps:
            steps[kind] = step_seconds(spec)
        trained_on = UNIT if uncounted else sum(people[name] or 0 for name in spec["data"])
        lengths.append(steps[kind] * math.ceil(trained_on / spec["recipe"]["batch"]) * spec["recipe"]["epochs"])
    known = {kind_of(spec) for spec in waiting} & finished.keys()
    return Estimate(len(waiting), sum(lengths), max(lengths, default=0.0), len(steps), len(known), uncounted)


def kind_of(spec: Spec) -> str:
    """What trainings of equal length have in common: network, recipe and data, but no seeds.

    Args:
        spec: A run's spec.
    """
    return json.dumps([spec[key] for key in ("variant", "network", "recipe", "data", "version")], sort_keys=True)


def step_seconds(spec: Spec) -> float:
    """Time a training step on noise, with one thread: forward, loss of all stacks, backward, optimiser.

    Args:
        spec: A run's spec.

    Returns:
        Seconds of the processor, so that what else runs meanwhile does not count.
    """
    import torch

    from lbrn.models import build
    from lbrn.training.schedule import optimiser

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        network = build(spec["variant"], seed=0, **spec["network"]).train()
        update = optimiser(network, spec["recipe"])
        side = spec["recipe"]["input"]
        images = torch.randn(spec["recipe"]["batch"], 3, side, side).contiguous(memory_format=torch.channels_last)
        times: list[float] = []
        while len(times) <= STEPS and not (times and times[0] > LONG_STEP):
            began = time.process_time()
            update.zero_grad(set_to_none=True)
            torch.stack([(maps**2).mean() for maps in network(images)]).sum().backward()  # type: ignore[no-untyped-call]
            update.step()
            times.append(time.process_time() - began)
    finally:
        torch.set_num_threads(threads)
    return statistics.median(times[1:] or times)


def _people(book: Book, number: int) -> dict[str, int | None]:
    """People in the training set of each dataset; None where that is not known."""
    counts: dict[str, int | None] = {}
    for name, spec in data_specs.table_data(book, number).items():
        info = book.project.prepared(data_specs.data_key(spec)) / "info.json"
        drawn = spec[unit(name)]
        if info.exists():
            counts[name] = int(read_json(info)["splits"].get("train", {}).get(unit(name), 0))
        else:
            counts[name] = None if drawn is None else int(drawn["train"])
    return counts


def _finished(store: Path, cpu: str) -> dict[str, list[float]]:
    """Seconds of all finished runs that were trained with one thread of this processor, by their kind."""
    from lbrn.training.folder import read_spec

    found: dict[str, list[float]] = {}
    for path in _done_files(store):
        done = read_json(path)
        environment = done["environment"]
        if (environment.get("cpu"), environment.get("threads")) == (cpu, 1) and "seconds" in done:
            found.setdefault(kind_of(read_spec(path.parent)), []).append(float(done["seconds"]))
    return found


def _done_files(store: Path) -> Iterable[Path]:
    return sorted(store.glob("*/*/*/done.json"))
