"""What the doctor says of a machine, held against machines that are made up."""

import math
from collections import namedtuple
from pathlib import Path

import pytest
import yaml

from lbrn.files import write_json
from lbrn.reproduction import doctor, durations, runs
from lbrn.reproduction.doctor import OK, PROBLEM, WARNING
from lbrn.reproduction.project import find
from toy_project import SIZES, Toy, make_toy

pytestmark = pytest.mark.project


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    toy = make_toy(tmp_path / "project", columns=["SHN", "LBRN-S"])
    toy.root.joinpath("constraints.txt").write_text("numpy==0.0.1\n")
    return toy


def test_a_healthy_machine_is_told_what_takes_how_long(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durations, "step_seconds", lambda spec: 100.0 if spec["variant"] == "shn" else 50.0)
    monkeypatch.setattr(doctor, "_cores", lambda: 2)
    monkeypatch.setattr(doctor, "_free_memory", lambda: 8.0)
    answer = toy.lbrn("doctor")
    steps = math.ceil(SIZES["people_train"] / SIZES["batch"])
    assert answer.status == 0 and steps == 2
    assert "2 trainings to go: about 5 min of one core, 3 min with 2 at a time" in answer.out  # (100 + 50) * 2 s
    assert "2 kinds timed for a few steps" in answer.out
    assert "warning numpy " in answer.out and "but tested with 0.0.1" in answer.out
    assert "mpii (standin-1): will be drawn, a stand-in" in answer.out


def test_a_real_step_is_timed(toy: Toy) -> None:
    assert 0 < durations.step_seconds(toy.run_spec()) < 5


def test_finished_runs_of_the_same_kind_are_believed_more(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durations, "step_seconds", lambda _: 1.0)
    toy.knobs(columns=["SHN"], seeds=[0, 1, 2, 3])
    book = toy.book()
    for spec, seconds, cpu, threads in zip(
        runs.table_runs(book, 1)["SHN"], (40.0, 60.0, 1000.0), ("ours", "ours", "other"), (1, 1, 1), strict=False
    ):
        folder = toy.root / "results/runs" / runs.run_key(spec)
        write_json(folder / "done.json", {"seconds": seconds, "environment": {"cpu": cpu, "threads": threads}})
        (folder / "spec.yaml").write_text(yaml.safe_dump(spec))
    found = durations.estimate(book, "ours")
    assert (found.missing, found.seconds, found.known, found.measured) == (1, 50.0, 1, 0)
    assert durations.estimate(book, "new").seconds == 2.0
    toy.knobs(seeds=[0, 1])
    assert durations.estimate(toy.book(), "ours").missing == 0


def test_what_is_not_known_is_not_guessed(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durations, "step_seconds", lambda _: 1.0)
    monkeypatch.setattr(doctor, "_cores", lambda: 1)
    answer = toy.lbrn("doctor", "--scale", "paper")
    assert "mpii (official-1): will be downloaded (12.9 GB)" in answer.out
    assert "for every 1000 people to train on" in answer.out  # 2 networks * 250 batches * 100 epochs
    assert "about 13.9 h of one core" in answer.out
    assert "how many people mpii has is known once it is prepared" in answer.out


def test_a_source_that_is_not_there_is_a_problem_and_costs_no_calibration(toy: Toy) -> None:
    toy.knobs(sources={"mpii": "/nowhere/mpii", "lsp": "auto", "lspet": "auto"})
    answer = toy.lbrn("doctor")
    assert answer.status == 1
    assert "PROBLEM table 1: source of mpii: /nowhere/mpii does not exist" in answer.out
    assert "trainings" not in answer.out.split("PROBLEM")[1]
    assert (
        "--scale: scale is 'huge', but must be quick, small or paper" in toy.lbrn("doctor", "--scale", "huge").complaint
    )


Usage = namedtuple("Usage", "free")


def test_disk_memory_processor_and_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: Usage(1e9))
    assert doctor.stores(tmp_path / "not" / "yet").level == WARNING
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    assert doctor.stores(tmp_path).level == PROBLEM
    monkeypatch.setattr(doctor, "_cores", lambda: 4)
    for free, level, word in ((8.0, OK, "8.0 GB"), (4.0, WARNING, "--cores 2"), (1.0, PROBLEM, "close other")):
        monkeypatch.setattr(doctor, "_free_memory", lambda free=free: free)
        found = doctor.memory()
        assert found.level == level and word in found.text
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 1 kB\nMemAvailable:   2000000 kB\n")
    monkeypatch.undo()
    monkeypatch.setattr(doctor, "MEMORY", meminfo)
    assert doctor._free_memory() == pytest.approx(2.048)
    for load, level in ((0.1, OK), (100.0, WARNING)):
        monkeypatch.setattr(doctor.os, "getloadavg", lambda load=load: (load, 0, 0))
        assert doctor.processor().level == level
    monkeypatch.setattr(doctor, "OLDEST_PYTHON", (9, 0))
    assert doctor.python().level == PROBLEM


def test_an_absent_package_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "WATCHED", ("numpy", "no-such-package"))
    levels = [(check.level, check.text.split()[0]) for check in doctor.packages(tmp_path / "none.txt")]
    assert levels == [(PROBLEM, "no-such-package"), (OK, "as")]


def test_what_cannot_be_downloaded_is_a_problem(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    told = doctor.catalog.official_parts("mpii")
    closed = {name: part.__class__(**{**vars(part), "urls": ()}) for name, part in told.items()}
    monkeypatch.setattr(doctor.catalog, "official_parts", lambda _: closed)
    checks = doctor.examine(find(toy.root), "paper", calibrate=False)
    assert any(check.level == PROBLEM and "cannot be downloaded" in check.text for check in checks)
