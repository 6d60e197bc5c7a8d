"""Fixtures: an empty view of MLflow, and the project's settings."""

import shutil
from pathlib import Path

import pytest

from lbrn.reproduction.mlflow_address import open_store
from reproduction.pose_tables import Opened, opener


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with tables and no runs; making one takes MLflow seconds."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    with open_store(f"sqlite:///{path}"):
        return path


@pytest.fixture
def view_root(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A main root with an empty view."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    shutil.copyfile(empty_database, tmp_path / "mlflow.db")
    return tmp_path


@pytest.fixture
def opened(project_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Opens the project's settings, with a data store of the test's own."""
    monkeypatch.setenv("LBRN_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return opener(project_root)
