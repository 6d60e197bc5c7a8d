"""Memory of whole networks: each engine in a fresh process that holds nothing else."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lbrn import modelfile, onnxfile
from lbrn.engine.bench import networks, tables
from lbrn.engine.bench.networks import Pair
from lbrn.engine.bench.settings import Settings
from lbrn.engine.bench.tables import Row

COLUMNS = (
    "network", "sparsity", "engine", "arithmetic", "batch", "height", "threads", "file_bytes", "weights_bytes",
    "activation_bytes", "rss_bytes", "peak_rss_bytes",
)  # fmt: skip

NOTES = (
    "each in a fresh process, after its packages were loaded: growth of the resident memory until after three runs "
    "(rss_bytes), and its highest value on the way, loading included (peak_rss_bytes)",
    "file_bytes: model file (learned tensors and a seed) or ONNX file; weights_bytes: parameters and filters in use as "
    "the engine reports them; activation_bytes: buffers of this engine, planned for the shape; others do not report",
    "lbrn: some 60 MB of the growth are Numba and LLVM loading the kernels, whatever the network",
)
SPARSITY = 0.5


def bench(settings: Settings, *, pairs: Sequence[Pair] | None = None) -> None:
    """Write memory.csv.

    Args:
        settings: How to measure; with the smallest number of threads.
        pairs: Which networks.
    """
    rows: list[Row] = []
    notes: list[str] = []
    for pair in pairs or (networks.QUICK_PAIRS if settings.quick else networks.PAIRS):
        for variant, sparsity in ((pair.real, None), (pair.network, SPARSITY)):
            settings.say(f"memory: {variant}")
            rows += _measure(variant, sparsity, pair, min(settings.threads), notes)
    head = [*NOTES, *settings.notes()[1:], *tables.machine(), *notes]
    tables.write(settings.out / "memory.csv", COLUMNS, rows, head)


def _measure(variant: str, sparsity: float | None, pair: Pair, threads: int, notes: list[str]) -> list[Row]:
    given = {} if sparsity is None else {"sparsity": sparsity}
    network = networks.build(variant, pair.side, **pair.settings, **given)
    spec = {"variant": variant, "network": {**pair.settings, **given}, "seed": 0, "filter_seed": 0}
    arithmetics = ("float32",) if sparsity is None else ("float32", "fixed")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        model, onnx = Path(folder) / "model.safetensors", Path(folder) / "model.onnx"
        modelfile.save(model, network, spec)
        probes = [("torch-channels-last", "float32", model)]
        probes += [("lbrn", arithmetic, model) for arithmetic in arithmetics]
        try:
            onnxfile.export(network, networks.pictures(1, pair.side), onnx)
        except (ImportError, RuntimeError) as error:
            notes.append(f"onnxruntime cannot run {variant}: {' '.join(str(error).split())[:200]}")
        else:
            probes.insert(1, ("onnxruntime", "float32", onnx))
        weights = sum(value.nbytes for value in (*network.parameters(), *network.buffers()))
        for engine, arithmetic, path in probes:
            told = probe(engine, path, arithmetic, pair.side, threads)
            if "failed" in told:
                notes.append(f"{engine} cannot run {variant} in a process of its own: {told['failed']}")
                continue
            common = {"network": variant, "sparsity": sparsity, "engine": engine, "arithmetic": arithmetic, "batch": 1}
            sizes = {"height": pair.side, "threads": threads, "file_bytes": path.stat().st_size}
            rows.append({**common, **sizes, "weights_bytes": weights} | told)
    return rows


def probe(engine: str, path: Path, arithmetic: str, side: int, threads: int) -> dict[str, Any]:
    """Run a file in a fresh process and say how its memory grew; `failed` holds the reason where it cannot."""
    words = [engine, str(path), arithmetic, str(side), str(threads)]
    answer = subprocess.run(
        [sys.executable, "-m", "lbrn.engine.bench.probe", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
    )
    if answer.returncode:
        return {"failed": (answer.stderr.strip().splitlines() or [f"exit status {answer.returncode}"])[-1][:200]}
    told: dict[str, Any] = json.loads(answer.stdout)
    return told
