"""Poses on photographs: one person, by default filling the whole picture; joints in pixels, skeletons drawn."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lbrn.metrics.definitions import JOINTS
from lbrn.photographs.base import Box, Reading, Run
from lbrn.photographs.images import Pixels
from lbrn.tasks import crops, heatmaps
from lbrn.tasks.drawing import LIMBS
from lbrn.tasks.pose import STRIDE, mean_colour

AROUND = 1.25
"""Side of the crop / longer side of a given box: the margin around MPII's people. A whole picture has none."""

DRAWN_SIDE = 1600
"""Longest side of the drawn picture in pixels; larger photographs are drawn smaller."""


def preparation(spec: Mapping[str, Any], folders: Mapping[str, Path]) -> dict[str, Any]:
    """The mean colour that training subtracted.

    Args:
        spec: A run's spec.
        folders: Prepared folder of each dataset that it trained on.

    Returns:
        `mean_rgb`, three numbers of 0 .. 1.
    """
    mean = mean_colour([folders[name] for name in sorted(spec["data"])])
    return {"mean_rgb": [float(value) for value in mean]}


def reader(spec: Mapping[str, Any], preparation: Mapping[str, Any]) -> "PoseReader":
    """Make the reader of a run's network.

    Args:
        spec: The run's spec.
        preparation: With `mean_rgb`.
    """
    return PoseReader(spec, np.array(preparation["mean_rgb"], np.float32))


class PoseReader:
    """Finds the joints of the one person in a box."""

    def __init__(self, spec: Mapping[str, Any], mean: NDArray[np.float32]) -> None:
        """Keep what the network was trained with.

        Args:
            spec: The run's spec.
            mean: (3,) mean red, green, blue, 0 .. 1.
        """
        self.size, self.evaluation, self.mean = int(spec["recipe"]["input"]), spec["evaluation"], mean

    def __call__(self, pixels: Pixels, box: Box, run: Run) -> Reading:
        """Find the joints, as for the numbers of the tables: flip test and draws of random pooling as the spec says.

        Args:
            pixels: (height, width, 3) RGB.
            box: Around the person.
            run: Runs the network.
        """
        geometry = _crop(pixels, box)
        crop = crops.resample(pixels, geometry.to_image(self.size)[0], self.size)
        colours = crop[None].astype(np.float32) / np.float32(255) - self.mean
        maps = self._maps(np.ascontiguousarray(colours.transpose(0, 3, 1, 2)), run)
        peaks, scores = heatmaps.decode(maps)
        joints = crops.apply(geometry.to_image(self.size // STRIDE), peaks)[0]
        return Reading(_facts(joints, scores[0]), draw(pixels, joints))

    def _maps(self, inputs: NDArray[np.float32], run: Run) -> torch.Tensor:
        """Heatmaps (1, 16, S/4, S/4) of the last stack, averaged."""
        total = []
        for index in range(self.evaluation["eval_draws"]):
            total.append(torch.from_numpy(run(inputs, index)[-1]))
            if self.evaluation["flip"]:
                mirrored = np.ascontiguousarray(inputs[..., ::-1])
                total.append(heatmaps.unflip(torch.from_numpy(run(mirrored, index)[-1])))
        return torch.stack(total).mean(0)


def draw(pixels: Pixels, joints: NDArray[np.float64]) -> Image.Image:
    """Draw a skeleton on a photograph: the person's right blue, left orange, the trunk green.

    Args:
        pixels: (height, width, 3) RGB.
        joints: (16, 2) x, y in its pixels.

    Returns:
        The picture, its longer side `DRAWN_SIDE` at most.
    """
    image = Image.fromarray(pixels)
    scale = min(1.0, DRAWN_SIDE / max(image.size))
    if scale < 1:
        image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    pen, width = ImageDraw.Draw(image), max(2, round(max(image.size) / 150))
    points = [(float(x), float(y)) for x, y in (joints + 0.5) * scale]
    for start, end, colour in LIMBS:
        pen.line([points[start], points[end]], fill=colour, width=width)
    for x, y in points:
        pen.ellipse([x - width, y - width, x + width, y + width], fill="white", outline="black")
    return image


def _crop(pixels: Pixels, box: Box) -> crops.Crops:
    height, width = pixels.shape[:2]
    whole = box == Box(0, 0, width, height)
    side = max(box.width, box.height) * (1 if whole else AROUND)
    # Coordinates count from pixels' centres, the box from the corner of its first pixel.
    centre = np.array([[box.x + (box.width - 1) / 2, box.y + (box.height - 1) / 2]])
    return crops.plain(centre, np.array([side / 200]))


def _facts(joints: NDArray[np.float64], scores: NDArray[np.float32]) -> dict[str, Any]:
    told = zip(JOINTS, joints, scores, strict=True)
    return {
        "joints": [
            {"name": name, "x": round(float(x), 2), "y": round(float(y), 2), "score": round(float(score), 4)}
            for name, (x, y), score in told
        ]
    }
