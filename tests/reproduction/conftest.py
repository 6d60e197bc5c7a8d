"""Fixtures of the tests of `lbrn track`."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with tables and no runs; making one takes MLflow seconds."""
    from lbrn.reproduction.mlflow_store import Store

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    Store(f"sqlite:///{path}")
    return path


@pytest.fixture
def view_root(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A main root with an empty view."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    shutil.copyfile(empty_database, tmp_path / "mlflow.db")
    return tmp_path
