"""Publishing measurements of speed."""

from pathlib import Path

import pytest

from lbrn.errors import InputError
from lbrn.reproduction.project import Project
from lbrn.reproduction.publish_speed import publish_speed


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "results" / "speed").mkdir(parents=True)
    return Project(tmp_path, tmp_path, tmp_path / "runs", tmp_path / "data")


def measured(project: Project, name: str, content: str) -> None:
    (project.root / "results" / "speed" / name).write_text(content)


def test_tables_and_pictures_are_copied(project: Project) -> None:
    for name in ("conv.csv", "conv.png", "conv.svg", "scratch.txt"):
        measured(project, name, "# 20 samples\na\n1\n")
    target = publish_speed(project)
    assert target == project.root / "results" / "reference" / "speed"
    assert sorted(path.name for path in target.iterdir()) == ["conv.csv", "conv.png", "conv.svg"]
    assert (target / "conv.csv").read_text() == "# 20 samples\na\n1\n"


def test_nothing_measured_is_refused(project: Project) -> None:
    with pytest.raises(InputError, match="holds no measurements; `lbrn bench all` makes them"):
        publish_speed(project)


def test_quick_measurements_are_refused_and_nothing_is_copied(project: Project) -> None:
    measured(project, "block.csv", "# notes\na\n1\n")
    measured(project, "conv.csv", "# notes\n# quick: to try it out\na\n1\n")
    with pytest.raises(InputError, match=r"conv\.csv was measured with --quick"):
        publish_speed(project)
    assert not (project.root / "results" / "reference").exists()
