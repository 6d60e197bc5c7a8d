"""A finished tiny run whose training data is at hand, and photographs of its test people."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lbrn.photographs.base import task
from tiny import TinyData
from training.conftest import Finished

Find = Callable[[Any, Path], dict[str, Any]]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_data: TinyData) -> Finished:
    """A run of LBRN-S on drawn people in LSP's layout, whose crop is the whole picture; only read."""
    run = Finished(tiny_data, tiny_data.spec("lbrn-s", "lsp"), tmp_path_factory.mktemp("trained") / "run")
    tiny_data.train(run.spec, run.folder)
    tiny_data.predict(run.spec, run.folder)
    return run


@pytest.fixture(scope="session")
def model(trained: Finished) -> Path:
    """Its model file."""
    return trained.folder / "model.safetensors"


@pytest.fixture(scope="session")
def find(trained: Finished) -> Find:
    """Looks for the training data as the command line does."""
    return lambda spec, path: task(spec, path).preparation(spec, trained.data.folders(spec))


@dataclass(frozen=True)
class Photograph:
    """A picture around a test person, as prepared."""

    path: Path
    box: str
    origin: NDArray[np.float64]
    zoom: float


@pytest.fixture(scope="session")
def people(trained: Finished, tmp_path_factory: pytest.TempPathFactory) -> list[Photograph]:
    """The test people of the run, in the order of its predictions, with boxes that give the test split's own crops."""
    folder = tmp_path_factory.mktemp("photographs")
    test = trained.task().test
    found = []
    for index in range(len(test.people)):
        path = folder / f"person{index}.png"
        Image.fromarray(np.asarray(test.patch(index))).save(path)
        origin, zoom = test.people.origin[index], float(test.people.zoom[index])
        side = 200 * float(test.people.scale[index]) / zoom / 1.25  # the margin around a box
        x, y = (test.people.centre[index] - origin) / zoom - (side - 1) / 2
        found.append(Photograph(path, f"{float(x)},{float(y)},{side},{side}", origin, zoom))
    return found


@pytest.fixture(scope="session")
def photographs(people: list[Photograph]) -> list[Path]:
    """The pictures alone."""
    return [person.path for person in people]
