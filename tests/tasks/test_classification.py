"""The classification task: augmentation against slow definitions, loss, errors, predictions, pictures."""

import numpy as np
import pytest
import torch

from lbrn.datasets import sources
from lbrn.datasets.prepare import prepare
from lbrn.errors import InputError
from lbrn.metrics import topk
from lbrn.tasks.base import create
from lbrn.tasks.classification import moved

RECIPE = {
    "input": 32, "epochs": 2, "batch": 8, "optimiser": "sgd", "momentum": 0.9, "weight_decay": 1e-4, "lr": 0.05,
    "schedule": {"kind": "onecycle", "warmup": 0.3}, "crop_padding": 4, "flip_probability": 0.5,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    store = tmp_path_factory.mktemp("digits")
    drawn = {"train": 20, "test": 12}
    return prepare(sources.data_spec("cifar10", "embedded", side=32, root=store, store=store, drawn=drawn), store)


def spec(**changes):
    return {
        "task": "classification", "dataset": "cifar10", "data": {"cifar10": "x"}, "variant": "resnet56", "seed": 3,
        "network": {"classes": 10, "width": 8, "blocks": 1}, "filter_seed": 3, "recipe": dict(RECIPE),
        "evaluation": {"flip": False}, **changes,
    }  # fmt: skip


def task(folder, **changes):
    return create(spec(**changes), {"cifar10": folder})


def test_moved_pictures_are_cut_out_of_a_black_border():
    pixels = np.random.default_rng(0).integers(1, 256, size=(3, 6, 6, 3), dtype=np.uint8)
    corners = np.array([[2, 2], [0, 4], [3, 1]])
    found = moved(pixels, corners, 2)
    for number, (row, column) in enumerate(corners):
        for y in range(6):
            for x in range(6):
                from_y, from_x = y + row - 2, x + column - 2
                inside = 0 <= from_y < 6 and 0 <= from_x < 6
                expected = pixels[number, from_y, from_x] if inside else np.zeros(3)
                assert (found[number, y, x] == expected).all()


def test_batches_are_a_pure_function_of_seed_and_epoch_and_show_the_training_pictures(folder):
    one, other = task(folder), task(folder, seed=4)
    indices = np.array([5, 0, 7])
    inputs, targets = one.batch(1, indices)
    assert torch.equal(inputs, task(folder).batch(1, indices)[0])
    assert not torch.equal(inputs, one.batch(0, indices)[0]) and not torch.equal(inputs, other.batch(1, indices)[0])
    assert targets.tolist() == one.train.label[indices].tolist()
    assert inputs.shape == (3, 3, 32, 32) and inputs.is_contiguous(memory_format=torch.channels_last)
    still = task(folder, recipe=RECIPE | {"crop_padding": 0, "flip_probability": 0.0})
    plain = (still.train.pixels[indices] / 255 - still.mean) / still.spread
    torch.testing.assert_close(still.batch(1, indices)[0], torch.from_numpy(plain).permute(0, 3, 1, 2).float())
    mirrored = task(folder, recipe=RECIPE | {"crop_padding": 0, "flip_probability": 1.0}).batch(1, indices)[0]
    torch.testing.assert_close(mirrored, still.batch(1, indices)[0].flip(-1))


def test_each_picture_is_moved_and_mirrored_on_its_own(folder):
    corners, mirrored = task(folder)._augmented(0)
    assert corners.min() >= 0 and corners.max() <= 8 and len({tuple(corner) for corner in corners.tolist()}) > 10
    assert 0 < mirrored.sum() < len(mirrored)


def test_validation_and_prediction_see_the_whole_test_split(folder):
    here = task(folder)
    network = here.build().eval()
    with torch.inference_mode():
        told, found = here.validate(network), here.predict(network)
    assert found["scores"].shape == (12, 10) and found["scores"].dtype == np.float32
    assert told["valid_error"] == topk.top_k_error(found["scores"], here.test.label, 1)
    assert told["valid_top5_error"] == topk.top_k_error(found["scores"], here.test.label, 5)
    logs = found["scores"] - np.log(np.exp(found["scores"].astype(float)).sum(1, keepdims=True))
    assert told["valid_loss"] == pytest.approx(-logs[np.arange(12), here.test.label].mean(), rel=1e-5)
    assert str(found["data_digest"]) == here.digest and len(found["name"]) == 12


def test_the_mirror_is_averaged_where_it_is_asked_for(folder):
    plain, both = task(folder), task(folder, evaluation={"flip": True})
    network = plain.build().eval()
    with torch.inference_mode():
        turned = plain._normalise(plain.test.pixels[:, :, ::-1].copy())
        expected = (plain.predict(network)["scores"] + network(turned).numpy()) / 2
        np.testing.assert_allclose(both.predict(network)["scores"], expected, rtol=1e-5, atol=1e-6)


def test_a_network_of_other_classes_is_refused(folder):
    with pytest.raises(InputError, match=r"has 10 classes, but the network has 4; set overrides\.classes"):
        task(folder, network={"classes": 4, "width": 8, "blocks": 1})


@pytest.mark.parametrize("photographs", [True, False])
def test_pictures_are_drawn(folder, tmp_path, photographs):
    here = task(folder)
    with torch.inference_mode():
        found = here.predict(here.build().eval())
    here.picture(found, tmp_path / "p.png", photographs=photographs)
    assert (tmp_path / "p.png").stat().st_size > 2000
