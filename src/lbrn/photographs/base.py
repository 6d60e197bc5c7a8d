"""The contract between a task and the user's photographs, and the one list of tasks that have one."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lbrn.errors import InputError
from lbrn.photographs.images import Pixels

Arrays = list[NDArray[np.float32]]
Run = Callable[[NDArray[np.float32], int], Arrays]
"""Runs the network: pictures (N, 3, H, W) and the index of the draw of random pooling to all of its outputs."""


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of a photograph as it is seen: its corner's pixel and its sides, (0, 0) at the top left."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Reading:
    """What a network says of one photograph.

    Attributes:
        facts: Plain data for JSON.
        picture: The same for people, drawn.
    """

    facts: dict[str, Any]
    picture: Image.Image


class Reader(Protocol):
    """Reads photographs by a trained network of one task."""

    def __call__(self, pixels: Pixels, box: Box, run: Run) -> Reading:
        """Read one photograph.

        Args:
            pixels: (height, width, 3) RGB.
            box: The part of interest; by default the whole photograph.
            run: Runs the network.
        """
        ...


class TaskModule(Protocol):
    """What the module of a task has."""

    def preparation(self, spec: Mapping[str, Any], folders: Mapping[str, Path]) -> dict[str, Any]:
        """What of the prepared training data a network needs to read pictures, as plain data; exports carry it along.

        Args:
            spec: The run's spec.
            folders: Prepared folder of each dataset in `spec["data"]`.
        """
        ...

    def reader(self, spec: Mapping[str, Any], preparation: Mapping[str, Any]) -> Reader:
        """A reader for networks of a run.

        Args:
            spec: The run's spec.
            preparation: What `preparation` returned.
        """
        ...


MODULES = {"pose": "lbrn.photographs.pose"}
"""The module of each task, loaded when it is asked for."""


def task(spec: Mapping[str, Any], path: Path | str) -> TaskModule:
    """Return the module of the task that a model file's spec names.

    Args:
        spec: What the file holds.
        path: Name of the file in messages.

    Raises:
        InputError: The file names no task, or one that reads no photographs.
    """
    name = spec.get("task")
    if name is None:
        raise InputError(
            f"{path} does not say what its network is for, so its answers cannot be read; only files of trained runs "
            "and their exports do. Run yours with lbrn.load(path) or lbrn.engine.load(path)"
        )
    if name not in MODULES:
        raise InputError(f"{path} is for {name}; photographs can be read for {', '.join(MODULES)}")
    return cast(TaskModule, importlib.import_module(MODULES[name]))
