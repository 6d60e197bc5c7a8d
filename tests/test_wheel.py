"""The wheel holds all that the package needs, and a newcomer's first steps work from it alone."""

import subprocess
import zipfile
from pathlib import Path

import pytest

import wheel

pytestmark = [pytest.mark.project, pytest.mark.slow]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel.build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def python(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel.install(built, tmp_path_factory.mktemp("outside") / "environment")


def run(folder: Path, *command: object) -> str:
    answer = subprocess.run(
        [*map(str, command)], cwd=folder, env=wheel.environment(), capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_it_holds_every_file_of_the_package_and_nothing_else(built: Path) -> None:
    source = wheel.ROOT / "src"
    tracked = subprocess.run(
        ["git", "-C", str(wheel.ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "src"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    expected = {Path(name).relative_to("src").as_posix() for name in tracked.stdout.split()}
    expected = {name for name in expected if (source / name).is_file()}
    with zipfile.ZipFile(built) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert found == expected
    assert "lbrn/py.typed" in found


def test_it_runs_where_it_was_installed(python: Path, tmp_path: Path) -> None:
    place = run(tmp_path, python, "-c", "import lbrn; print(lbrn.__file__)").strip()
    assert Path(place).is_relative_to(python.parents[1])
    assert "export" in run(tmp_path, python.with_name("lbrn"), "--help")
    assert "65,536" in run(tmp_path, python.with_name("lbrn"), "cost", "lbrn-s", "--set", "stacks=1")


def test_a_newcomer_s_path(python: Path, tmp_path: Path) -> None:
    """Convert a ResNet, train an epoch on digits, save the seed alone, load elsewhere, run in the engine."""
    elsewhere = wheel.tests(tmp_path / "elsewhere") / "tests"
    told = run(tmp_path, python, elsewhere / "new_user.py", "begin", tmp_path)
    assert "8 of 10 convolutions have fixed filters now" in told
    assert "equal answers" in run(tmp_path, python, elsewhere / "new_user.py", "elsewhere", tmp_path)


def test_type_checkers_see_its_types(python: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from torch import nn\nimport lbrn\nreport = lbrn.localize(nn.Sequential(), sparsity=0.5)\n"
        "reveal_type(report.replaced)\nlbrn.load(3)\n"
    )
    answer = subprocess.run(
        [str(python), "-m", "mypy", "mine.py"], cwd=tmp_path, env=wheel.environment(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert 'Revealed type is "list[str]"' in answer.stdout.replace("builtins.", ""), answer.stdout + answer.stderr
    assert 'mine.py:5: error: Argument 1 to "load" has incompatible type "int"' in answer.stdout
