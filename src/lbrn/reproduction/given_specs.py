"""Specs that come from outside, as JSON on the command line or as a run's spec.yaml, checked before they are used."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from lbrn.datasets.catalog import unit
from lbrn.errors import InputError
from lbrn.models import variants
from lbrn.reproduction import scales
from lbrn.reproduction.classification_preset import ClassificationEvaluation, ClassificationRecipe
from lbrn.reproduction.params import Count, Name, Scale, Seed
from lbrn.reproduction.pose_preset import PoseEvaluation, PoseRecipe
from lbrn.reproduction.runs import TRAIN_VERSION
from lbrn.reproduction.saliency_preset import SaliencyEvaluation, SaliencyRecipe
from lbrn.reproduction.settings import Settings, check, rule
from lbrn.training.folder import SPEC, read_spec

Drawn = Annotated[int, Field(ge=0)]


class DataSpec(Settings):
    """The shape of a data spec; what it means is said in `lbrn.datasets.sources`."""

    name: Name = rule("the name of a dataset", '"name": "mpii"')
    source: Literal["embedded", "official"] | dict[str, Name] = rule(
        "embedded, official or a mapping of part to path", '"source": "embedded"'
    )
    identity: Name = rule("a text", '"identity": "standin-1"')
    side: Count = rule("a whole number of pixels", '"side": 64')
    version: Count = rule("a whole number", '"version": 1')


class PeopleSpec(DataSpec):
    """The data spec of a dataset of people."""

    people: dict[Literal["train", "test"], Drawn] | None = rule(
        "null or numbers of people to draw", '"people": {"train": 2000, "test": 1000}'
    )


class ImagesSpec(DataSpec):
    """The data spec of a dataset of whole images."""

    images: dict[Literal["train", "test"], Drawn] | None = rule(
        "null or numbers of images to draw", '"images": {"train": 2000, "test": 1000}'
    )


DATA_SPECS: dict[str, type[DataSpec]] = {"people": PeopleSpec, "images": ImagesSpec}
"""The shape of a data spec, by what the dataset's samples are."""


class RunSpec(Settings):
    """The shape of a run spec; what it means is said in `lbrn.reproduction.runs`."""

    task: Name = rule("the name of a task", '"task": "pose"')
    version: Count = rule("a whole number", '"version": 1')
    scale: Scale = rule("quick, small or paper", '"scale": "quick"')
    dataset: Name = rule("the name of a dataset", '"dataset": "mpii"')
    data: dict[str, Name] = rule("a mapping of dataset to the digits of its data spec", '"data": {"mpii": "1a2b3c4d"}')
    variant: Name = rule("the name of a variant", '"variant": "shn"')
    network: dict[str, Any] = rule("a mapping of setting to value", '"network": {"stacks": 2}')
    filter_seed: Seed = rule("a whole number from 0 to 4294967295", '"filter_seed": 0')
    seed: Seed = rule("a whole number from 0 to 4294967295", '"seed": 0')
    recipe: Settings = rule("a mapping", '"recipe": {...}')
    evaluation: Settings = rule("a mapping", '"evaluation": {...}')


class PoseRun(RunSpec):
    """The spec of a run of pose estimation."""

    recipe: PoseRecipe = rule("a mapping", '"recipe": {...}')
    evaluation: PoseEvaluation = rule("a mapping", '"evaluation": {"flip": true, "eval_draws": 1}')


class SaliencyRun(RunSpec):
    """The spec of a run of saliency."""

    recipe: SaliencyRecipe = rule("a mapping", '"recipe": {...}')
    evaluation: SaliencyEvaluation = rule("a mapping", '"evaluation": {"tested": ["ecssd"]}')


class ClassificationRun(RunSpec):
    """The spec of a run of classification."""

    recipe: ClassificationRecipe = rule("a mapping", '"recipe": {...}')
    evaluation: ClassificationEvaluation = rule("a mapping", '"evaluation": {"flip": false}')


RUN_SPECS: dict[str, type[RunSpec]] = {"pose": PoseRun, "classification": ClassificationRun, "saliency": SaliencyRun}
"""The shape of a run spec, by task."""


def parse_json(text: str, option: str) -> Any:
    """Read the value of a command-line option that holds JSON.

    Args:
        text: What the user typed.
        option: Name of the option, for the message.

    Raises:
        InputError: It is not JSON.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{option} {_shortened(text)} is not JSON ({error}); quote it as '{{\"key\": value}}'"
        ) from error


def parse_data(text: str, name: str) -> dict[str, Any]:
    """Read the `--spec` of a `data` command.

    Args:
        text: JSON.
        name: The dataset that the command was given.

    Raises:
        InputError: It is not JSON, not a data spec, or that of another dataset.
    """
    spec = parse_json(text, "--spec")
    check(DATA_SPECS[unit(name)], spec, "--spec")
    if spec["name"] != name:
        raise InputError(f"--spec describes {spec['name']}, but the command names {name}; name the same dataset")
    return dict(spec)


def parse_run(text: str) -> dict[str, Any]:
    """Read the `--spec` of `lbrn train`.

    Args:
        text: JSON.

    Raises:
        InputError: It is not JSON, or not a run spec.
    """
    return check_run(parse_json(text, "--spec"), "--spec")


def check_run(spec: Any, where: str | Path) -> dict[str, Any]:
    """Check a run spec.

    Args:
        spec: Plain data.
        where: The option or file it came from, for the message.

    Raises:
        InputError: It is not a run spec.
    """
    task = spec.get("task") if isinstance(spec, dict) else None
    if task is not None and task not in RUN_SPECS:
        known, example = " or ".join(RUN_SPECS), '"task": "pose"'
        raise InputError(f"{where}: task is {task!r}, but must be {known}; write for example '{example}'")
    check(RUN_SPECS[task or "pose"], spec, str(where))
    version = TRAIN_VERSION[spec["task"]]
    if spec["version"] != version:
        raise InputError(
            f"{where}: version {spec['version']} of {spec['task']} is not the one this lbrn trains ({version}); "
            f"check out the commit that made it, or make a new run"
        )
    variants.get(spec["variant"]).settings(spec["network"])
    scales.preset_of(spec["task"]).check_input(spec["recipe"], spec["network"])
    if spec["dataset"] not in spec["data"]:
        raise InputError(f"{where}: data names {', '.join(spec['data'])}, but not dataset {spec['dataset']}; add it")
    return dict(spec)


def read_run(folder: Path) -> dict[str, Any]:
    """Read and check the spec of a run folder.

    Args:
        folder: The run's folder.

    Raises:
        InputError: There is none, or it is no run spec.
    """
    return check_run(read_spec(folder), folder / SPEC)


def _shortened(text: str, length: int = 60) -> str:
    return repr(text if len(text) <= length else f"{text[:length]}...")
