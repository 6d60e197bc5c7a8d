"""The built wheel in an environment of its own, outside of the tree: `python tests/wheel.py [pytest's arguments]`.

Builds the wheel, unpacks it where no source tree is in sight, borrows this environment's other packages, and runs the
tests that are not marked `project` there.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("pyproject.toml", "README.md", "LICENSE")


def build(folder: Path) -> Path:
    """Build the wheel from a copy of what it needs, so that nothing is written into the tree.

    Args:
        folder: An empty folder.
    """
    copy = folder / "copy"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", copy / "src", ignore=ignored)
    for name in NEEDED:
        shutil.copyfile(ROOT / name, copy / name)
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check"]
    pip = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(folder), str(copy)]
    subprocess.run(pip, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path) -> Path:
    """Make an environment with the wheel in it; return its Python.

    Args:
        wheel: What `build` made.
        folder: Where the environment is made.
    """
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    options = ["--no-deps", "--no-index", "--quiet", "--disable-pip-version-check"]
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", *options, str(wheel)]
    subprocess.run(pip, check=True)
    # A line with a path, not a site folder: this environment's own lbrn, installed as a link to the tree, stays unseen.
    (Path(paths["purelib"]) / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return python


def tests(folder: Path) -> Path:
    """Copy the tests and what they are told in pyproject.toml; nothing else of the project.

    Args:
        folder: Where they go.
    """
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "pyproject.toml", folder / "pyproject.toml")
    return folder


def environment() -> dict[str, str]:
    """The environment without what would lead Python back to the tree."""
    return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}


def main(arguments: list[str]) -> int:
    """Build, install, run the tests; the status of pytest.

    Args:
        arguments: For pytest.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "built").mkdir()
        python = install(build(folder / "built"), folder / "environment")
        command = [str(python), "-m", "pytest", "-m", "not project", *arguments]
        return subprocess.run(command, cwd=tests(folder / "elsewhere"), env=environment(), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
