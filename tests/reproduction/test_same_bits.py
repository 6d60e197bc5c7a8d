"""`lbrn dev same-bits` in a clone: a remark keeps the finished runs, another augmentation asks for a new version."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lbrn.models.variants import VARIANTS
from lbrn.reproduction import book, params, project, same_bits

pytestmark = [pytest.mark.project, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
RECORD = "src/lbrn/reproduction/code_digests.json"


class Clone:
    """A git repository with the project's present files, and the commands typed in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        known = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
        known |= {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(self.root), "PYTHONPATH": "src"}
        return subprocess.run(command, cwd=self.root, env=known, capture_output=True, text=True, check=False)

    def git(self, *words: str) -> None:
        identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        answer = self.run("git", *identity, *words)
        assert answer.returncode == 0, answer.stderr

    def same_bits(self, revision: str = "HEAD") -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "lbrn", "dev", "same-bits", revision)

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text()
        assert old in text
        (self.root / path).write_text(text.replace(old, new))

    def record(self) -> dict[str, dict[str, object]]:
        return json.loads((self.root / RECORD).read_text())

    def held(self) -> bool:
        """Whether the record of the training code is that of the clone's code."""
        code = "from lbrn.reproduction.code_version import moved; print([m.piece for m in moved()])"
        answer = self.run(sys.executable, "-c", code)
        assert answer.returncode == 0, answer.stderr
        return "pose" not in answer.stdout


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """The project's tracked files as they are now, with a table of two columns."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("needs the project's git repository")
    wanted = ("src/", "workflow/", "params.yaml", "paper/")
    for name in listed.stdout.split("\0"):
        if name.startswith(wanted) and (ROOT / name).is_file():
            target = tmp_path / "clone" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    clone = Clone(tmp_path / "clone")
    experiments = clone.root / "workflow" / "experiments.yaml"
    tables = yaml.safe_load(experiments.read_text())
    columns = tables["table1"]["columns"]
    tables["table1"]["columns"] = {label: columns[label] for label in ("LBRN-S", "HG-Binary")}
    tables["table1"].pop("compare")  # it names columns that are gone
    experiments.write_text(yaml.safe_dump({"table1": tables["table1"]}, sort_keys=False))
    clone.git("init", "-q", "-b", "main")
    clone.git("add", "-A")
    clone.git("commit", "-qm", "state")
    return clone


def test_other_wording_keeps_the_bits_and_is_recorded(clone: Clone) -> None:
    clone.edit("src/lbrn/tasks/heatmaps.py", "import numpy as np\n", "import numpy as np\n\nUNUSED = 3  # a remark\n")
    clone.edit("src/lbrn/datasets/prepare.py", 'INFO = "info.json"\n', 'INFO = "info.json"\nUNUSED = 3\n')
    before = clone.record()
    assert not clone.held()
    answer = clone.same_bits()
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[:2] == ["lbrn-s: same bits", "hg-binary: same bits"]
    assert "is recorded" in answer.stdout
    assert clone.held()
    # Preparing was tried on one stand-in only, which says nothing of the other parsers.
    assert {piece: told for piece, told in clone.record().items() if piece != "pose"} == {
        piece: told for piece, told in before.items() if piece != "pose"
    }
    assert clone.run("git", "worktree", "list").stdout.count("\n") == 1


def test_another_augmentation_gives_other_bits_and_is_not_recorded(clone: Clone) -> None:
    before = clone.record()
    clone.edit("src/lbrn/tasks/pose.py", "AUGMENTATION_STREAM = 1 ", "AUGMENTATION_STREAM = 7 ")
    answer = clone.same_bits()
    assert answer.returncode == 2
    assert answer.stdout.splitlines() == ["lbrn-s: OTHER BITS", "hg-binary: OTHER BITS"]
    assert answer.stderr.startswith("lbrn: the code trains other bits: raise TRAIN_VERSION")
    assert clone.record() == before and not clone.held()


def test_code_that_fails_is_named_and_not_recorded(clone: Clone) -> None:
    before = clone.record()
    clone.edit("src/lbrn/tasks/pose.py", "class PoseTask:\n", "raise RuntimeError('spoilt')\n\n\nclass PoseTask:\n")
    answer = clone.same_bits()
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"lbrn: {clone.root / 'src'} failed:") and "spoilt" in answer.stderr
    assert clone.record() == before
    assert clone.run("git", "worktree", "list").stdout.count("\n") == 1


def test_each_variant_of_all_tables_is_tried_once_if_both_codes_have_it(project_root: Path) -> None:
    knobs = same_bits._tiny(params.load(project_root))
    tiny = book.load(project.find(project_root), knobs)
    specs = same_bits.tried(tiny, VARIANTS)
    assert sorted(spec["variant"] for spec in specs) == sorted(VARIANTS)
    assert specs[0]["recipe"]["epochs"] == 1 and {spec["dataset"] for spec in specs} == {"mpii", "cifar10", "duts"}
    assert [spec["variant"] for spec in same_bits.tried(tiny, {"shn", "lbrn-s"})] == ["shn", "lbrn-s"]


def test_a_variant_that_the_revision_lacks_is_left_out(clone: Clone) -> None:
    path = "src/lbrn/models/variants.py"
    old = 'Variant("hg-binary", "HG-Binary"'
    clone.edit(path, old, old.replace("hg-binary", "no-binary"))
    clone.git("commit", "-qam", "before")
    clone.edit(path, old.replace("hg-binary", "no-binary"), old)
    answer = clone.same_bits()
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[0] == "lbrn-s: same bits" and "hg-binary" not in answer.stdout


def test_revisions_that_do_not_exist_are_refused(clone: Clone) -> None:
    answer = clone.same_bits("no-such-revision")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == (
        f"lbrn: revision 'no-such-revision' is not in the repository {clone.root}; give a commit, tag or branch\n"
    )
