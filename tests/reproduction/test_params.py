"""The knobs: what is read, what is refused, and that each refusal names key, value, rule and fix."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lbrn.errors import InputError
from lbrn.reproduction import params

KNOBS: dict[str, Any] = {
    "scale": "quick", "tables": [1], "seeds": [0], "sparsity": 0.5, "activation": "relu", "filter_seed": None,
    "repetitions": 10, "columns": None, "datasets": None, "sources": {"mpii": "auto", "lsp": "auto", "lspet": "auto"},
    "overrides": dict.fromkeys(
        ["epochs", "batch", "lr", "input", "width", "stacks", "depth", "people_train", "people_test",
         "images_train", "images_test"]
    ),
}  # fmt: skip


def changed(path: str, value: Any) -> dict[str, Any]:
    knobs = copy.deepcopy(KNOBS)
    *folders, last = path.split(".")
    place = knobs
    for name in folders:
        place = place[name]
    place[last] = value
    return knobs


@pytest.mark.parametrize(
    ("path", "value", "read"),
    [
        ("sparsity", "1e-05", 1e-05),
        ("sparsity", 1, 1.0),
        ("sparsity", "0.7", 0.7),
        ("overrides.lr", "2.5e-4", 2.5e-4),
        ("overrides.epochs", "12", 12),
        ("seeds", [3, "4"], (3, 4)),
        ("filter_seed", 7, 7),
        ("columns", ["SHN"], ("SHN",)),
        ("sources.mpii", {"images": "a.tar", "annotations": "b.zip"}, {"images": "a.tar", "annotations": "b.zip"}),
    ],
)
def test_values_are_read(path: str, value: Any, read: Any) -> None:
    got: Any = params.parse(changed(path, value))
    for name in path.split("."):
        got = getattr(got, name)
    assert got == read
    assert type(got) is type(read)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("scale", "hug"),
        ("tables", []),
        ("tables", [1, 1]),
        ("tables", 1),
        ("seeds", [0, 0]),
        ("seeds", [-1]),
        ("seeds", [2**32]),
        ("seeds", [0.5]),
        ("sparsity", 0),
        ("sparsity", 1.5),
        ("sparsity", "half"),
        ("sparsity", True),
        ("sparsity", None),
        ("sparsity", float("nan")),
        ("activation", "tanh"),
        ("filter_seed", "seed"),
        ("repetitions", 1),
        ("repetitions", 2.5),
        ("columns", []),
        ("columns", [""]),
        ("sources.mpii", 3),
        ("sources.mpii", ""),
        ("sources", None),
        ("overrides.epochs", 2.5),
        ("overrides.epochs", 0),
        ("overrides.lr", "fast"),
        ("overrides.lr", float("inf")),
        ("overrides.width", True),
    ],
)
def test_bad_values_are_refused_with_key_value_rule_and_fix(path: str, value: Any) -> None:
    with pytest.raises(InputError) as caught:
        params.parse(changed(path, value))
    message = str(caught.value)
    key = path.split(".")[-1]
    shown = repr(value[0]) if value in ([-1], [0.5], [2**32], [""]) and repr(value) not in message else repr(value)
    assert message.startswith(f"params.yaml: {path} is {shown}, but must be "), message
    assert f"write for example '{key}: " in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("sparcity", "did you mean sparsity?"),
        ("overrides.epoch", "did you mean epochs?"),
        ("sources.coco", "remove it;"),
    ],
)
def test_unknown_keys_are_refused_with_what_was_probably_meant(path: str, hint: str) -> None:
    with pytest.raises(InputError, match=f"unknown key {path}: ") as caught:
        params.parse(changed(path, 1))
    assert hint in str(caught.value)


def test_missing_key_is_named_with_an_example() -> None:
    knobs = copy.deepcopy(KNOBS)
    del knobs["seeds"]
    with pytest.raises(InputError, match=r"key seeds is missing; add a line such as 'seeds: \[0\]'"):
        params.parse(knobs)


@pytest.mark.parametrize("content", [[1], None, "text", 3])
def test_anything_but_a_mapping_is_refused(content: Any) -> None:
    with pytest.raises(InputError, match=r"params.yaml must hold a mapping of keys to values"):
        params.parse(content)


def test_broken_yaml_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("scale: quick\ntables: [1\nseeds: [0]\n")
    with pytest.raises(InputError, match=r"params.yaml, line 3 is not YAML"):
        params.load(tmp_path)


def test_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"params.yaml cannot be read: No such file"):
        params.load(tmp_path)


@given(st.floats(min_value=1e-300, max_value=1))
def test_every_sparsity_survives_being_written_as_text(sparsity: float) -> None:
    assert params.parse(changed("sparsity", repr(sparsity))).sparsity == sparsity


def test_knobs_survive_json() -> None:
    knobs = params.parse(KNOBS)
    assert params.parse(knobs.model_dump(mode="json")) == knobs


@pytest.mark.project
def test_the_projects_file_is_written_as_dvc_writes_it(project_root: Path, tmp_path: Path) -> None:
    from dvc.utils.serialize import modify_yaml

    text = (project_root / "params.yaml").read_text()
    copied = tmp_path / "params.yaml"
    copied.write_text(text)
    for sparsity in (0.25, yaml.safe_load(text)["sparsity"]):
        with modify_yaml(str(copied)) as knobs:
            knobs["sparsity"] = sparsity
    assert copied.read_text() == text
    assert params.load(project_root).model_dump(mode="json").keys() == KNOBS.keys()
