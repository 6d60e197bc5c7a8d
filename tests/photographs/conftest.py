"""A finished tiny run whose training data is at hand, and photographs of its test people."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from lbrn.photographs.base import task
from tiny import Spec, TinyData


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@dataclass(frozen=True)
class Trained:
    """A trained run."""

    data: TinyData
    spec: Spec
    folder: Path

    @property
    def model(self) -> Path:
        return self.folder / "model.safetensors"

    @property
    def find(self) -> Callable[[Any, Path], dict[str, Any]]:
        """Looks for the training data as the command line does."""
        return lambda spec, path: task(spec, path).preparation(spec, self.data.folders(spec))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_data: TinyData) -> Trained:
    """A run of LBRN-S on drawn people in LSP's layout, whose crop is the whole picture; only read."""
    spec = tiny_data.spec("lbrn-s", "lsp")
    run = Trained(tiny_data, spec, tmp_path_factory.mktemp("trained") / "run")
    tiny_data.train(spec, run.folder)
    tiny_data.predict(spec, run.folder)
    return run


@dataclass(frozen=True)
class Photograph:
    """A picture around a test person, as prepared."""

    path: Path
    box: str
    origin: NDArray[np.float64]
    zoom: float


@pytest.fixture(scope="session")
def people(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> list[Photograph]:
    """The test people of the run, in the order of its predictions, with boxes that give the test split's own crops."""
    folder = tmp_path_factory.mktemp("photographs")
    test = trained.data.task(trained.spec).test
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
