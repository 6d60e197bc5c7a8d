"""Killed at any moment, a training goes on in a new process and ends in the same bits."""

import csv
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lbrn.files import sha256_file
from lbrn.training.folder import HISTORY, MODEL, PREDICTIONS
from tiny import Spec, TinyData
from training.victim import KillAt, KillHalfWritten, Moment, context, live

EPOCHS = 5
KILLS = 20

# Function, how many of its calls and how many of its events to choose from. All but the last group come in any order;
# they take less than the EPOCHS * 3 steps of the run, so that the last group finds a training that comes to its end.
RESUMING = [("_Run.resume", 1, 700)]
TRAINING = [("_Run._one_step", 2, 14_000), ("PoseTask.batch", 2, 1_500), ("_Run._end_epoch", 1, 11_000)]
SAVING = [("Checkpoints.save", 1, 120_000), *[("write_bytes", 2, 90)] * 3, ("sync", 4, 5), ("write_history", 1, 500)]
ENDING = [("save", 1, 29_000), ("write_bytes", 2, 40), ("write_json", 1, 1_000)]

Arm = Callable[[], None] | None


def chosen(strata: list[tuple[str, int, int]], place: Path, generator: random.Random) -> list[Arm]:
    return [
        KillAt(Moment(function, generator.randint(1, calls), generator.randint(1, events)), place)
        for function, calls, events in strata
    ]


def plan(place: Path, generator: random.Random) -> list[Arm]:
    """What kills each process; None: the test does, at a moment of no process's choosing."""
    early: list[Arm] = chosen(RESUMING + TRAINING + SAVING, place, generator)
    early += [KillHalfWritten(".pt", nth, place) for nth in (1, 2)]
    ending = [*chosen(ENDING, place, generator), KillHalfWritten(".safetensors", 1, place)]
    early += [None] * (KILLS - len(early) - len(ending))
    generator.shuffle(early)
    return early + ending


def steps_seen(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


class Lives:
    """The processes of one run, one after another."""

    def __init__(self, data: TinyData, spec: Spec, folder: Path) -> None:
        self.data, self.spec, self.folder = data, spec, folder
        self.steps, self.place = folder.with_suffix(".steps"), folder.with_suffix(".deaths")

    def start(self, arm: Arm, most_steps: int | None = None) -> Any:
        arguments = (self.data, self.spec, self.folder, self.steps, arm, most_steps)
        process = context().Process(target=live, args=arguments)
        process.start()
        return process

    def complete(self) -> None:
        process = self.start(None)
        process.join()
        assert process.exitcode == 0

    def kill(self, arm: Arm, generator: random.Random) -> None:
        before = steps_seen(self.steps)
        process = self.start(arm, most_steps=2 if arm is None else None)
        if arm is None:
            while steps_seen(self.steps) == before:
                time.sleep(0.001)
            time.sleep(generator.uniform(0, 0.1))
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL

    def first_and_last_steps(self) -> list[tuple[int, int]]:
        """First and last step that each process began."""
        seen: dict[str, list[int]] = {}
        for line in self.steps.read_text().splitlines():
            process, step = line.split()
            seen.setdefault(process, []).append(int(step))
        return [(steps[0], steps[-1]) for steps in seen.values()]


def outcome(data: TinyData, spec: Spec, folder: Path) -> tuple[str, str, list[dict[str, str]]]:
    """SHA-256 of weights and predictions, and the curves without the clock."""
    predictions = data.predict(spec, folder)
    assert predictions == folder / PREDICTIONS
    with (folder / HISTORY).open(newline="") as stream:
        rows = [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(stream)]
    return sha256_file(folder / MODEL), sha256_file(predictions), rows


# LBRN-P has all that can go wrong: fixed filters to redraw, and fractional pooling with generators of its own.
@pytest.mark.slow
@pytest.mark.parametrize("variant", ["lbrn-p", "lbrn-s"])
def test_twenty_kills_change_no_bit(variant: str, tmp_path: Path, tiny_data: TinyData) -> None:
    spec = tiny_data.spec(variant, recipe={"epochs": EPOCHS})
    undisturbed = Lives(tiny_data, spec, tmp_path / "undisturbed")
    undisturbed.complete()

    killed = Lives(tiny_data, spec, tmp_path / "killed")
    generator = random.Random(f"kills of {variant}")
    arms = plan(killed.place, generator)
    assert len(arms) == KILLS
    half_written = 0
    for arm in arms:
        killed.kill(arm, generator)
        assert not (killed.folder / "done.json").exists()
        half_written += bool(list(killed.folder.rglob(".*.tmp.*")))
    killed.complete()

    assert outcome(tiny_data, spec, killed.folder) == outcome(tiny_data, spec, undisturbed.folder)
    for before, after in zip(killed.first_and_last_steps(), killed.first_and_last_steps()[1:], strict=False):
        assert after[0] in (before[1], before[1] + 1)  # no more is lost than the step it was in
    names = {path.name for path in undisturbed.folder.rglob("*")}
    assert {path.name for path in killed.folder.rglob("*")} == names  # nothing half-written is left
    deaths = killed.place.read_text().splitlines()
    assert len(deaths) == sum(arm is not None for arm in arms)
    assert half_written >= 3


def test_the_same_run_twice_gives_the_same_digests_and_another_seed_others(tmp_path: Path, tiny_data: TinyData) -> None:
    found = []
    for name, seed in (("first", 0), ("second", 0), ("other", 1)):
        spec = tiny_data.spec("lbrn-p", seed=seed)
        tiny_data.train(spec, tmp_path / name)
        found.append(outcome(tiny_data, spec, tmp_path / name))
    first, second, other = found
    assert first == second
    assert first[0] != other[0] and first[1] != other[1]
