"""The pose task on real prepared people, against plain independent geometry."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from lbrn.datasets.people import JOINT_NAMES, People
from lbrn.datasets.prepare import load_split
from lbrn.files import read_json
from lbrn.tasks.base import create
from tiny import TinyData

R_L = str.maketrans("rl", "lr")
OTHER_SIDE = [JOINT_NAMES.index(name[0].translate(R_L) + name[1:]) if name[1] == "_" else joint
              for joint, name in enumerate(JOINT_NAMES)]  # fmt: skip
MAP = 16  # side of the tiny heatmaps
STILL = {"scale_jitter": 0.0, "rotation_probability": 0.0, "flip_probability": 0.0, "colour": [1.0, 1.0]}


def on_map(people: People, person: int, joint: int) -> tuple[float, float]:
    """Where a joint is on the heatmap of the plain crop, in map pixels."""
    side = 200 * people.scale[person]
    left_top = people.centre[person] - side / 2
    x, y = (people.joints[person, joint] - left_top) / side * MAP - 0.5
    return x, y


def drawn_maps(people: People) -> NDArray[np.float32]:
    """Target maps of the plain crops, pixel by pixel."""
    maps = np.zeros((len(people), 16, MAP, MAP), np.float32)
    for person, joint in np.ndindex(len(people), 16):
        x, y = on_map(people, person, joint)
        if math.isnan(x):
            continue
        column, row = math.floor(x + 0.5), math.floor(y + 0.5)
        for v, u in np.ndindex(MAP, MAP):
            if max(abs(u - column), abs(v - row)) <= 3:
                maps[person, joint, v, u] = math.exp(-((u - column) ** 2 + (v - row) ** 2) / 2)
    return maps


class Oracle(nn.Module):
    """Answers with the true maps of the test people in their order, whatever it is shown; stacks before are empty."""

    def __init__(self, maps: NDArray[np.float32], stacks: int = 1) -> None:
        super().__init__()
        self.maps, self.stacks, self.seen = torch.from_numpy(maps), stacks, 0

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        maps = self.maps[self.seen : self.seen + len(images)]
        self.seen += len(images)
        return [torch.zeros_like(maps)] * (self.stacks - 1) + [maps]


def indices(*chosen: int) -> NDArray[np.int64]:
    return np.array(chosen, np.int64)


def test_a_batch_depends_on_seed_epoch_and_samples_only(tiny_data: TinyData) -> None:
    spec = tiny_data.spec("shn")
    task = tiny_data.task(spec)
    inputs, targets = task.batch(3, indices(0, 7, 2))
    task.batch(4, indices(1))
    for order in ([2, 0], [7], [5, 6, 7, 0]):
        again = tiny_data.task(spec) if order == [7] else task
        other_inputs, other_targets = again.batch(3, indices(*order))
        for place, sample in enumerate([0, 7, 2]):
            if sample in order:
                assert torch.equal(other_inputs[order.index(sample)], inputs[place])
                assert torch.equal(other_targets[order.index(sample)], targets[place])
    other_seed = tiny_data.task(tiny_data.spec("shn", seed=1))
    for changed in (task.batch(2, indices(0, 7, 2)), other_seed.batch(3, indices(0, 7, 2))):
        assert all((changed[0][place] - inputs[place]).abs().mean() > 0.01 for place in range(3))
    same_augmentation = tiny_data.task(tiny_data.spec("lbrn-p", filter_seed=1)).batch(3, indices(0, 7, 2))
    assert torch.equal(same_augmentation[0], inputs)


def test_form_of_a_batch(tiny_data: TinyData) -> None:
    task = tiny_data.task(tiny_data.spec("shn"))
    assert len(task) == 12
    inputs, targets = task.batch(0, indices(0, 1, 2))
    assert inputs.shape == (3, 3, 64, 64) and inputs.dtype == torch.float32
    assert targets.shape == (3, 16, MAP, MAP) and targets.dtype == torch.float32
    assert -1 < inputs.min() < 0 < inputs.max() < 1 and targets.min() == 0


def test_mirrored_samples_swap_left_and_right(tiny_data: TinyData) -> None:
    everyone = np.arange(12)
    plain = tiny_data.task(tiny_data.spec("shn", recipe=STILL)).batch(0, everyone)
    mirrored = tiny_data.task(tiny_data.spec("shn", recipe=STILL | {"flip_probability": 1.0})).batch(0, everyone)
    torch.testing.assert_close(mirrored[0], plain[0].flip(-1), atol=1.5 / 255, rtol=0)
    people, compared = load_split(tiny_data.folder("mpii"), "train")[0], 0
    for person, joint in np.ndindex(12, 16):
        if abs(on_map(people, person, joint)[0] % 1 - 0.5) < 1e-9:
            continue  # between two map pixels: the right one is taken in both pictures
        expected = plain[1][person, joint].flip(-1)
        assert torch.equal(mirrored[1][person, OTHER_SIDE[joint]], expected)
        compared += expected.any()
    assert compared > 150
    half = tiny_data.task(tiny_data.spec("shn", recipe=STILL | {"flip_probability": 0.5})).batch(0, everyone)
    which = [torch.equal(half[1][person], mirrored[1][person]) for person in everyone]
    assert 0 < sum(which) < 12
    for person, is_mirrored in enumerate(which):  # each sample is mirrored in picture and target, or in neither
        assert torch.equal(half[0][person], (mirrored if is_mirrored else plain)[0][person])


def test_targets_of_plain_crops_equal_slow_code_and_are_empty_where_unlabelled(tiny_data: TinyData) -> None:
    spec = tiny_data.spec("shn", "lsp", ("lspet",), recipe=STILL)
    task = create(spec, {name: tiny_data.folder(name) for name in ("lsp", "lspet")})
    people, _ = load_split(tiny_data.folder("lspet"), "train")
    assert not people.labelled.all()
    targets = task.batch(0, np.arange(len(people)))[1].numpy()
    np.testing.assert_allclose(targets, drawn_maps(people), atol=1e-6)
    assert not targets[~people.labelled].any()


def test_an_oracle_scores_full_and_has_no_loss(tiny_data: TinyData) -> None:
    task = tiny_data.task(tiny_data.spec("shn"))
    maps = drawn_maps(task.test.people)
    found = task.validate(Oracle(maps))
    assert found["valid_pck"] == 100
    assert found["valid_loss"] == pytest.approx(0, abs=1e-12)
    two_stacks = task.validate(Oracle(maps, stacks=2))
    assert two_stacks["valid_pck"] == 100  # the last stack's maps count
    assert two_stacks["valid_loss"] == pytest.approx((maps.astype(float) ** 2).mean(), rel=1e-6)
    assert task.validate(Oracle(np.roll(maps, 5, axis=-1)))["valid_pck"] < 50


def test_validation_looks_at_the_first_people_only(tiny_data: TinyData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lbrn.tasks.pose.VALIDATION_PEOPLE", 4)
    monkeypatch.setattr("lbrn.tasks.pose.PREDICTION_BATCH", 3)
    task = tiny_data.task(tiny_data.spec("shn"))
    maps = drawn_maps(task.test.people)
    maps[4:] = 1.0
    oracle = Oracle(maps)
    found = task.validate(oracle)
    assert oracle.seen == 4
    assert found["valid_pck"] == 100 and found["valid_loss"] < 1e-12


@pytest.mark.parametrize("batch", [25, 4])
def test_an_oracles_joints_come_back_in_pixels_of_the_photograph(
    tiny_data: TinyData, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr("lbrn.tasks.pose.PREDICTION_BATCH", batch)
    task = tiny_data.task(tiny_data.spec("shn", evaluation={"flip": False}))
    people, _ = load_split(tiny_data.folder("mpii"), "test")
    maps = drawn_maps(people)
    predicted = task.predict(Oracle(maps))
    inside, errors = maps.any((2, 3)) & (maps.max((2, 3)) == 1), []
    assert inside.mean() > 0.9
    for person, joint in np.argwhere(inside):
        map_pixel = 200 * people.scale[person] / MAP
        error = np.abs(predicted["joints"][person, joint] - people.joints[person, joint]) / map_pixel
        assert (error <= 0.5 + 1e-3).all()
        errors.append(error)
    assert 0.1 < np.mean(errors) < 0.35  # rounding to whole map pixels: a quarter on average
    np.testing.assert_array_equal(predicted["score"][inside], 1)


@pytest.fixture
def lsp_and_lspet(tiny_data: TinyData) -> Any:
    return tiny_data.task(tiny_data.spec("shn", "lsp", ("lsp", "lspet"), recipe=STILL))


def test_joined_datasets_take_pixels_from_the_right_file(tiny_data: TinyData, lsp_and_lspet: Any) -> None:
    assert len(lsp_and_lspet) == 4 + 5
    assert len(lsp_and_lspet.test.people) == 6
    folders = {name: tiny_data.folder(name) for name in ("lsp", "lspet")}
    first = 0
    for name, count in (("lsp", 4), ("lspet", 5)):
        alone = create(tiny_data.spec("shn", "lsp", (name,), recipe=STILL), folders)
        inputs, targets = alone.batch(0, np.arange(count))
        joined_inputs, joined_targets = lsp_and_lspet.batch(0, np.arange(first, first + count))
        shift = torch.from_numpy(alone.mean - lsp_and_lspet.mean)[:, None, None]
        torch.testing.assert_close(joined_inputs, inputs + shift, atol=1e-6, rtol=0)
        assert torch.equal(joined_targets, targets)
        first += count


def test_the_mean_colour_counts_people(tiny_data: TinyData, lsp_and_lspet: Any) -> None:
    lsp, lspet = (read_json(tiny_data.folder(name) / "info.json")["mean_rgb"] for name in ("lsp", "lspet"))
    expected = [(4 * lsp[channel] + 5 * lspet[channel]) / 9 for channel in range(3)]
    np.testing.assert_allclose(lsp_and_lspet.mean, expected, rtol=1e-6)
    grey_levels = (lsp_and_lspet.batch(0, indices(0, 8))[0].permute(0, 2, 3, 1).numpy() + expected) * 255
    np.testing.assert_allclose(grey_levels, np.round(grey_levels), atol=1e-3)
    assert grey_levels.min() > -0.5 and grey_levels.max() < 255.5


def test_colour_gains_scale_channels_and_are_clipped(tiny_data: TinyData) -> None:
    plain = tiny_data.task(tiny_data.spec("shn", recipe=STILL))
    twice = tiny_data.task(tiny_data.spec("shn", recipe=STILL | {"colour": [2.0, 2.0]}))
    mean = torch.from_numpy(plain.mean)[:, None, None]
    before, after = (task.batch(0, indices(0, 1))[0] + mean for task in (plain, twice))
    torch.testing.assert_close(after, (2 * before).clamp(0, 1), atol=1e-6, rtol=0)


def test_the_recipe_scales_the_heads_only(tiny_data: TinyData) -> None:
    silent, loud = (
        tiny_data.task(tiny_data.spec("shn", network={"stacks": 2}, recipe={"head_gain": gain})).build().state_dict()
        for gain in (0.01, 1.0)
    )
    heads = {name for name, value in loud.items() if value.shape[:1] == (16,) and ".score." in name}
    assert len(heads) == 4
    for name, value in loud.items():
        torch.testing.assert_close(silent[name], value * 0.01 if name in heads else value)


def test_the_network_is_that_of_the_spec(tiny_data: TinyData) -> None:
    names = {"first": 0, "same": 0, "other": 1}
    built = {name: tiny_data.task(tiny_data.spec("lbrn-s", seed=seed)).build() for name, seed in names.items()}
    first, same, other = ([value for value in network.parameters() if value.dim() == 4] for network in built.values())
    assert all(torch.equal(*pair) for pair in zip(first, same, strict=True))
    assert not any(torch.equal(*pair) for pair in zip(first, other, strict=True))


def test_loss_is_the_sum_of_the_stacks_mean_squared_errors(tiny_data: TinyData) -> None:
    generator = np.random.Generator(np.random.Philox(0))
    outputs, target = generator.normal(size=(3, 2, 16, 4, 4)), generator.normal(size=(2, 16, 4, 4))
    expected = sum(((output - target) ** 2).sum() / target.size for output in outputs)
    loss = tiny_data.task(tiny_data.spec("shn")).loss([torch.from_numpy(o) for o in outputs], torch.from_numpy(target))
    assert float(loss) == pytest.approx(expected)


def test_pictures_show_twelve_people_however_few_there_are(tiny_data: TinyData, tmp_path: Path) -> None:
    task = tiny_data.task(tiny_data.spec("shn"))
    task.test = replace(task.test, people=task.test.people.take([0]), part=task.test.part[:1])
    joints = task.test.people.joints.astype(np.float32)
    task.picture({"joints": joints}, tmp_path / "one.png", photographs=True)
    assert (tmp_path / "one.png").stat().st_size > 10_000
