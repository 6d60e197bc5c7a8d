"""Scores of stored saliency maps, set by set; the network is not needed again."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lbrn.datasets.saliency_maps import load_scenes
from lbrn.errors import InputError
from lbrn.files import read_json
from lbrn.metrics.saliency import Measures, measure, score_sets


def score_maps(path: Path, prepared: Mapping[str, Path]) -> dict[str, Any]:
    """Score the maps of a run under every definition.

    Args:
        path: Its `predictions.npz`.
        prepared: The prepared folder of each set that it was tested on.

    Returns:
        See `lbrn.metrics.saliency.score_sets`.

    Raises:
        InputError: There are no predictions, they are of other sets, or were made on other data.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in ("maps", "set", "name", "size", "sets", "digests")}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} cannot be read as saliency maps ({error}); predict the run again") from error
    if arrays["sets"].tolist() != list(prepared):
        raise InputError(
            f"{path} has maps of {arrays['sets'].tolist()}, not of {list(prepared)}; predict the run again"
        )
    for name, then in zip(prepared, arrays["digests"].tolist(), strict=True):
        now = read_json(prepared[name] / "info.json")["digest"]
        if now != then:
            raise InputError(
                f"{path} was predicted on other data ({then[:12]}) than {prepared[name]} now holds ({now[:12]}); "
                "predict it again"
            )
    return score_sets({name: _measured(path, arrays, name, folder) for name, folder in prepared.items()})


def _measured(path: Path, arrays: Mapping[str, NDArray[Any]], name: str, folder: Path) -> Iterator[Measures]:
    masks = _masks(folder)
    starts = np.concatenate([[0], np.cumsum(arrays["size"].prod(1))])
    for row in np.flatnonzero(arrays["set"] == name).tolist():
        stem = str(arrays["name"][row])
        if stem not in masks:
            raise InputError(f"{path} has a map of {stem}, which is not in {folder}; predict the run again")
        height, width = arrays["size"][row].tolist()
        yield measure(arrays["maps"][starts[row] : starts[row + 1]].reshape(height, width), masks[stem])


def _masks(folder: Path) -> dict[str, NDArray[np.bool_]]:
    """Masks by name, of both parts of a divided set."""
    divided = read_json(folder / "info.json")["divided"]
    found: dict[str, NDArray[np.bool_]] = {}
    for split in ("train", "test") if divided else ("test",):
        if (folder / f"{split}.npz").exists():
            scenes = load_scenes(folder, split)
            found |= dict(zip(scenes.name.tolist(), scenes.objects(), strict=True))
    return found
