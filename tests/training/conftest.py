"""A finished tiny run, and trainings that stop when told to."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from tiny import Spec, TinyData


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@dataclass(frozen=True)
class Finished:
    """A trained run with its predictions."""

    data: TinyData
    spec: Spec
    folder: Path

    def copy(self, folder: Path) -> "Finished":
        """The same in a folder of one's own, to be spoiled."""
        shutil.copytree(self.folder, folder)
        return Finished(self.data, self.spec, folder)

    def task(self) -> Any:
        return self.data.task(self.spec)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_data: TinyData) -> Finished:
    """A finished run of LBRN-S, trained undisturbed for two epochs of three steps; only read."""
    run = Finished(tiny_data, tiny_data.spec("lbrn-s"), tmp_path_factory.mktemp("finished") / "run")
    tiny_data.train(run.spec, run.folder)
    tiny_data.predict(run.spec, run.folder)
    return run
