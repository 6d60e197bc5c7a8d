"""Choosing a task."""

import pytest

from lbrn.errors import InputError
from lbrn.tasks.base import create
from lbrn.tasks.pose import PoseTask
from tiny import TinyData


def test_the_spec_names_the_task(tiny_data: TinyData) -> None:
    assert isinstance(tiny_data.task(tiny_data.spec("shn")), PoseTask)


def test_an_unknown_task_is_refused(tiny_data: TinyData) -> None:
    with pytest.raises(InputError, match=r"task 'poise' is not known; this version knows: pose"):
        create(tiny_data.spec("shn", task="poise"), {})
