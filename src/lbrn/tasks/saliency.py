"""Salient object detection: batches, augmentation, loss, validation, 8-bit maps (paper, section 4.4)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from lbrn import models
from lbrn.datasets.saliency_maps import Scenes, load_scenes
from lbrn.files import read_json
from lbrn.metrics.saliency import measure, summary
from lbrn.models.cpd import CPD
from lbrn.models.cpd.network import initialise_heads
from lbrn.tasks.base import Spec

AUGMENTATION_STREAM = 1  # which Philox stream of a run's seed augments; the order of samples has another
VALIDATION_IMAGES = 64  # the curves look at so many test pictures
PREDICTION_BATCH = 10
MEAN, SPREAD = (np.array(rgb, np.float32) for rgb in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
"""Of ImageNet, which the published backbones were trained on (architectures 7.4)."""


class SaliencyTask:
    """Saliency on prepared photographs and masks.

    Args:
        spec: A run's complete spec; `recipe.train_on` names the datasets that are trained on, `evaluation.tested` those
            that are predicted.
        folders: Prepared folder of each dataset in `spec["data"]`. Of a set that is divided for want of training
            pictures, all of it is tested on where none of it is trained on.
    """

    def __init__(self, spec: Spec, folders: Mapping[str, Path]) -> None:
        self.spec, self.folders = spec, folders
        self.recipe = spec["recipe"]
        self.train = [load_scenes(folders[name], "train") for name in sorted(self.recipe["train_on"])]
        self.first = np.cumsum([0, *(len(scenes) for scenes in self.train)])
        self.test = {
            name: tested(folders[name], name in self.recipe["train_on"]) for name in spec["evaluation"]["tested"]
        }
        self._drawn: tuple[int, NDArray[np.bool_]] | None = None

    def __len__(self) -> int:
        return int(self.first[-1])

    def build(self) -> nn.Module:
        """A freshly initialised network as the spec says, its heads drawn with the recipe's `head_std`."""
        seeds = {"seed": self.spec["seed"], "filter_seed": self.spec["filter_seed"]}
        network = cast(CPD, models.build(self.spec["variant"], **seeds, **self.spec["network"]))
        with torch.random.fork_rng(devices=[]):
            torch.random.manual_seed(self.spec["seed"])
            initialise_heads(network, self.recipe.get("head_std"))
        return network

    def batch(self, epoch: int, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Photographs, some of them mirrored where the recipe says so, and their soft masks.

        Args:
            epoch: 0-based; with the seed it decides the augmentation of every sample.
            indices: (B,) training samples.

        Returns:
            (B, 3, S, S) inputs, normalised by ImageNet's colours, and (B, 1, S, S) masks from 0 to 1.
        """
        part = np.searchsorted(self.first, indices, side="right") - 1
        places = list(zip(part.tolist(), (indices - self.first[part]).tolist(), strict=True))
        images = np.stack([self.train[which].images[row] for which, row in places])
        masks = np.stack([self.train[which].masks[row] for which, row in places])
        mirrored = self._mirrored(epoch)[indices]
        images[mirrored], masks[mirrored] = images[mirrored, :, ::-1], masks[mirrored, :, ::-1]
        return normalise(images), torch.from_numpy(masks.astype(np.float32) / np.float32(255))[:, None]

    def loss(self, outputs: list[Tensor], targets: Tensor) -> Tensor:
        """Binary cross-entropy of the attention plus that of the detection, both against the mask."""
        return torch.stack([F.binary_cross_entropy_with_logits(output, targets) for output in outputs]).sum()

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Loss, MAE and maxF on the first pictures of the first test set."""
        scenes = next(iter(self.test.values()))[0]
        rows = np.arange(min(VALIDATION_IMAGES, len(scenes)))
        loss, measures = 0.0, []
        truths = scenes.objects()
        for start in range(0, len(rows), PREDICTION_BATCH):
            chosen = rows[start : start + PREDICTION_BATCH]
            outputs = network(normalise(scenes.images[chosen]))
            targets = torch.from_numpy(scenes.masks[chosen].astype(np.float32) / np.float32(255))[:, None]
            loss += float(self.loss(outputs, targets)) * len(chosen)
            for row, logits in zip(chosen.tolist(), outputs[-1], strict=True):
                measures.append(measure(to_map(logits, scenes.size[row]), next(truths)))
        found = summary(measures)
        return {"valid_loss": loss / len(rows), "valid_maxf": found["maxf-curve"], "valid_mae": found["mae"]}

    def predict(self, network: nn.Module) -> dict[str, NDArray[Any]]:
        """Saliency maps of all test sets, in the sizes of the original photographs.

        Returns:
            `maps`, flat uint8, one map after another; of each map `set` (the dataset), `name` and `size` (height,
            width); `sets`, the datasets, and `digests`, those of their prepared data.
        """
        maps: list[NDArray[np.uint8]] = []
        names: list[tuple[str, str]] = []
        sizes: list[list[int]] = []
        for name, parts in self.test.items():
            for scenes in parts:
                for row, logits in self._logits(network, scenes):
                    maps.append(to_map(logits, scenes.size[row]).ravel())
                    names.append((name, str(scenes.name[row])))
                    sizes.append(scenes.size[row].tolist())
        digests = [read_json(self.folders[name] / "info.json")["digest"] for name in self.test]
        return {
            "maps": np.concatenate(maps),
            "set": np.array([name for name, _ in names]),
            "name": np.array([stem for _, stem in names]),
            "size": np.array(sizes, np.int64),
            "sets": np.array(list(self.test)),
            "digests": np.array(digests),
        }

    def picture(self, predictions: Mapping[str, NDArray[Any]], path: Path, *, photographs: bool) -> None:
        """Draw evenly chosen maps, beside photograph and mask or alone."""
        from lbrn.tasks.map_drawing import map_sheet

        scenes = [(one, row) for parts in self.test.values() for one in parts for row in range(len(one))]
        chosen = np.linspace(0, len(scenes) - 1, 12).astype(int)
        starts = np.concatenate([[0], np.cumsum(predictions["size"].prod(1))])
        rows = []
        for index in chosen.tolist():
            one, row = scenes[index]
            found = predictions["maps"][starts[index] : starts[index + 1]].reshape(predictions["size"][index])
            rows.append([one.images[row], one.masks[row], found] if photographs else [found])
        map_sheet(path, rows, title=f"{self.spec['variant']} on {', '.join(self.test)}")

    def _logits(self, network: nn.Module, scenes: Scenes) -> Iterator[tuple[int, Tensor]]:
        for start in range(0, len(scenes), PREDICTION_BATCH):
            rows = np.arange(start, min(len(scenes), start + PREDICTION_BATCH))
            yield from zip(rows.tolist(), network(normalise(scenes.images[rows]))[-1], strict=True)

    def _mirrored(self, epoch: int) -> NDArray[np.bool_]:
        """Who is mirrored in an epoch; kept until that changes."""
        if self._drawn is None or self._drawn[0] != epoch:
            bits = np.random.Philox(key=[self.spec["seed"], AUGMENTATION_STREAM], counter=[0, 0, epoch, 0])
            drawn = np.random.Generator(bits).random(len(self)) < self.recipe["flip_probability"]
            self._drawn = (epoch, drawn)
        return self._drawn[1]


def tested(folder: Path, trained_on: bool) -> list[Scenes]:
    """The splits of a dataset that are tested on.

    Args:
        folder: Its prepared folder.
        trained_on: Whether its training split is trained on.
    """
    whole = read_json(folder / "info.json")["divided"] and not trained_on
    return [load_scenes(folder, split) for split in (("train", "test") if whole else ("test",))]


def normalise(images: NDArray[np.uint8]) -> Tensor:
    """Bring photographs (N, S, S, 3) into what networks take, (N, 3, S, S)."""
    colours = (images.astype(np.float32) / np.float32(255) - MEAN) / SPREAD
    # Left in the order of the pixels' bytes: that is channels-last, the layout of the networks.
    return torch.from_numpy(colours).permute(0, 3, 1, 2)


def to_map(logits: Tensor, size: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Bring logits (1, S, S) to an 8-bit map of the photograph's size (height, width), stretched to 0..255."""
    height, width = (int(side) for side in size)
    enlarged = F.interpolate(logits[None], (height, width), mode="bilinear", align_corners=False)[0, 0]
    values = torch.sigmoid(enlarged).double()
    low, high = values.min(), values.max()
    values = (values - low) / (high - low) if high > low else values
    levels: NDArray[np.uint8] = torch.floor(values * 255 + 0.5).to(torch.uint8).numpy()
    return levels
