"""workflow/scales.yaml and workflow/experiments.yaml: mistakes in them are found on reading, and named."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from lbrn.errors import InputError
from lbrn.reproduction import experiments, params, scales

pytestmark = pytest.mark.project


def copied(project_root: Path, target: Path, file: str) -> dict[str, Any]:
    (target / "workflow").mkdir(exist_ok=True)
    content: dict[str, Any] = yaml.safe_load((project_root / file).read_text())
    return content


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs is 0, but must be a whole number"),
        ({"optimiser": "adam", "alpha": 0.9, "eps": 0.1}, "alpha and eps belong to optimiser rmsprop"),
        ({"optimiser": "rmsprop", "alpha": 0.9, "eps": None}, "alpha and eps belong to optimiser rmsprop"),
        ({"momentum": 0.9}, "unknown key momentum"),
        ({"schedule": {"kind": "cosine"}}, "schedule is {'kind': 'cosine'}, but must be {kind: onecycle"),
        ({"schedule": {"kind": "steps", "milestones": [0], "factor": 0.1}}, "schedule is 0, but must be"),
        ({"colour": [0.8]}, r"colour is \[0.8\], but must be a list"),
    ],
)
def test_wrong_recipe_is_refused(project_root: Path, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    content = copied(project_root, tmp_path, scales.FILE)
    content["quick"]["pose"]["recipe"] |= change
    (tmp_path / scales.FILE).write_text(yaml.safe_dump(content))
    preset = scales.load(tmp_path).preset("quick", "pose")
    overrides = params.load(project_root).overrides
    with pytest.raises(InputError, match=message):
        preset.recipe_for("hourglass", overrides)


def test_size_that_a_scale_does_not_know_is_refused(project_root: Path) -> None:
    preset = scales.load(project_root).preset("quick", "pose")
    with pytest.raises(InputError, match=r"network\.width says nothing of full-size value 200, only of 256, 128, 64"):
        preset.reduced("width", 200)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("table1", {"titel": "x"}, "table1: unknown key titel: did you mean title"),
        ("table1", {"columns": {"SHN": {"variant": "shm"}}}, "table1, column SHN: variant 'shm' is unknown"),
        ("table1", {"columns": {"SHN": {"variant": "shn", "stack": 4}}}, "shn has no setting 'stack'"),
        ("tab1", {}, "key tab1 is not the name of a table"),
    ],
)
def test_wrong_table_is_refused(
    project_root: Path, tmp_path: Path, name: str, change: dict[str, Any], message: str
) -> None:
    content = copied(project_root, tmp_path, experiments.FILE)
    content[name] = content["table1"] | {"compare": None} | change
    (tmp_path / experiments.FILE).write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=message):
        experiments.load(tmp_path)


def test_every_value_of_the_papers_recipe_names_its_source(project_root: Path) -> None:
    text = (project_root / scales.FILE).read_text().split("\npaper:\n")[1]
    for task in text.split("    recipe:\n")[1:]:
        lines = re.split(r"^  \w", task, flags=re.MULTILINE)[0].splitlines()  # up to the name of the next task
        values = [line for line in lines if line.strip() and not line.rstrip().endswith(":")]
        assert len(values) > 8
        assert [line for line in values if "#" not in line] == []


@pytest.mark.parametrize("override", ["sparsity=0.7", "seeds=[0,1]", "columns=[SHN]", "overrides.lr=0.001"])
def test_knobs_set_by_dvc_and_set_back_leave_the_file_as_it_was(
    project_root: Path, tmp_path: Path, override: str
) -> None:
    copy = tmp_path / params.FILE
    original = (project_root / params.FILE).read_text()
    copy.write_text(original)
    old: Any = yaml.safe_load(original)
    name = override.split("=")[0]
    for key in name.split("."):
        old = old[key]
    apply_overrides(copy, [override])
    assert params.load(tmp_path) != params.load(project_root)
    apply_overrides(copy, [f"{name}={'null' if old is None else old}"])
    assert copy.read_text() == original
