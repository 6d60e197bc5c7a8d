"""The saliency task: batches, loss, maps in the photographs' own sizes, which sets are tested; on drawn pictures."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from lbrn.datasets import objects
from lbrn.datasets.prepare_saliency import fill_saliency
from lbrn.datasets.saliency_maps import load_scenes
from lbrn.metrics.saliency import measure
from lbrn.models.cpd import cpd
from lbrn.tasks.saliency import MEAN, SPREAD, SaliencyTask, to_map

SIDE = 32
COUNTS = {"duts": (5, 3), "ecssd": (0, 4)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {}
    for name, (train, test) in COUNTS.items():
        folder = made[name] = tmp_path_factory.mktemp(name)
        archives = objects.write(name, folder / "raw", train=train, test=test)
        splits = fill_saliency(folder, name, archives, SIDE)
        info = {"digest": f"digest of {name}", "divided": name == "ecssd", "splits": splits}
        (folder / "info.json").write_text(json.dumps(info))
    return made


def task(folders, *, train_on=("duts",), tested=("duts", "ecssd"), flip=0.5, seed=0):
    recipe = {"train_on": list(train_on), "flip_probability": flip, "head_std": None}
    spec = {"seed": seed, "variant": "cpd-vgg16", "recipe": recipe, "evaluation": {"tested": list(tested)}}
    return SaliencyTask(spec, folders)


class Centre(torch.nn.Module):
    """Answers every picture with the same map, bright in the upper left quarter."""

    def forward(self, images):
        logits = torch.full((len(images), 1, *images.shape[2:]), -4.0)
        logits[..., : SIDE // 2, : SIDE // 2] = 4.0
        return [logits, logits]


def test_a_batch_is_photographs_and_soft_masks(folders):
    made = task(folders, flip=0.0)
    assert len(made) == 5
    indices = np.array([4, 0])
    inputs, targets = made.batch(0, indices)
    scenes = load_scenes(folders["duts"], "train")
    assert inputs.shape == (2, 3, SIDE, SIDE) and targets.shape == (2, 1, SIDE, SIDE)
    back = (inputs.permute(0, 2, 3, 1).numpy() * SPREAD + MEAN) * 255
    np.testing.assert_allclose(back, scenes.images[indices], atol=1e-3)
    np.testing.assert_allclose(targets[:, 0] * 255, scenes.masks[indices], atol=1e-4)


def test_mirrored_photographs_keep_their_masks_and_depend_on_seed_and_epoch_alone(folders):
    plain, always = task(folders, flip=0.0), task(folders, flip=1.0)
    everyone = np.arange(5)
    for one, other in zip(plain.batch(0, everyone), always.batch(0, everyone), strict=True):
        assert torch.equal(one.flip(-1), other)
    half = task(folders)
    together = half.batch(3, everyone)[0]
    apart = torch.cat([task(folders).batch(3, np.array([index]))[0] for index in range(5)])
    assert torch.equal(together, apart)
    draws = [task(folders, seed=seed)._mirrored(epoch).tolist() for seed in range(3) for epoch in range(3)]
    assert len({tuple(drawn) for drawn in draws}) > 3


def test_several_training_sets_are_one_after_another(folders):
    made = task(folders, train_on=("ecssd", "duts"), flip=0.0)
    assert len(made) == 5 + 3
    inputs, _ = made.batch(0, np.array([5, 4]))
    scenes = [load_scenes(folders[name], "train").images[row] for name, row in (("ecssd", 0), ("duts", 4))]
    back = (inputs.permute(0, 2, 3, 1).numpy() * SPREAD + MEAN) * 255
    np.testing.assert_allclose(back, scenes, atol=1e-3)


def test_a_divided_set_is_tested_whole_unless_it_is_trained_on(folders):
    assert [len(part) for part in task(folders).test["ecssd"]] == [3, 1]
    assert [len(part) for part in task(folders, train_on=("ecssd",)).test["ecssd"]] == [1]
    assert [len(part) for part in task(folders).test["duts"]] == [3]


def test_the_loss_is_that_of_both_maps(folders):
    targets = torch.tensor([0.0, 1.0, 0.5]).reshape(1, 1, 1, 3)
    attention, detection = torch.tensor([0.0, 2.0, 0.0]), torch.tensor([-1.0, 3.0, 1.0])
    loss = task(folders).loss([value.reshape(1, 1, 1, 3) for value in (attention, detection)], targets)
    expected = 0.0
    for logits in (attention.numpy(), detection.numpy()):
        p, t = 1 / (1 + np.exp(-logits)), targets.numpy().ravel()
        expected += -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()
    assert float(loss) == pytest.approx(expected, rel=1e-6)


def test_predictions_are_maps_in_the_photographs_sizes(folders):
    made = task(folders)
    with torch.inference_mode():
        found = made.predict(Centre().eval())
    assert found["sets"].tolist() == ["duts", "ecssd"] and found["digests"].tolist() == [
        "digest of duts",
        "digest of ecssd",
    ]
    assert found["set"].tolist() == ["duts"] * 3 + ["ecssd"] * 4
    assert found["maps"].dtype == np.uint8 and len(found["maps"]) == found["size"].prod(1).sum()
    scenes = [one for parts in made.test.values() for one in parts]
    assert found["name"].tolist() == [name for one in scenes for name in one.name.tolist()]
    height, width = found["size"][0]
    first = found["maps"][: height * width].reshape(height, width)
    assert first.min() == 0 and first.max() == 255
    assert first[: height // 3, : width // 3].min() == 255 and first[height // 2 + 5 :].max() == 0


def test_validation_measures_the_first_test_set(folders):
    made = task(folders)
    with torch.inference_mode():
        found = made.validate(Centre().eval())
        maps = made.predict(Centre().eval())
    sizes = maps["size"][:3]
    starts = np.concatenate([[0], sizes.prod(1).cumsum()])
    errors = [
        measure(maps["maps"][starts[row] : starts[row + 1]].reshape(sizes[row]), mask).mae
        for row, mask in enumerate(made.test["duts"][0].objects())
    ]
    assert found["valid_mae"] == pytest.approx(np.mean(errors))
    assert set(found) == {"valid_loss", "valid_maxf", "valid_mae"} and 0 < found["valid_maxf"] <= 1


def test_constant_logits_are_no_division_by_nothing():
    assert set(to_map(torch.zeros(1, 4, 4), np.array([5, 6])).ravel().tolist()) == {128}


@pytest.mark.parametrize("photographs", [True, False])
def test_pictures(folders, photographs, tmp_path):
    made = task(folders)
    with torch.inference_mode():
        found = made.predict(Centre().eval())
    made.picture(found, tmp_path / "sheet.png", photographs=photographs)
    image = Image.open(tmp_path / "sheet.png")
    coloured = np.ptp(np.asarray(image.convert("RGB")).astype(int), axis=2).max() > 40
    assert coloured == photographs, "without photographs nothing of them is shown"


def test_a_small_network_learns(folders):
    torch.manual_seed(0)
    made, network = task(folders), cpd("vgg16", width=8, head=8)
    from lbrn.models.cpd.network import initialise_heads

    initialise_heads(network, None)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.002)
    losses = []
    for epoch in range(30):
        inputs, targets = made.batch(epoch, np.arange(5))
        optimiser.zero_grad()
        loss = made.loss(network(inputs), targets)
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
