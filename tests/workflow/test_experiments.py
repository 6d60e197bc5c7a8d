"""DVC beside Snakemake: nothing is trained that exists, everything that changed is, and nobody's runs are lost."""

import csv
import io
from pathlib import Path

import pytest

from workflow.workspace import Workspace, trained

pytestmark = [pytest.mark.project, pytest.mark.slow]

WITH_FIXED_FILTERS = ["lbrn-p", "lbrn-s"]


def lbrn(sparsity: float) -> list[str]:
    return [f"{variant}-s{sparsity:g}" for variant in WITH_FIXED_FILTERS]


def test_repro_trains_once_and_snakemake_afterwards_nothing(made: Workspace) -> None:
    assert trained(made.log.read_text().splitlines()) == ["lbrn-p-s0.5", "lbrn-s-s0.5", "prm", "shn"]
    with made.counting() as calls:
        assert "up to date" in made.dvc("repro")
        assert "Nothing to be done" in made.snakemake("results/table1.csv")
    assert calls == []


def test_new_sparsity_trains_fixed_filters_only_and_the_old_one_is_still_there(made: Workspace) -> None:
    unsaved = made.root / "results" / "runs" / "quick" / "mpii" / "unsaved-seed0-00000000"
    unsaved.mkdir()
    (unsaved / "done.json").write_text("{}")
    with made.counting() as calls:
        made.dvc("exp", "run", "--name", "denser", "-S", "sparsity=0.7")
    assert trained(calls) == lbrn(0.7)
    assert "LBRN-S was run with sparsity 0.7" in (made.root / "results" / "table1.csv").read_text()

    with made.counting() as calls:
        made.dvc("exp", "run", "-S", "sparsity=0.5")
    assert trained(calls) == []
    assert made.git("status", "--porcelain") == ""
    made.dvc("exp", "apply", "denser")
    made.git("checkout", "-q", "--", ".")
    made.dvc("checkout", "--force")
    assert (unsaved / "done.json").exists()
    with made.counting() as calls:
        made.dvc("repro")
        made.snakemake("results/table1.csv")
    assert trained(calls) == []


def test_temporary_and_queued_experiments_are_listed_with_their_scores(made: Workspace) -> None:
    with made.counting() as calls:
        made.dvc("exp", "run", "--temp", "--name", "temporary", "-S", "sparsity=0.3")
    assert trained(calls) == lbrn(0.3)
    made.dvc("exp", "run", "--queue", "--name", "queued", "-S", "sparsity=0.2")
    with made.counting() as calls:
        made.dvc("exp", "run", "--run-all", "-j", "1")
    assert trained(calls) == lbrn(0.2)
    assert made.git("status", "--porcelain") == ""

    table = csv.DictReader(io.StringIO(made.dvc("exp", "show", "--csv", "--no-pager")))
    shown = {row["Experiment"] or row["rev"]: row for row in table}
    assert (shown["temporary"]["sparsity"], shown["queued"]["sparsity"]) == ("0.3", "0.2")
    totals = {name: float(shown[name]["table1.LBRN-S.Total"]) for name in ("main", "temporary", "queued")}
    assert len(set(totals.values())) == 3
    assert len({shown[name]["table1.SHN.Total"] for name in totals}) == 1


def test_failed_temporary_experiment_keeps_its_finished_runs(made: Workspace) -> None:
    with made.counting() as calls:
        made.dvc("exp", "run", "--temp", "-S", "overrides.lr=0.001", fails=True, FAKE_FAIL="lbrn-s")
    assert trained(calls) == ["lbrn-p-s0.5", "prm", "shn"]
    with made.counting() as calls:
        made.dvc("exp", "run", "--temp", "-S", "overrides.lr=0.001")
    assert trained(calls) == ["lbrn-s-s0.5"]


def test_temporary_workspace_runs_its_own_code(made: Workspace) -> None:
    loop = made.root / "src" / "lbrn" / "training" / "loop.py"
    runs = made.root / "src" / "lbrn" / "reproduction" / "runs.py"
    loop.write_text(loop.read_text() + "\n# a remark\n")
    with made.counting() as calls:
        assert "Nothing to be done" in made.snakemake("results/table1.csv")
    assert calls == []
    runs.write_text(runs.read_text().replace('TRAIN_VERSION = {"pose": ', 'TRAIN_VERSION = {"pose": 99'))
    with made.counting() as calls:
        made.dvc("exp", "run", "--temp")
    made.git("checkout", "-q", "--", "src")
    assert trained(calls) == ["lbrn-p-s0.5", "lbrn-s-s0.5", "prm", "shn"]


def test_clone_reproduces_or_goes_on_from_what_was_pushed(made: Workspace, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    made.dvc("remote", "add", "-f", "-d", "storage", str(remote))
    made.dvc("push")
    made.commit()
    made.run("git", "clone", "-q", str(made.root), str(tmp_path / "clone"))
    clone = Workspace(tmp_path / "clone")
    clone.dvc("pull")
    with clone.counting() as calls:
        assert "Nothing to be done" in clone.snakemake("results/table1.csv")
        assert "up to date" in clone.dvc("repro")
    assert calls == []
    restore = "from lbrn.reproduction import pack, project; print(*pack.restore(project.find()))"
    restored = clone.run("python", "-c", restore, PYTHONPATH="src").split()
    assert len(restored) == 4
    with clone.counting() as calls:
        clone.dvc("exp", "run", "-S", "sparsity=0.7")
    assert trained(calls) == lbrn(0.7)
