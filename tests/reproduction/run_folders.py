"""Run folders as training, prediction and scoring leave them, without any network."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from lbrn.files import digest

COLUMNS = ("Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle", "Total")


def spec(variant: str = "shn", *, dataset: str = "mpii", seed: int = 0) -> dict[str, Any]:
    return {
        "task": "pose", "version": 1, "scale": "quick", "dataset": dataset, "data": {dataset: "1a2b3c4d"},
        "variant": variant, "network": {"stacks": 2, "width": 32}, "filter_seed": seed, "seed": seed,
        "recipe": {"epochs": 12, "lr": 0.003, "augmentation": {"rotation": 30}}, "evaluation": {"flip": True},
    }  # fmt: skip


def begin(runs: Path, run: dict[str, Any], *, epochs: int = 0, total: float = 70.0) -> Path:
    """A run that is training: spec and the first epochs."""
    name = f"{run['variant']}-seed{run['seed']}-{digest(run)[:8]}"
    folder = runs / run["scale"] / run["dataset"] / name
    folder.mkdir(parents=True)
    (folder / "spec.yaml").write_text(yaml.safe_dump(run))
    if epochs:
        write_history(folder, epochs, total=total)
    return folder


def write_history(folder: Path, epochs: int, *, total: float = 70.0) -> None:
    with (folder / "history.csv").open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["epoch", "loss", "valid_loss", "valid_pck", "lr", "seconds"])
        for epoch in range(1, epochs + 1):
            rest = 0.8**epoch
            writer.writerow([epoch, 0.01 * rest, 0.012 * rest, total * (1 - rest), 0.003, round(9.7 * epoch, 2)])


def end(folder: Path, total: float = 70.0) -> None:
    """What is left when the run is trained, predicted and scored."""
    done = {
        "digests": {"weights": "ab" * 32, "filters": "cd" * 32},
        "data": {"mpii": "ef" * 32},
        "seconds": 116.4,
        "finished": "2026-01-02T03:04:05Z",
        "environment": {"python": "3.11.7", "packages": {"torch": "2.13.0"}, "commit": "0123456789ab+"},
    }
    (folder / "done.json").write_text(json.dumps(done))
    write_scores(folder, total)
    for name in ("curves.png", "predictions.png"):
        Image.fromarray(np.full((8, 8, 3), 200, dtype=np.uint8)).save(folder / name)


def write_scores(folder: Path, total: float) -> None:
    row = dict(zip(COLUMNS, [*np.linspace(total + 14, total - 14, 7).round(2).tolist(), total], strict=True))
    scores = {
        "dataset": "mpii",
        "people": 1000,
        "primary": "pckh@0.5-mean14",
        "metrics": {
            "pckh@0.5-mean14": {"definition": "plain mean of 14 joints", **row},
            "pckh@0.1-mean14": {"definition": "the same at 0.1", **{name: row[name] / 4 for name in row}, "Head": None},
        },
    }
    (folder / "scores.json").write_text(json.dumps(scores))


def finished(runs: Path, run: dict[str, Any], *, epochs: int = 12, total: float = 70.0) -> Path:
    """A whole run."""
    folder = begin(runs, run, epochs=epochs, total=total)
    end(folder, total)
    return folder
