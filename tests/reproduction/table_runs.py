"""A table's entry and scored run folders, made without any network."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from lbrn.files import digest
from lbrn.metrics.pck import score_matrix
from lbrn.reproduction.experiments import Table as Entry

ROWS = ["Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "Total"]
VARIANTS = {
    "HG-Binary": "hg-binary", "Binary": "binary", "SHN": "shn", "LBRN-S": "lbrn-s", "PRM": "prm", "LBRN-P": "lbrn-p",
}  # fmt: skip
COSTS = {
    "hg-binary": (6656, 0), "binary": (12672, 0), "shn": (212992, 1744830464), "lbrn-s": (65536, 536870912),
    "prm": (262144, 2147483648), "lbrn-p": (77824, 637534208),
}  # fmt: skip
INFO = {
    "name": "mpii", "identity": "standin-1", "standin": True, "digest": "ab" * 32,
    "splits": {"train": {"people": 2000}, "test": {"people": 1000}},
}  # fmt: skip


def entry(**changed: Any) -> Entry:
    columns = {label: {"variant": variant} for label, variant in VARIANTS.items()}
    content = {
        "title": "Results on the MPII validation set (PCKh@0.5)", "task": "pose", "dataset": "mpii",
        "metric": "pckh@0.5-mean14", "rows": ROWS, "costs": ["#Param (M)", "FLOPs (G)"], "columns": columns,
    }  # fmt: skip
    return Entry.model_validate({**content, **changed})


def costs(variant: str, settings: Any) -> dict[str, Any]:
    trainable, flops = COSTS[variant]
    return {"block": {"trainable": trainable, "flops_paper": flops}}


def spec(variant: str, seed: int = 0, **network: Any) -> dict[str, Any]:
    stacks = 2
    fixed = {"sparsity": 0.5, "activation": "relu"} if variant.startswith("lbrn") else {}
    return {
        "task": "pose", "version": 1, "scale": "quick", "dataset": "mpii", "data": {"mpii": "1a2b3c4d"},
        "variant": variant, "seed": seed, "filter_seed": seed,
        "network": {"stacks": stacks, "width": 32, "depth": 3, "joints": 16, **fixed, **network},
        "recipe": {"input": 64, "epochs": 12},
    }  # fmt: skip


def scores(seed: int, dataset: str = "mpii") -> dict[str, Any]:
    """The real metric matrix of noisy predictions; a larger seed has more noise."""
    generator = np.random.default_rng(seed)
    truth = generator.uniform(0, 200, (40, 16, 2))
    people = SimpleNamespace(joints=truth, head=np.full(40, 20.0))
    return score_matrix(truth + generator.normal(0, 5 + seed, truth.shape), people, dataset)


def scored_run(store: Path, run: dict[str, Any], noise: int) -> tuple[dict[str, Any], Path]:
    folder = store / run["scale"] / run["dataset"] / f"{run['variant']}-seed{run['seed']}-{digest(run)[:8]}"
    folder.mkdir(parents=True)
    done = {"finished": "2026-01-02T03:04:05Z", "seconds": 100.0, "environment": {"commit": "0123456789ab"}}
    (folder / "done.json").write_text(json.dumps(done))
    (folder / "scores.json").write_text(json.dumps(scores(noise, run["dataset"])))
    (folder / "spec.yaml").write_text(json.dumps(run))
    (folder / "history.csv").write_text("epoch,loss\n1,0.5\n")
    for name in ("curves.png", "predictions.png", "predictions-plain.png"):
        (folder / name).write_bytes(name.encode())
    return run, folder


def all_runs(store: Path, seeds: tuple[int, ...] = (0,)) -> dict[str, list[tuple[dict[str, Any], Path]]]:
    return {
        label: [scored_run(store, spec(variant, seed), 3 * index + seed) for seed in seeds]
        for index, (label, variant) in enumerate(VARIANTS.items())
    }
