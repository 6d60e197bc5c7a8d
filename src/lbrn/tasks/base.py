"""The contract between a task and the training loop, and the one list of tasks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from lbrn.errors import InputError

Spec = Mapping[str, Any]


class Task(Protocol):
    """All that the training loop, the predictor and the pictures need to know of a task."""

    spec: Spec

    def __len__(self) -> int:
        """Number of training samples."""
        ...

    def build(self) -> nn.Module:
        """A freshly initialised network as the spec says."""
        ...

    def batch(self, epoch: int, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Inputs and targets of training samples; a pure function of seed, epoch and indices.

        Args:
            epoch: From 0; decides the augmentation.
            indices: (B,) training samples, each below the task's length.

        Returns:
            Inputs (B, ...) and targets (B, ...) on the CPU.
        """
        ...

    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        """The scalar to minimise.

        Args:
            outputs: What the network returned for a batch's inputs.
            targets: The batch's targets.
        """
        ...

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Numbers for the training curves, from a fixed part of the test split.

        Args:
            network: In evaluation mode; called without gradients.

        Returns:
            Value by column of `history.csv`: `valid_loss`, and scores whose names begin with `valid_` too.
        """
        ...

    def predict(self, network: nn.Module) -> dict[str, NDArray[Any]]:
        """Predictions of the whole test split, in the units of the original data.

        Args:
            network: In evaluation mode; called without gradients.

        Returns:
            Arrays by name, as `predictions.npz` holds them.
        """
        ...

    def picture(self, predictions: Mapping[str, NDArray[Any]], path: Path, *, photographs: bool) -> None:
        """Draw some predictions; without photographs on plain ground, so that the picture may be published.

        Args:
            predictions: What `predict` returned.
            path: The picture's file.
            photographs: Whether to draw on the images themselves.
        """
        ...


TASKS = ("pose", "classification")
"""Names of all tasks."""


def create(spec: Spec, folders: Mapping[str, Path]) -> Task:
    """Make the task that a run's spec names.

    Args:
        spec: A run's complete spec.
        folders: Prepared folder of each dataset named in `spec["data"]`.

    Raises:
        InputError: There is no such task.
    """
    if spec["task"] == "pose":
        from lbrn.tasks.pose import PoseTask

        return PoseTask(spec, folders)
    if spec["task"] == "classification":
        from lbrn.tasks.classification import ClassificationTask

        return ClassificationTask(spec, folders)
    if spec["task"] == "saliency":
        from lbrn.tasks.saliency import SaliencyTask

        return SaliencyTask(spec, folders)
    raise InputError(f"task {spec['task']!r} is not known; this version knows: {', '.join(TASKS)}")
