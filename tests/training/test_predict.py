"""Predictions: what the file holds, how the maps come about, what is refused, and what the pictures show."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from lbrn import modelfile, models, ternary
from lbrn.datasets.people import JOINT_NAMES
from lbrn.datasets.prepare import load_split
from lbrn.errors import InputError
from lbrn.files import read_json, sha256_file
from lbrn.models.pooling import set_eval_draw
from lbrn.tasks import heatmaps
from lbrn.training.predict import predict
from tiny import Spec, TinyData
from training.conftest import Finished


def test_the_file_holds_the_whole_test_split_in_its_order(finished: Finished) -> None:
    prepared = finished.data.folder("mpii")
    people, _ = load_split(prepared, "test")
    with np.load(finished.folder / "predictions.npz", allow_pickle=False) as stored:
        arrays = dict(stored)
    assert set(arrays) == {"joints", "score", "image", "person", "dataset", "data_digest", "weights_digest"}
    assert arrays["joints"].dtype == np.float32 and arrays["joints"].shape == (6, 16, 2)
    assert arrays["score"].dtype == np.float32 and arrays["score"].shape == (6, 16)
    assert arrays["image"].tolist() == people.image.tolist()
    assert arrays["person"].tolist() == people.person.tolist()
    assert str(arrays["dataset"]) == "mpii"
    assert str(arrays["data_digest"]) == read_json(prepared / "info.json")["digest"]
    assert str(arrays["weights_digest"]) == sha256_file(finished.folder / "model.safetensors")


def test_predicting_again_gives_the_same_bytes(finished: Finished, tmp_path: Path) -> None:
    again = finished.copy(tmp_path / "run")
    (again.folder / "predictions.npz").unlink()
    path = again.data.predict(again.spec, again.folder)
    assert sha256_file(path) == sha256_file(finished.folder / "predictions.npz")


def test_an_unfinished_run_is_refused(finished: Finished, tmp_path: Path) -> None:
    run = finished.copy(tmp_path / "run")
    (run.folder / "done.json").unlink()
    with pytest.raises(InputError, match=r"is not trained to its end; `lbrn train .*` goes on with it"):
        predict(run.task(), run.folder)


@pytest.fixture
def unpredicted(finished: Finished, tmp_path: Path) -> Finished:
    run = finished.copy(tmp_path / "run")
    (run.folder / "predictions.npz").unlink()
    return run


def test_a_damaged_model_is_refused(unpredicted: Finished) -> None:
    path = unpredicted.folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"model.safetensors is damaged"):
        predict(unpredicted.task(), unpredicted.folder)
    assert not list(unpredicted.folder.glob("*predictions*"))


def test_the_model_of_another_run_is_refused(unpredicted: Finished) -> None:
    path = unpredicted.folder / "model.safetensors"
    network, spec = modelfile.load(path)
    modelfile.save(path, network, spec | {"seed": 1})
    with pytest.raises(InputError, match=r"is not the file that the training of this run ended with"):
        predict(unpredicted.task(), unpredicted.folder)
    assert not list(unpredicted.folder.glob("*predictions*"))


def test_filters_that_come_out_otherwise_are_refused(unpredicted: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = ternary.draw
    monkeypatch.setattr(ternary, "draw", lambda *shape, **seed: -draw(*shape, **seed))
    with pytest.raises(InputError, match=r"fixed filters drawn from seed 0 have digest .* so they are refused"):
        predict(unpredicted.task(), unpredicted.folder)
    assert not list(unpredicted.folder.glob("*predictions*"))


def mirrored_name(name: str) -> str:
    """What a joint is called in the mirror."""
    side, separator, rest = name.partition("_")
    return {"l": "r", "r": "l"}.get(side, side) + separator + rest


class Watched:
    """A network of a tiny spec, what it is shown in prediction, and the maps that prediction decodes."""

    def __init__(self, data: TinyData, spec: Spec, patch: pytest.MonkeyPatch) -> None:
        self.inputs: list[torch.Tensor] = []
        self.maps: list[torch.Tensor] = []
        self.network = models.build(spec["variant"], seed=5, **spec["network"]).eval()
        decode = heatmaps.decode
        patch.setattr(heatmaps, "decode", lambda maps: self.maps.append(maps) or decode(maps))
        handle = self.network.register_forward_pre_hook(lambda _, arguments: self.inputs.append(arguments[0]))
        with torch.inference_mode():
            self.predictions: dict[str, NDArray[Any]] = data.task(spec).predict(self.network)
        handle.remove()

    @torch.inference_mode()
    def answer(self, picture: NDArray[np.float32], draw: int) -> NDArray[np.float64]:
        """Heatmaps of the last stack for one picture."""
        set_eval_draw(self.network, draw)
        return self.network(torch.from_numpy(picture[None].copy()))[-1][0].double().numpy()


def test_plain_maps_are_the_last_stacks(tiny_data: TinyData, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tiny_data.spec("shn", network={"stacks": 2}, evaluation={"flip": False})
    watched = Watched(tiny_data, spec, monkeypatch)
    assert len(watched.inputs) == len(watched.maps) == 1
    expected = [watched.answer(picture, 0) for picture in watched.inputs[0].numpy()]
    np.testing.assert_allclose(watched.maps[0], expected, atol=1e-5)


def test_flip_test_and_draws_are_averaged(tiny_data: TinyData, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tiny_data.spec("lbrn-p", evaluation={"flip": True, "eval_draws": 3})
    watched = Watched(tiny_data, spec, monkeypatch)
    pictures = watched.inputs[0].numpy()
    other_side = [JOINT_NAMES.index(mirrored_name(name)) for name in JOINT_NAMES]
    expected, one_draw = np.zeros((6, 16, 16, 16)), np.zeros((6, 16, 16, 16))
    for person, draw in np.ndindex(6, 3):
        picture = pictures[person]
        mirrored = watched.answer(picture[:, :, ::-1], draw)
        for joint in range(16):
            both = watched.answer(picture, draw)[joint] + mirrored[other_side[joint]][:, ::-1]
            expected[person, joint] += both / 6
            one_draw[person, joint] += both / 2 if draw == 0 else 0
    np.testing.assert_allclose(watched.maps[0], expected, atol=1e-5)
    assert np.abs(watched.maps[0].numpy() - one_draw).max() > 1e-3  # each draw of the pooling is another


@pytest.fixture
def spoiled(finished: Finished) -> Any:
    """The finished run's task with the negatives of its test photographs."""
    task = finished.task()
    task.test = replace(task.test, pixels=tuple(255 - np.asarray(pixels) for pixels in task.test.pixels))
    return task


def test_the_plain_picture_shows_no_photograph(finished: Finished, spoiled: Any, tmp_path: Path) -> None:
    with np.load(finished.folder / "predictions.npz") as stored:
        predictions = dict(stored)
    shown = {}
    for photographs in (True, False):
        paths = [tmp_path / f"{photographs}-{index}.png" for index in range(2)]
        for task, path in zip((finished.task(), spoiled), paths, strict=True):
            task.picture(predictions, path, photographs=photographs)
        shown[photographs] = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    assert (shown[True][0] != shown[True][1]).mean() > 0.3
    np.testing.assert_array_equal(*shown[False])
    assert (shown[False][0] == 245).all(-1).mean() > 0.5  # uniform ground below the skeletons


def test_both_pictures_are_drawn(unpredicted: Finished) -> None:
    predict(unpredicted.task(), unpredicted.folder)
    pictures = {path.stem: np.asarray(Image.open(path)) for path in unpredicted.folder.glob("predictions*.png")}
    plain_ground = {name: float((picture[..., :3] == 245).all(-1).mean()) for name, picture in pictures.items()}
    assert set(pictures) == {"predictions", "predictions-plain"}
    assert plain_ground["predictions-plain"] > 0.5 and plain_ground["predictions"] < 0.1
