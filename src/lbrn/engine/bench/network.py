"""Whole networks: one of fixed filters in this engine against its real-valued twin, and itself, in public ones."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from lbrn import engine
from lbrn.engine.bench import networks, peers, tables
from lbrn.engine.bench.networks import Pair
from lbrn.engine.bench.settings import Settings
from lbrn.engine.bench.tables import Row
from lbrn.engine.bench.timing import Call, Timing, fastest, interleave
from lbrn.models import variants

COLUMNS = (
    "network", "sparsity", "arithmetic", "batch", "height", "peer", "threads", "peer_ms", "engine_ms", "ratio",
    "peer_iqr_ms", "engine_iqr_ms", "stacks", "width",
)  # fmt: skip

OWN = "lbrn"
Arithmetic = Literal["float32", "fixed"]

NOTES = (
    "engine_ms: Program.run of the network in this engine, ordinary arrays in and out; peer_ms: the network before the "
    "colon in the engine behind it, in float32, its own layout in and out. Networks of the paper's size have random "
    "weights, and normalisations that fit their activations",
    f"peers: of {', '.join(peers.PUBLIC)} the one that runs the real-valued network fastest; for the network itself "
    "the fastest of torch, and onnxruntime",
    "torch-compile: only the bottlenecks at large maps are compiled; it takes minutes for whole networks",
    "at batches after the first only the peer that was fastest with the first one is measured",
)


def bench(settings: Settings, *, pairs: Sequence[Pair] | None = None) -> None:
    """Write network.csv.

    Args:
        settings: How to measure.
        pairs: Which networks.
    """
    pairs = pairs or (networks.QUICK_PAIRS if settings.quick else networks.PAIRS)
    rows: list[Row] = []
    notes: list[str] = []
    for pair in pairs:
        measured = _Networks(pair)
        for threads in settings.threads:
            names: Sequence[str] = peers.PUBLIC
            for batch in pair.batches:
                settings.say(f"network: {pair.network} and {pair.real}, batch {batch}, threads {threads}")
                first = batch == pair.batches[0]
                repeats = settings.repeats if first else max(settings.repeats // 4, 3)
                group = measured.measure(batch, threads, names, repeats, notes)
                names = [str(group[0]["peer"]).partition(":")[2]]
                rows += group
                head = [*NOTES, *settings.notes(), *tables.machine(), *notes]
                tables.write(settings.out / "network.csv", COLUMNS, rows, head)


class _Networks:
    """The networks of a pair."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.real = networks.build(pair.real, pair.side, **pair.settings)
        self.fixed = {
            sparsity: networks.build(pair.network, pair.side, sparsity=sparsity, **pair.settings)
            for sparsity in pair.sparsities
        }

    def measure(
        self, batch: int, threads: int, names: Sequence[str], repeats: int, notes: list[str]
    ) -> list[dict[str, Any]]:
        """Rows for one batch; the first one holds the best public engine of the real-valued network."""
        pair, images = self.pair, networks.pictures(batch, self.pair.side)
        peers.begin(threads)
        whole = batch == pair.batches[0]
        found = _public(pair.real, self.real, images, threads, names, notes)
        sparsities = pair.sparsities if whole else pair.sparsities[:1]
        if whole:
            found |= _public(pair.network, self.fixed[sparsities[0]], images, threads, names, notes)
        ours = {
            (sparsity, arithmetic): _own(self.fixed[sparsity], images, threads, arithmetic)
            for sparsity in sparsities
            for arithmetic in _ARITHMETICS
        }
        calls: dict[str, Call] = dict(found)
        calls |= {f"{sparsity} {arithmetic}:{OWN}": call for (sparsity, arithmetic), call in ours.items()}
        calls[f"{pair.real} real:{OWN}"] = _own(self.real, images, threads, "float32")
        times = interleave(calls, repeats, pool=peers.pool if threads > 1 else None)
        best = fastest({name: times[name] for name in found if name.startswith(f"{pair.real}:")})
        against = [best, *_own_peers(pair.network, {name: times[name] for name in found})]
        common = {"batch": batch, "height": pair.side, "threads": threads, **_sizes(pair)}
        rows = [
            {"network": pair.network, "sparsity": sparsity, "arithmetic": arithmetic, **common}
            | _compared(peer, times[peer], times[f"{sparsity} {arithmetic}:{OWN}"])
            for peer in against
            for sparsity, arithmetic in ours
        ]
        alone = {"network": pair.real, "arithmetic": "float32", **common}
        return [*rows, alone | _compared(best, times[best], times[f"{pair.real} real:{OWN}"])]


_ARITHMETICS: tuple[Arithmetic, ...] = ("float32", "fixed")


def _public(
    label: str,
    network: nn.Module,
    images: NDArray[np.float32],
    threads: int,
    names: Sequence[str],
    notes: list[str],
) -> dict[str, Call]:
    found = peers.prepare(network, images, threads, label, names)
    notes += [note for note in found.notes if note not in notes]
    return {f"{label}:{name}": call for name, call in found.calls.items()}


def _own(network: nn.Module, images: NDArray[np.float32], threads: int, arithmetic: Arithmetic) -> Call:
    program = engine.compile(network, arithmetic=arithmetic, threads=threads)
    return lambda: program.run(images)


def _own_peers(network: str, times: Mapping[str, Timing]) -> list[str]:
    """The network itself in the fastest of torch, and in ONNX Runtime."""
    here = {name: time for name, time in times.items() if name.startswith(f"{network}:")}
    in_torch = {name: time for name, time in here.items() if peers.pool(name) == "torch"}
    others = [name for name in here if name not in in_torch]
    return [*([fastest(in_torch)] if in_torch else []), *others]


def _compared(peer: str, other: Timing, ours: Timing) -> dict[str, Any]:
    return {
        "peer": peer,
        "peer_ms": other.ms,
        "peer_iqr_ms": other.iqr_ms,
        "engine_ms": ours.ms,
        "engine_iqr_ms": ours.iqr_ms,
        "ratio": other.ms / ours.ms,
    }


def _sizes(pair: Pair) -> dict[str, Any]:
    settings = variants.get(pair.real).settings(pair.settings)
    return {"stacks": settings.get("stacks", ""), "width": settings["width"]}
