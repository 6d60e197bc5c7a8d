"""Predictions of a trained run: the contract between networks and numbers (design decision 4)."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from lbrn import modelfile
from lbrn.errors import InputError
from lbrn.files import atomic_path, read_json, sha256_file
from lbrn.tasks.base import Task
from lbrn.training import folder as run_folder


def predict(task: Task, folder: Path) -> Path:
    """Predict the whole test split with a run's trained network and draw some of it.

    Args:
        task: The task, made from the run's spec.
        folder: A run folder with `model.safetensors`.

    Returns:
        The path of `predictions.npz`.

    Raises:
        InputError: The run is not trained, or its model file is damaged or another than the training left.
    """
    if not (folder / run_folder.DONE).exists():
        raise InputError(f"run {folder} is not trained to its end; `lbrn train {folder}` goes on with it")
    torch.use_deterministic_algorithms(True)
    done = read_json(folder / run_folder.DONE)
    network, _ = modelfile.load(folder / run_folder.MODEL)
    if sha256_file(folder / run_folder.MODEL) != done["digests"]["weights"]:
        raise InputError(
            f"{folder / run_folder.MODEL} is not the file that the training of this run ended with "
            f"({run_folder.DONE} has another SHA-256); put the right one back, or remove the run and train again"
        )
    network.eval()
    with torch.inference_mode():
        arrays = task.predict(network)
    _write(folder / run_folder.PREDICTIONS, arrays, done)
    task.picture(arrays, folder / "predictions.png", photographs=True)
    task.picture(arrays, folder / "predictions-plain.png", photographs=False)
    return folder / run_folder.PREDICTIONS


def _write(path: Path, arrays: dict[str, Any], done: dict[str, Any]) -> None:
    everything = arrays | {"weights_digest": np.array(done["digests"]["weights"])}
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **everything)
