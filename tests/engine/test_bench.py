"""The bench: how it measures, what it writes, and one tiny measurement of everything. No test depends on a time."""

import contextlib
import csv
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lbrn.engine import TernaryConvolution, compile
from lbrn.engine.bench import block, conv, memory, network, own, peers, plots, tables, timing, training
from lbrn.engine.bench.networks import Pair, build, pictures
from lbrn.engine.bench.peers import Peers
from lbrn.engine.bench.settings import Settings
from lbrn.engine.bench.timing import Timing
from lbrn.models import registry

TINY = {"stacks": 1, "width": 16, "depth": 1}


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler takes seconds for each network; one test has it."""

    def refuse(*_: object) -> None:
        raise RuntimeError("not today\nsecond line")

    monkeypatch.setitem(peers._MAKERS, "torch-compile", refuse)


def settings(out: Path) -> Settings:
    return Settings(out, quick=True, given_repeats=1)


class FakeClock:
    """Stands still but for calls that take a known time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log: list[str] = []

    def __call__(self) -> float:
        return self.now

    def call(self, name: str, *seconds: float) -> Callable[[], None]:
        """A call that takes the given times one after the other, then the last one for ever."""
        left = list(seconds)

        def run() -> None:
            self.log.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return run


def test_long_calls_take_turns_after_two_warm_ones() -> None:
    clock = FakeClock()
    calls = {"a": clock.call("a", 9.0, 1.0, 1.0, 3.0, 2.0), "b": clock.call("b", 0.5)}
    times = timing.interleave(calls, 3, clock=clock)
    assert "".join(clock.log) == "aabb" + "ababab"
    assert times["a"].ms == pytest.approx(2000)  # of 1, 3 and 2 s; the first calls do not count
    assert times["a"].iqr_ms == pytest.approx(1000)
    assert times["b"] == Timing(pytest.approx(500), pytest.approx(0))


def test_short_calls_are_repeated_within_a_sample() -> None:
    clock = FakeClock()
    times = timing.interleave({"a": clock.call("a", 0.00025)}, 2, clock=clock)
    assert len(clock.log) == 2 + 2 * (1 + 4)  # for each sample one that is not measured, four that are: 1 ms
    assert times["a"].ms == pytest.approx(0.25)


def test_threads_settle_where_the_pool_changes() -> None:
    clock = FakeClock()
    calls = {name: clock.call(name, 1.0) for name in ("x:torch", "x:torch-compile", "x:onnxruntime", "own")}
    timing.interleave(calls, 2, pool=peers.pool, clock=clock, settling=lambda: clock.log.append("|"))
    once = ["|", "x:torch", "x:torch-compile", "|", "x:onnxruntime", "|", "own"]
    assert clock.log[8:] == once * 2


def test_settling_ends_when_no_thread_computes() -> None:
    timing.settle()


def test_fastest_is_the_smallest_median() -> None:
    assert timing.fastest({"a": Timing(2, 0), "b": Timing(1, 9), "c": Timing(3, 0)}) == "b"


def test_tables_keep_notes_and_rows(tmp_path: Path) -> None:
    rows = [{"a": 1, "b": 0.123456, "c": None}, {"a": "x, y", "b": None}]
    tables.write(tmp_path / "t.csv", ("a", "b", "c"), rows, ["two\nlines", "more"])
    assert (tmp_path / "t.csv").read_text() == '# two lines\n# more\na,b,c\n1,0.1235,\n"x, y",,\n'
    assert tables.read(tmp_path / "t.csv") == (
        ["two lines", "more"],
        [{"a": "1", "b": "0.1235", "c": ""}, {"a": "x, y", "b": "", "c": ""}],
    )


def test_machine_names_processor_and_versions() -> None:
    text = "\n".join(tables.machine())
    assert "cores" in text and f"torch {torch.__version__}" in text and "onnxruntime" in text


def test_runner_repeats_what_the_convolution_does() -> None:
    rng = np.random.default_rng(1)
    filters = rng.integers(-1, 2, (8, 8, 3, 3)).astype(np.int8)
    images = rng.standard_normal((1, 8, 9, 9), np.float32)
    convolution = TernaryConvolution(filters, padding=1, path="shared")
    wanted = convolution(images)
    table = own.convolution_table(convolution, images)
    _, _, _, target = next(iter(convolution._plans.values()))
    target.data[...] = 0
    own.runner(convolution, table, times=3)()
    np.testing.assert_array_equal(convolution(images), wanted)
    assert np.any(target.data)
    assert own.rows(table, ("ternary",)) == [len(table) - 1]


def test_runner_keeps_the_program_alive_that_its_addresses_lead_to() -> None:
    images = np.ones((1, 16, 8, 8), np.float32)

    def make() -> Callable[[], None]:
        program = compile(registry.block("shn", width=16).eval())
        return own.runner(program, own.program_table(program, images))

    (owner,) = make().__defaults__  # type: ignore[attr-defined]
    assert owner.threads == 1


def test_every_peer_runs_and_computes_the_same(one_thread: None) -> None:
    peers.begin(1)
    found = peers.prepare(registry.block("shn", width=16), np.ones((1, 16, 8, 8), np.float32), 1, "a block")
    assert (list(found.calls), found.notes) == (list(peers.PUBLIC), [])


@pytest.mark.usefixtures("one_thread")
def test_a_peer_that_cannot_run_or_computes_wrongly_is_told(no_compiler: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(peers._MAKERS, "torch", lambda network, images, threads: lambda: torch.zeros(1, 4, 5, 5))
    found = peers.prepare(nn.Conv2d(3, 4, 1), np.ones((1, 3, 5, 5), np.float32), 1, "the layer")
    assert list(found.calls) == ["torch-channels-last", "onnxruntime"]
    assert found.notes == [
        "torch cannot run the layer with 1 threads: ArithmeticError: it computes something else than torch",
        "torch-compile cannot run the layer with 1 threads: RuntimeError: not today second line",
    ]


@pytest.mark.parametrize(("error", "passes"), [(0.003, True), (0.005, False), (np.nan, False)])
def test_where_torch_itself_rounds_much_a_peer_may_too(error: float, passes: bool) -> None:
    truth = [np.array([1.0, 2.0])]
    in_torch = [truth[0] + 0.002 * 2]  # off by 0.2 per cent of the largest
    with contextlib.nullcontext() if passes else pytest.raises(ArithmeticError, match="something else than torch"):
        peers._check([truth[0] - error * 2], in_torch, lambda: truth)


def test_a_compiler_that_takes_too_long_is_stopped() -> None:
    end = time.monotonic() + 5
    with pytest.raises(TimeoutError, match=r"not warm after 0\.01 s"), peers._deadline(0.01):
        while time.monotonic() < end:
            pass


@pytest.mark.usefixtures("one_thread", "no_compiler")
def test_conv_writes_the_columns_of_the_issue(tmp_path: Path) -> None:
    conv.bench(settings(tmp_path), shapes=[conv.Shape(16, 9, 8)], sparsities=(0.1, 0.9))
    notes, rows = tables.read(tmp_path / "conv.csv")
    issue = (
        "channels,height,width,kernel,sparsity,arithmetic,threads,dense_engine,dense_ms,ternary_path,ternary_ms,ratio"
    )
    assert ",".join(rows[0]).startswith(issue)
    assert [(row["sparsity"], row["arithmetic"]) for row in rows] == [
        (sparsity, arithmetic) for sparsity in ("0.1", "0.9") for arithmetic in ("float32", "fixed")
    ]
    for row in rows:
        assert row["dense_engine"] in peers.PUBLIC and row["ternary_path"] in ("direct", "shared", "dense")
        assert float(row["ratio"]) == pytest.approx(float(row["dense_ms"]) / float(row["ternary_ms"]), rel=1e-2)
    assert any("in the engine's own layout" in note for note in notes)
    assert any(note.startswith("torch-compile cannot run 16 channels") for note in notes)
    assert any(note.startswith("quick") for note in notes)
    _drawn(tmp_path, "conv")


@pytest.mark.usefixtures("one_thread", "no_compiler")
def test_block_is_split_into_its_parts(tmp_path: Path) -> None:
    block.bench(settings(tmp_path), width=16, side=8, sparsities=(0.5,))
    _, rows = tables.read(tmp_path / "block.csv")
    assert [row["arithmetic"] for row in rows] == ["float32", "fixed"]
    for row in rows:
        assert all(float(row[f"{part}_ms"]) > 0 for part in ("reduce", "conv3x3", "expand", "rest"))
        assert row["public_engine"] in peers.PUBLIC and float(row["public_ms"]) >= float(row["dense_ms"])
        assert float(row["ceiling"]) == pytest.approx(float(row["dense_ms"]) / float(row["free_ms"]), rel=1e-2)
        assert row["paper"] == "3.25"
    _drawn(tmp_path, "block")


@pytest.mark.usefixtures("one_thread", "no_compiler")
def test_networks_are_held_against_their_twin_and_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    prepare = peers.prepare

    def recorded(network: nn.Module, images: peers.Images, threads: int, label: str, names: Sequence[str]) -> Peers:
        asked.append([f"{label}:{name}" for name in names])
        return prepare(network, images, threads, label, names)

    monkeypatch.setattr(peers, "prepare", recorded)
    network.bench(settings(tmp_path), pairs=[Pair("lbrn-s", "shn", 32, TINY, (0.5, 0.1), (1, 2))])
    _, rows = tables.read(tmp_path / "network.csv")
    issue = "network,sparsity,arithmetic,batch,height,peer,threads,peer_ms,engine_ms,ratio"
    assert ",".join(rows[0]).startswith(issue)
    first = [row for row in rows if row["batch"] == "1"]
    twin = rows[0]["peer"]
    assert twin.startswith("shn:")
    assert [row["network"] for row in first] == ["lbrn-s"] * 12 + ["shn"]
    assert {row["peer"].partition(":")[0] for row in first[4:12]} == {"lbrn-s"}
    assert {row["peer"] for row in rows if row["batch"] == "2"} == {twin}
    assert asked[2:] == [[twin]]  # with two pictures nothing but the best
    assert (rows[0]["stacks"], rows[0]["width"]) == ("1", "16")
    _drawn(tmp_path, "network")


@pytest.mark.usefixtures("one_thread")
def test_training_steps_are_compared(tmp_path: Path) -> None:
    training.bench(settings(tmp_path), pairs=[Pair("lbrn-s", "shn", 32, TINY, (0.5,), (2,))])
    _, (row,) = tables.read(tmp_path / "training.csv")
    assert (row["network"], row["peer"], row["batch"]) == ("lbrn-s", "shn:torch-channels-last", "2")
    assert float(row["peer_ms"]) > float(row["peer_forward_ms"]) > 0
    _drawn(tmp_path, "training")


def test_memory_is_measured_in_processes_of_their_own(tmp_path: Path) -> None:
    memory.bench(settings(tmp_path), pairs=[Pair("lbrn-s", "shn", 32, TINY)])
    notes, rows = tables.read(tmp_path / "memory.csv")
    assert [(row["network"], row["engine"], row["arithmetic"]) for row in rows] == [
        ("shn", "torch-channels-last", "float32"),
        ("shn", "onnxruntime", "float32"),
        ("shn", "lbrn", "float32"),
        ("lbrn-s", "torch-channels-last", "float32"),
        ("lbrn-s", "onnxruntime", "float32"),
        ("lbrn-s", "lbrn", "float32"),
        ("lbrn-s", "lbrn", "fixed"),
    ]
    for row in rows:
        assert int(row["peak_rss_bytes"]) > 0 and int(row["weights_bytes"]) > 0
        assert (row["activation_bytes"] != "") == (row["engine"] == "lbrn")
    assert not any("cannot run" in note for note in notes)


def test_a_probe_that_fails_is_told(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"nothing")
    assert "model" in memory.probe("lbrn", tmp_path / "model", "float32", 32, 1)["failed"]


def test_normalisations_of_the_benchs_networks_fit_their_activations() -> None:
    built = build("lbrn-s", 32, stacks=4, width=16, depth=1)
    found: list[tuple[float, float]] = []

    def note(module: nn.Module, given: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        found.append((float(output.mean()), float(output.var())))

    for module in built.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(note)
    with torch.inference_mode():
        built(torch.from_numpy(pictures(2, 32)))  # what they were fitted to
    assert len(found) > 50
    np.testing.assert_allclose(found, [(0.0, 1.0)] * len(found), atol=0.4)


def test_many_shapes_are_thinned_out_in_the_picture() -> None:
    assert plots._spread([str(number) for number in range(18)], 3) == ["0", "8", "17"]
    assert plots._spread(["a", "b"], 3) == ["a", "b"]


@pytest.mark.parametrize("threads", ["0", "1,x", "", "1.5"])
def test_impossible_threads_are_one_line(threads: str) -> None:
    words = [sys.executable, "-m", "lbrn", "bench", "conv", "--threads", threads]
    answer = subprocess.run(words, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert (
        answer.stderr == f"lbrn: --threads {threads!r} is not possible: give whole numbers of 1 or more, such as 1,2\n"
    )


def _drawn(folder: Path, name: str) -> None:
    paths = plots.draw(folder, name)
    assert [path.name for path in paths] == [f"{name}.png", f"{name}.svg"]
    assert paths[0].read_bytes().startswith(b"\x89PNG") and "<svg" in paths[1].read_text()[:1000]
    with (folder / f"{name}.csv").open() as stream:
        assert len(list(csv.reader(stream))) > 1
