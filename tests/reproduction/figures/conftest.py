"""Projects to draw figures in."""

from pathlib import Path

import pytest

from lbrn.reproduction.figures import style
from toy_project import Toy, make_toy


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return make_toy(tmp_path / "project", columns=None)


@pytest.fixture
def styled():
    """The style of figures, for the length of a test."""
    with style.applied():
        yield
