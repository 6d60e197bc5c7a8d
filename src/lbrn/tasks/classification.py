"""Classification of small pictures: batches, loss, validation and prediction (paper, section 4.3)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lbrn import models
from lbrn.datasets.images import Images, Pixels
from lbrn.datasets.prepare_images import load_images
from lbrn.errors import InputError
from lbrn.metrics import topk
from lbrn.tasks.base import Spec

AUGMENTATION_STREAM = 1  # which Philox stream of a run's seed augments; the order of samples has another
PREDICTION_BATCH = 250


class ClassificationTask:
    """Classification on prepared pictures.

    Args:
        spec: A run's complete spec.
        folders: Prepared folder of the dataset in `spec["data"]`, on whose training split is trained.

    Raises:
        InputError: The network has another number of classes than the data.
    """

    def __init__(self, spec: Spec, folders: Mapping[str, Path]) -> None:
        self.spec = spec
        self.recipe = spec["recipe"]
        folder = folders[spec["dataset"]]
        self.train, info = load_images(folder, "train")
        self.test, _ = load_images(folder, "test")
        self.classes, self.digest = info["classes"], info["digest"]
        known, wanted = len(self.classes), spec["network"]["classes"]
        if known != wanted:
            raise InputError(
                f"{folder} has {known} classes, but the network has {wanted}; set overrides.classes in params.yaml to "
                f"{known}"
            )
        self.mean, self.spread = (np.asarray(info[key], np.float32) for key in ("mean_rgb", "std_rgb"))
        self._drawn: tuple[int, NDArray[np.int64], NDArray[np.bool_]] | None = None

    def __len__(self) -> int:
        return len(self.train)

    def build(self) -> nn.Module:
        """A freshly initialised network as the spec says."""
        seeds = {"seed": self.spec["seed"], "filter_seed": self.spec["filter_seed"]}
        return models.build(self.spec["variant"], **seeds, **self.spec["network"])

    def batch(self, epoch: int, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Pictures moved within a black border and some of them mirrored (architectures 9.3), with their classes.

        Args:
            epoch: 0-based; with the seed it decides the augmentation of every sample.
            indices: (B,) training samples.

        Returns:
            (B, 3, S, S) inputs, normalised by the training set's colours, and (B,) classes.
        """
        corners, mirrored = self._augmented(epoch)
        cut = moved(self.train.pixels[indices], corners[indices], self.recipe["crop_padding"])
        turned = np.where(mirrored[indices, None, None, None], cut[:, :, ::-1], cut)
        return self._normalise(turned), torch.from_numpy(self.train.label[indices])

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy of the softmax."""
        return nn.functional.cross_entropy(outputs, targets)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Loss and errors on the whole test split: the best epoch is told by them (`lbrn.metrics.topk`)."""
        scores = torch.from_numpy(self._scores(network))
        found = topk.errors(scores.numpy(), self.test.label)
        loss = float(self.loss(scores, torch.from_numpy(self.test.label)))
        return {"valid_loss": loss, "valid_error": found[topk.TOP1], "valid_top5_error": found[topk.TOP5]}

    def predict(self, network: nn.Module) -> dict[str, NDArray[Any]]:
        """Scores of the whole test split.

        Returns:
            `scores` (N, classes) float32 before the softmax, averaged with those of the mirrored picture where the spec
            asks for it, and the `name` of each picture, with the dataset and its digest.
        """
        return {
            "scores": self._scores(network),
            "name": self.test.name,
            "dataset": np.array(self.spec["dataset"]),
            "data_digest": np.array(self.digest),
        }

    def picture(self, predictions: Mapping[str, NDArray[Any]], path: Path, *, photographs: bool) -> None:
        """Draw evenly chosen test pictures with their classes; without photographs, which classes are confused."""
        from lbrn.tasks import class_drawing

        title = f"{self.spec['variant']} on {self.spec['dataset']}"
        guess = predictions["scores"].argmax(1)
        if photographs:
            chosen = np.linspace(0, len(self.test) - 1, 24).astype(int)
            shown = Images(self.test.pixels[chosen], self.test.label[chosen], self.test.name[chosen])
            class_drawing.sheet(path, shown, guess[chosen], self.classes, title=title)
        else:
            class_drawing.confusion(path, guess, self.test.label, self.classes, title=title)

    def _scores(self, network: nn.Module) -> NDArray[np.float32]:
        found = []
        for inputs in self._test_batches():
            scores = network(inputs)
            if self.spec["evaluation"]["flip"]:
                scores = (scores + network(inputs.flip(-1))) / 2
            found.append(scores.numpy())
        return np.concatenate(found)

    def _test_batches(self) -> Iterator[Tensor]:
        for start in range(0, len(self.test), PREDICTION_BATCH):
            yield self._normalise(self.test.pixels[start : start + PREDICTION_BATCH])

    def _augmented(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Corners of the cut and who is mirrored, of all training samples in one epoch; kept until that changes."""
        if self._drawn is None or self._drawn[0] != epoch:
            bits = np.random.Philox(key=[self.spec["seed"], AUGMENTATION_STREAM], counter=[0, 0, epoch, 0])
            generator, count = np.random.Generator(bits), len(self.train)
            corners = generator.integers(2 * self.recipe["crop_padding"] + 1, size=(count, 2))
            self._drawn = (epoch, corners, generator.random(count) < self.recipe["flip_probability"])
        return self._drawn[1:]

    def _normalise(self, pixels: Pixels) -> Tensor:
        colours = (pixels.astype(np.float32) / np.float32(255) - self.mean) / self.spread
        # Left in the order of the pixels' bytes: that is channels-last, the layout of the networks.
        return torch.from_numpy(colours).permute(0, 3, 1, 2)


def moved(pixels: Pixels, corners: NDArray[np.int64], border: int) -> Pixels:
    """Cut each picture out of itself with a black border, at a place of its own.

    Args:
        pixels: (N, S, S, 3).
        corners: (N, 2) first row and column of the cut, 0 .. 2 * border; `border` leaves the picture as it is.
        border: Black pixels on each side.

    Returns:
        (N, S, S, 3).
    """
    side = pixels.shape[1]
    framed = np.zeros((len(pixels), side + 2 * border, side + 2 * border, 3), np.uint8)
    framed[:, border : border + side, border : border + side] = pixels
    cut = np.empty_like(pixels)
    for number, (row, column) in enumerate(corners.tolist()):
        cut[number] = framed[number, row : row + side, column : column + side]
    return cut
