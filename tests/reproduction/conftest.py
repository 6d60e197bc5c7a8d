"""Fixtures of the tests of `lbrn track`."""

import shutil
from pathlib import Path

import pytest

from lbrn.reproduction.mlflow_address import open_store


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
