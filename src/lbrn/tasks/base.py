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
        """Inputs and targets of training samples; a pure function of seed, epoch and indices."""
        ...

    def loss(self, outputs: Any, targets: Tensor) -> Tensor:
        """The scalar to minimise."""
        ...

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Numbers for the training curves, from a fixed part of the test split."""
        ...

    def predict(self, network: nn.Module) -> dict[str, NDArray[Any]]:
        """Predictions of the whole test split, in the units of the original data."""
        ...

    def picture(self, predictions: Mapping[str, NDArray[Any]], path: Path, *, photographs: bool) -> None:
        """Draw some predictions; without photographs on plain ground, so that the picture may be published."""
        ...


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
    raise InputError(f"task {spec['task']!r} is not known; this version knows: pose")
