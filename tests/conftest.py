"""Fixtures that every test may use."""

import sys
from pathlib import Path

import pytest

import tiny

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def same_draws() -> None:
    """Weights and inputs that a test draws without a generator of its own are the same every time, in any order."""
    if torch := sys.modules.get("torch"):  # not imported here: many tests do without
        torch.manual_seed(0)


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The checkout: the folder with params.yaml."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photographs and annotations in the official layouts, beside the checkout; not part of the project."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the real data in ../shared/data, which is not part of the repository")
    return folder


@pytest.fixture(scope="session", params=["paper", "../shared/reference"])
def published(request: pytest.FixtureRequest) -> Path:
    """A folder with the paper's tables as printed: our copy, and the one beside the checkout that it was made from."""
    folder = ROOT / request.param / "published"
    if not folder.is_dir():
        pytest.skip(f"needs {request.param}/published, which is not part of the repository")
    return folder


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> tiny.TinyData:
    """A data store with a handful of drawn people of each dataset; only read."""
    return tiny.make(tmp_path_factory.mktemp("tiny"))
