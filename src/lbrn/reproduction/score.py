"""`lbrn score`: the metric matrix of a run's stored predictions, or of anybody's prediction file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lbrn.datasets.prepare import load_split
from lbrn.datasets.prepare_images import load_images
from lbrn.datasets.sources import prepared_folder
from lbrn.errors import InputError
from lbrn.files import read_json, write_json
from lbrn.metrics import topk
from lbrn.metrics.foreign import read_predictions
from lbrn.metrics.pck import score_matrix
from lbrn.reproduction import given_specs, runs
from lbrn.reproduction.project import Project
from lbrn.training.folder import PREDICTIONS, SCORES, read_history


def score_run(folder: Path, project: Project) -> Path:
    """Score a run's predictions under every definition.

    Args:
        folder: Run folder with `predictions.npz`.
        project: Where the prepared data is.

    Returns:
        The path of `scores.json`.

    Raises:
        InputError: There are no predictions, or they were made on other data.
    """
    spec = given_specs.read_run(folder)
    write_json(folder / SCORES, SCORERS[spec["task"]](folder, spec, project))
    return folder / SCORES


def score_file(
    path: Path, dataset: str, project: Project, *, variable: str | None = None, one_based: bool = False
) -> Mapping[str, Any]:
    """Score a prediction file on the test split of a dataset, as the project's settings have it.

    Args:
        path: Joints in image pixels, as `lbrn.metrics.foreign` reads them.
        dataset: `mpii` or `lsp`.
        project: The project.
        variable: Name of the array, where the file holds several.
        one_based: Whether the first pixel is (1, 1), as in MATLAB.

    Returns:
        The content of a scores.json.

    Raises:
        InputError: The file does not fit the dataset, or the dataset is not prepared.
    """
    prepared = prepared_folder(runs.data_spec(dataset, project), project.data)
    return _score(path, dataset, prepared, one_based=one_based, variable=variable)


def _prepared(spec: Mapping[str, Any], name: str, project: Project) -> Path:
    return project.prepared(f"{name}-{spec['data'][name]}")


def _score_pose(folder: Path, spec: Mapping[str, Any], project: Project) -> dict[str, Any]:
    prepared = _prepared(spec, spec["dataset"], project)
    return _score(folder / PREDICTIONS, spec["dataset"], prepared, one_based=False, variable=None)


def _score_saliency(folder: Path, spec: Mapping[str, Any], project: Project) -> dict[str, Any]:
    from lbrn.reproduction.score_saliency import score_maps

    names = spec["evaluation"]["tested"]
    found = score_maps(folder / PREDICTIONS, {name: _prepared(spec, name, project) for name in names})
    return {"dataset": spec["dataset"], **found}


def _score_classification(folder: Path, spec: Mapping[str, Any], project: Project) -> dict[str, Any]:
    prepared = _prepared(spec, spec["dataset"], project)
    images, info = load_images(prepared, "test")
    try:
        with np.load(folder / PREDICTIONS, allow_pickle=False) as arrays:
            scores, about = arrays["scores"], {"data_digest": str(arrays["data_digest"])}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{folder / PREDICTIONS} cannot be read ({error}); `lbrn predict {folder}` makes it"
        ) from error
    _check_data(folder / PREDICTIONS, about, prepared)
    return {**topk.score(scores, images.label, spec["dataset"], read_history(folder)), "class_names": info["classes"]}


SCORERS: dict[str, Callable[[Path, Mapping[str, Any], Project], dict[str, Any]]] = {
    "pose": _score_pose,
    "classification": _score_classification,
    "saliency": _score_saliency,
}
"""From a run folder, its spec and the project to the content of scores.json, by task."""


def _score(path: Path, dataset: str, prepared: Path, *, one_based: bool, variable: str | None) -> dict[str, Any]:
    people, _ = load_split(prepared, "test")
    predictions = read_predictions(path, people, dataset, name=variable, one_based=one_based)
    _check_data(path, predictions.about, prepared)
    return score_matrix(predictions.joints, people, dataset)


def _check_data(path: Path, about: Mapping[str, str], prepared: Path) -> None:
    now, then = read_json(prepared / "info.json")["digest"], about.get("data_digest")
    if then is not None and then != now:
        raise InputError(
            f"{path} was predicted on other data ({then[:12]}) than {prepared} now holds ({now[:12]}); predict it again"
        )
