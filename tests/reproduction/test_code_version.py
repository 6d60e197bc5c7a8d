"""What counts as a change of code, and that an unrecorded one is noticed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lbrn
from lbrn.reproduction import code_version
from lbrn.reproduction.code_tokens import tokens

SOURCE = '''
"""What it is about."""

import os


def double(value: int) -> int:
    """Twice."""
    # a remark
    text = f"value {value + 1:>{os.sep}} 'quoted'"
    return 2 * value, text
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# a remark", "# another remark, longer"),
        ("    # a remark\n", ""),
        ('"""Twice."""', '"""Two times the value,\n    no more."""'),
        ("2 * value", "2*value"),
        ("value: int) -> int", "\n    value: int\n) -> int"),
        ("\n\n\ndef", "\n\ndef"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(old: str, new: str) -> None:
    assert old in SOURCE
    assert tokens(SOURCE.replace(old, new)) == tokens(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2 * value", "3 * value"),
        ("value + 1", "value + 2"),
        ("'quoted'", "'Quoted'"),
        ("import os", "import sys as os"),
        ("    return", "    if value:\n        pass\n    return"),
    ],
)
def test_everything_else_counts(old: str, new: str) -> None:
    assert old in SOURCE
    assert tokens(SOURCE.replace(old, new)) != tokens(SOURCE)


def test_block_structure_counts() -> None:
    assert tokens("if a:\n    b\n    c\n") != tokens("if a:\n    b\nc\n")


def test_formatted_string_is_one_token_on_every_python() -> None:
    assert "f\"value {value + 1:>{os.sep}} 'quoted'\"" in tokens(SOURCE)


def test_closure_follows_imports_also_inside_functions_and_stops_at_boundaries() -> None:
    pose = code_version.closure(code_version.ENTRIES["pose"], ("lbrn.datasets.standin",))
    assert {"lbrn.ternary", "lbrn.layers", "lbrn.models.registry", "lbrn.training.schedule"} <= set(pose)
    assert "lbrn.tasks.drawing" in pose  # imported inside a function
    assert "lbrn.models" in pose  # a package of an imported module
    assert not any(name.startswith(("lbrn.reproduction", "lbrn.datasets.standin", "lbrn.cli")) for name in pose)


def imported(entry: str) -> set[str]:
    """What Python itself loads from lbrn."""
    command = f"import sys, {entry}; print(*(name for name in sys.modules if name.split('.')[0] == 'lbrn'))"
    answer = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def test_closure_holds_everything_that_training_really_loads() -> None:
    loaded = imported("lbrn.training.loop, lbrn.training.predict, lbrn.tasks.pose")
    assert len(loaded) > 20
    known = set(code_version.closure(code_version.ENTRIES["pose"]))
    assert loaded - known == set()


def test_change_is_noticed_until_it_is_held_or_the_version_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "lbrn"
    shutil.copytree(Path(lbrn.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code_version, "PACKAGE", package)
    record, schedule = tmp_path / "digests.json", package / "training" / "schedule.py"
    code_version.closure_digest.cache_clear()
    code_version.hold(record)
    assert code_version.moved(record) == []

    schedule.write_text(schedule.read_text() + "\n# a remark\n")
    code_version.closure_digest.cache_clear()
    assert code_version.moved(record) == []

    schedule.write_text(schedule.read_text() + "\nMOMENTUM = 0.9\n")
    code_version.closure_digest.cache_clear()
    assert [(moved.piece, moved.version, moved.recorded_version) for moved in code_version.moved(record)] == [
        (task, code_version.versions()[task], code_version.versions()[task])
        for task in ("pose", "classification", "saliency")
    ]
    code_version.hold(record)
    assert code_version.moved(record) == []
    code_version.closure_digest.cache_clear()


@pytest.mark.project
def test_code_of_this_checkout_is_the_recorded_one() -> None:
    code_version.closure_digest.cache_clear()
    moved = code_version.moved()
    assert not moved, (
        f"the code behind {', '.join(piece.piece for piece in moved)} is not the recorded one. If results stay the "
        "same bits, let `lbrn dev same-bits REVISION` show it (pose) and record the code; else raise the version "
        "(TRAIN_VERSION in reproduction/runs.py, PREPARE_VERSION in datasets/sources.py, GENERATOR_VERSION in "
        "datasets/standin) and record it with `lbrn dev hold`"
    )
