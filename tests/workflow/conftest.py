"""Projects in which the workflow's tests run."""

from pathlib import Path

import pytest

from workflow.workspace import Workspace, make_project


@pytest.fixture
def fresh(tmp_path: Path) -> Workspace:
    """A project in which nothing was made yet."""
    return make_project(tmp_path / "project")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A project after its first `dvc repro`, committed; shared by a module's tests, which leave it as they found it."""
    workspace = make_project(tmp_path_factory.mktemp("made") / "project")
    workspace.dvc("repro")
    workspace.commit()
    return workspace
