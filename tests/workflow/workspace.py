"""Copies of the project in which Snakemake and DVC really run, with a trainer that makes its network at once."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PARTS = (
    "params.yaml",
    "Snakefile",
    "workflow",
    "profiles",
    "dvc.yaml",
    ".dvcignore",
    ".gitignore",
    "paper",
    "src/lbrn",
)
COLUMNS = ["SHN", "LBRN-S", "PRM", "LBRN-P"]
OURS = ("LBRN_", "DVC_", "FAKE_", "SNAKEMAKE_", "PYTHON", "GIT_")


class Workspace:
    """A checkout of the project in a temporary folder, and the commands a user would type there."""

    def __init__(self, root: Path, calls: Path | None = None) -> None:
        self.root = root
        self.log = calls or root.with_name(f"{root.name}.calls")
        self.log.touch()
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
        self.env |= {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "LBRN_COMMAND": f"{sys.executable} {HERE / 'fake_lbrn.py'}",
            "FAKE_CALLS": str(self.log),
            "DVC_NO_ANALYTICS": "1",
            **{f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }

    def run(self, *command: str, fails: bool = False, **env: str) -> str:
        """Run a command; its output, both streams. A wrong exit status fails the test and shows the output."""
        answer = subprocess.run(
            command, cwd=self.root, env=self.env | env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=300, check=False,
        )  # fmt: skip
        assert (answer.returncode != 0) == fails, f"{' '.join(command)}\n{answer.stdout}"
        return answer.stdout

    def snakemake(self, *arguments: str, fails: bool = False, **env: str) -> str:
        return self.run("snakemake", "--cores", "2", *arguments, fails=fails, **env)

    def dvc(self, *arguments: str, fails: bool = False, **env: str) -> str:
        return self.run("dvc", *arguments, fails=fails, **env)

    def git(self, *arguments: str) -> str:
        return self.run("git", *arguments)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "state")

    @contextmanager
    def counting(self) -> Iterator[list[str]]:
        """The calls of the fake that happen inside the block, filled in at its end."""
        before = len(self.log.read_text().splitlines())
        calls: list[str] = []
        yield calls
        calls += self.log.read_text().splitlines()[before:]

    def knobs(self, **changed: object) -> None:
        """Change knobs, writing the file as DVC does: block style, nothing for null."""
        path = self.root / "params.yaml"
        text = yaml.safe_dump(yaml.safe_load(path.read_text()) | changed, sort_keys=False)
        path.write_text(text.replace(": null\n", ":\n"))


def trained(calls: list[str]) -> list[str]:
    """Variants that were trained, sorted: `train lbrn-s-s0.7-seed0-1a2b3c4d` -> `lbrn-s-s0.7`."""
    return sorted(call.split()[1].split("-seed")[0] for call in calls if call.startswith("train "))


def make_project(root: Path, **knobs: object) -> Workspace:
    """Copy the project, set knobs, and make the copy a git repository that DVC knows."""
    for part in PARTS:
        source, target = ROOT / part, root / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    (root / ".dvc").mkdir()
    for name in ("config", ".gitignore"):
        shutil.copyfile(ROOT / ".dvc" / name, root / ".dvc" / name)
    workspace = Workspace(root)
    workspace.knobs(columns=COLUMNS, **knobs)
    workspace.git("init", "-q", "-b", "main")
    workspace.commit()
    return workspace
