"""Heatmaps of single test people, as prediction computes them before it decodes them."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lbrn.tasks import crops
from lbrn.tasks.pose import PoseTask


class PoseMaps(PoseTask):
    """A pose task that shows what a network says of single people of the test split."""

    def maps(self, network: nn.Module, index: int) -> NDArray[np.float32]:
        """The heatmaps that the person's joints are decoded from: flip test and draws of random pooling as in the spec.

        Args:
            network: In evaluation mode.
            index: Row of the person in the test split.

        Returns:
            (16, S/4, S/4).
        """
        rows = np.array([index])
        pixels = np.stack(list(self._crops(self.test, rows, self._plain(self.test, rows))))
        with torch.inference_mode():
            found = self._maps(network, self._normalise(pixels.astype(np.float32) / np.float32(255)))
        answer: NDArray[np.float32] = found[0].numpy()
        return answer

    def picture_of(self, index: int, size: int) -> NDArray[np.uint8]:
        """The crop around a person, (size, size, 3).

        Args:
            index: Row of the person in the test split.
            size: Side in pixels.
        """
        rows = np.array([index])
        return next(iter(self._crops(self.test, rows, self._plain(self.test, rows), size)))

    def in_crop(self, joints: NDArray[np.float64], index: int, size: int) -> NDArray[np.float64]:
        """Joints of a person in the pixels of the crop.

        Args:
            joints: (16, 2) in pixels of the original image.
            index: Row of the person in the test split.
            size: Side of the crop in its own pixels.
        """
        to_crop = self._plain(self.test, np.array([index])).from_image(size)
        placed: NDArray[np.float64] = crops.apply(to_crop, joints[None])[0]
        return placed
