"""What the engine does to a trained run's score: the same test split predicted by torch and by the engine."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from lbrn import engine, modelfile
from lbrn.engine import Program
from lbrn.errors import InputError
from lbrn.files import write_text
from lbrn.metrics.pck import primary_total
from lbrn.reproduction import given_specs
from lbrn.reproduction.project import Project
from lbrn.tasks.base import create
from lbrn.tasks.pose import PoseTask
from lbrn.training.folder import MODEL

COLUMNS = ("run", "arithmetic", "score", "difference", "largest_change_px")


class _InEngine(nn.Module):
    """A network that computes in the engine, for a task that expects one of torch."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.program = program

    def forward(self, images: Tensor) -> list[Tensor]:
        results = self.program.run(np.ascontiguousarray(images.numpy()))
        return [torch.from_numpy(result) for result in results]


def measure(run: Path, project: Project) -> list[dict[str, str | float]]:
    """Predict and score a trained run's test split three times: in torch, and in the engine's two arithmetics.

    Args:
        run: Run folder with a trained model.
        project: Where the prepared data is.

    Returns:
        One row for each of torch, float32 and fixed: the primary score in per cent, its difference from torch's in
        points, and the largest change of a predicted joint in pixels of the original image.

    Raises:
        InputError: The run is not trained, is not of pose estimation, or averages several draws of random pooling.
    """
    spec = given_specs.read_run(run)
    if spec["task"] != "pose" or spec["evaluation"]["eval_draws"] != 1:
        raise InputError(f"{run}: the engine is compared on pose runs with one draw of random pooling only")
    folders = {name: project.prepared(f"{name}-{identity}") for name, identity in spec["data"].items()}
    task = cast(PoseTask, create(spec, folders))
    network, _ = modelfile.load(run / MODEL)
    rows: list[dict[str, str | float]] = []
    reference = np.zeros(0)
    for arithmetic in ("torch", "float32", "fixed"):
        used = network if arithmetic == "torch" else _InEngine(engine.compile(network, arithmetic=arithmetic))  # type: ignore[arg-type]
        with torch.inference_mode():
            joints = task.predict(used)["joints"]
        if arithmetic == "torch":
            reference = joints
        score = primary_total(joints, task.test.people, spec["dataset"])
        first = float(rows[0]["score"]) if rows else score
        change = float(np.abs(joints - reference).max())
        values = (run.name, arithmetic, round(score, 4), round(score - first, 4) + 0.0, round(change, 3))
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def write(rows: Sequence[dict[str, str | float]], path: Path) -> None:
    """Write the rows of several runs as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
