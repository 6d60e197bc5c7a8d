"""Single-person pose estimation by heatmaps: batches, loss, validation and prediction (paper, section 4.1)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lbrn import models
from lbrn.files import read_json
from lbrn.metrics.pck import primary_total
from lbrn.models.hourglass import StackedHourglass
from lbrn.models.pooling import set_eval_draw
from lbrn.tasks import crops, heatmaps
from lbrn.tasks.base import Spec
from lbrn.tasks.people_pixels import PeoplePixels, load

STRIDE = 4  # input pixels per heatmap pixel, in each of the paper's pose networks
AUGMENTATION_STREAM = 1  # which Philox stream of a run's seed augments; the order of samples has another
VALIDATION_PEOPLE = 256  # the curves look at the first so many people of the test split, without the flip test
PREDICTION_BATCH = 25


class PoseTask:
    """Pose estimation on prepared people.

    Args:
        spec: A run's complete spec.
        folders: Prepared folder of each dataset in `spec["data"]`. All of them are trained on; the test split is that
            of `spec["dataset"]`.
    """

    def __init__(self, spec: Spec, folders: Mapping[str, Path]) -> None:
        self.spec = spec
        self.recipe = spec["recipe"]
        self.size = int(self.recipe["input"])
        keys = ("scale_jitter", "rotation", "rotation_probability", "flip_probability", "colour")
        self.augmentation = crops.Augmentation(**{key: self.recipe[key] for key in keys})
        trained_on = [folders[name] for name in sorted(spec["data"])]  # the order is part of training
        self.train = load(trained_on, "train")
        self.test = load([folders[spec["dataset"]]], "test")
        self.mean = mean_colour(trained_on)
        self._drawn: tuple[int, crops.Crops, NDArray[np.float64]] | None = None

    def __len__(self) -> int:
        return len(self.train.people)

    def build(self) -> nn.Module:
        """A freshly initialised network as the spec says, its first heatmaps scaled by the recipe's `head_gain`.

        Torch's default lets a new head answer with maps of 15 times the targets' energy; a gain near 0 spares short
        trainings the way back. The paper scale has 1, the default of the public code.
        """
        seeds = {"seed": self.spec["seed"], "filter_seed": self.spec["filter_seed"]}
        network = cast(StackedHourglass, models.build(self.spec["variant"], **seeds, **self.spec["network"]))
        with torch.no_grad():
            for parameter in network.heads():
                parameter.mul_(self.recipe["head_gain"])
        return network

    def batch(self, epoch: int, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Augmented crops and their heatmaps.

        Args:
            epoch: 0-based; with the seed it decides the augmentation of every sample.
            indices: (B,) training samples.

        Returns:
            (B, 3, S, S) inputs with the mean colour subtracted, and (B, 16, S/4, S/4) targets.
        """
        geometry, gains = self._augmented(epoch)
        chosen = _take(geometry, indices)
        pixels = np.stack(list(self._crops(self.train, indices, chosen)))
        coloured = np.clip(pixels * (gains[indices, None, None] / 255), 0, 1).astype(np.float32)
        joints = crops.apply(chosen.from_image(self.size // STRIDE), self.train.people.joints[indices])
        joints[chosen.flip] = joints[chosen.flip][:, heatmaps.MIRRORED]
        return self._normalise(coloured), heatmaps.targets(joints, self.size // STRIDE, self.recipe["sigma"])

    def loss(self, outputs: list[Tensor], targets: Tensor) -> Tensor:
        """Mean squared error over all elements, summed over the stacks (architectures 9.1; paper 4.1.1)."""
        return torch.stack([nn.functional.mse_loss(output, targets) for output in outputs]).sum()

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Loss and primary metric on the first people of the test split, without the flip test."""
        people = self.test.people.take(np.arange(min(VALIDATION_PEOPLE, len(self.test.people))))
        points, loss = [], 0.0
        for indices, inputs, geometry in self._test_batches(len(people)):
            outputs = network(inputs)
            joints = crops.apply(geometry.from_image(self.size // STRIDE), people.joints[indices])
            targets = heatmaps.targets(joints, self.size // STRIDE, self.recipe["sigma"])
            loss += float(self.loss(outputs, targets)) * len(indices)
            points.append(crops.apply(geometry.to_image(self.size // STRIDE), heatmaps.decode(outputs[-1])[0]))
        score = primary_total(np.concatenate(points), people, self.spec["dataset"])
        return {"valid_loss": loss / len(people), "valid_pck": score}

    def predict(self, network: nn.Module) -> dict[str, NDArray[Any]]:
        """Joints of the whole test split, by the flip test where the spec asks for it.

        Returns:
            `joints` (N, 16, 2) float32 in pixels of the original image (0-based centres), `score` (N, 16), and the
            `image` and `person` they belong to, with the dataset and its digest.
        """
        points, scores = [], []
        for _, inputs, geometry in self._test_batches(len(self.test.people)):
            peaks, score = heatmaps.decode(self._maps(network, inputs))
            points.append(crops.apply(geometry.to_image(self.size // STRIDE), peaks))
            scores.append(score)
        return {
            "joints": np.concatenate(points).astype(np.float32),
            "score": np.concatenate(scores),
            "image": self.test.people.image,
            "person": self.test.people.person,
            "dataset": np.array(self.spec["dataset"]),
            "data_digest": np.array(self.test.digest),
        }

    def picture(self, predictions: Mapping[str, NDArray[Any]], path: Path, *, photographs: bool) -> None:
        """Draw the predicted poses of evenly chosen test people, on their crops or on plain ground."""
        from lbrn.tasks.drawing import pose_sheet

        chosen = np.linspace(0, len(self.test.people) - 1, 12).astype(int)
        size = max(self.size, 192)
        geometry = self._plain(self.test, chosen)
        to_crop = geometry.from_image(size)
        grounds = list(self._crops(self.test, chosen, geometry, size)) if photographs else None
        truth = crops.apply(to_crop, self.test.people.joints[chosen])
        guess = crops.apply(to_crop, predictions["joints"][chosen].astype(float))
        pose_sheet(path, guess, truth, grounds, size, title=f"{self.spec['variant']} on {self.spec['dataset']}")

    def _maps(self, network: nn.Module, inputs: Tensor) -> Tensor:
        """Heatmaps of the last stack, averaged over the flip test and over draws of random pooling."""
        evaluation, total = self.spec["evaluation"], []
        for draw in range(evaluation["eval_draws"]):
            set_eval_draw(network, draw)
            total.append(network(inputs)[-1])
            if evaluation["flip"]:
                total.append(heatmaps.unflip(network(inputs.flip(-1))[-1]))
        return torch.stack(total).mean(0)

    def _augmented(self, epoch: int) -> tuple[crops.Crops, NDArray[np.float64]]:
        """Geometry and colour gains of all training samples in one epoch; kept until the epoch changes."""
        if self._drawn is None or self._drawn[0] != epoch:
            bits = np.random.Philox(key=[self.spec["seed"], AUGMENTATION_STREAM], counter=[0, 0, epoch, 0])
            people = self.train.people
            drawn = self.augmentation.draw(crops.plain(people.centre, people.scale), np.random.Generator(bits))
            self._drawn = (epoch, *drawn)
        return self._drawn[1:]

    def _test_batches(self, count: int) -> Iterator[tuple[NDArray[np.int64], Tensor, crops.Crops]]:
        for start in range(0, count, PREDICTION_BATCH):
            indices = np.arange(start, min(count, start + PREDICTION_BATCH))
            geometry = self._plain(self.test, indices)
            pixels = np.stack(list(self._crops(self.test, indices, geometry)))
            yield indices, self._normalise(pixels.astype(np.float32) / np.float32(255)), geometry

    def _plain(self, data: PeoplePixels, indices: NDArray[np.int64]) -> crops.Crops:
        return crops.plain(data.people.centre[indices], data.people.scale[indices])

    def _crops(
        self, data: PeoplePixels, indices: NDArray[np.int64], geometry: crops.Crops, size: int | None = None
    ) -> Iterator[NDArray[np.uint8]]:
        size = size or self.size
        for index, matrix in zip(indices, geometry.to_image(size), strict=True):
            yield crops.resample(data.patch(int(index)), data.to_patch(int(index), matrix), size)

    def _normalise(self, colours: NDArray[np.float32]) -> Tensor:
        # Left in the order of the pixels' bytes: that is channels-last, the layout of the networks.
        return torch.from_numpy(colours - self.mean).permute(0, 3, 1, 2)


def _take(geometry: crops.Crops, indices: NDArray[np.int64]) -> crops.Crops:
    return crops.Crops(
        geometry.centre[indices], geometry.side[indices], geometry.rotation[indices], geometry.flip[indices]
    )


def mean_colour(folders: list[Path]) -> NDArray[np.float32]:
    """Mean RGB (0..1) of the training crops of all datasets, each weighted by its number of people.

    Args:
        folders: Prepared folders, in the order in which they are trained on.
    """
    infos = [read_json(folder / "info.json") for folder in folders]
    weights = [info["splits"]["train"]["people"] for info in infos]
    mean = np.average([info["mean_rgb"] for info in infos], axis=0, weights=weights)
    return np.asarray(mean, np.float32)
