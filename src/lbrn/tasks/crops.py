"""Crops of people: the geometry between original image, crop and heatmap, random augmentation, and resampling.

All coordinates are 0-based pixel centres: (0, 0) is the centre of the first pixel, and a grid of S pixels is centred
at (S - 1) / 2. A crop is a square of `side` original pixels around `centre`, turned by `rotation`, shown in S x S
pixels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Crops:
    """Geometry of N crops.

    Attributes:
        centre: (N, 2) x, y in original pixels.
        side: (N,) side of the square in original pixels.
        rotation: (N,) radians, counter-clockwise as seen on the screen.
        flip: (N,) whether the crop is mirrored left-right after all else.
    """

    centre: Array
    side: Array
    rotation: Array
    flip: NDArray[np.bool_]

    def to_image(self, size: int) -> NDArray[np.float64]:
        """Affine maps from crop pixels to original pixels.

        Args:
            size: Side of the crop's grid in its own pixels (the network's input, or a heatmap).

        Returns:
            (N, 2, 3) matrices A with image = A @ (u, v, 1).
        """
        step = self.side / size
        cosine, sine = np.cos(self.rotation) * step, np.sin(self.rotation) * step
        mirror = np.where(self.flip, -1.0, 1.0)
        linear = np.stack([np.stack([cosine * mirror, -sine], -1), np.stack([sine * mirror, cosine], -1)], -2)
        middle = np.full(2, (size - 1) / 2)
        return np.concatenate([linear, (self.centre - linear @ middle)[..., None]], -1)

    def from_image(self, size: int) -> NDArray[np.float64]:
        """Affine maps from original pixels to crop pixels, (N, 2, 3): the inverse of `to_image`."""
        forward = self.to_image(size)
        inverse = np.linalg.inv(forward[..., :2])
        return np.concatenate([inverse, -inverse @ forward[..., 2:]], -1)


def apply(matrices: Array, points: Array) -> Array:
    """Map points by affine matrices.

    Args:
        matrices: (N, 2, 3).
        points: (N, J, 2); NaN stays NaN.

    Returns:
        (N, J, 2).
    """
    mapped: Array = np.einsum("nij,nkj->nki", matrices[..., :2], points) + matrices[:, None, :, 2]
    return mapped


def plain(centre: Array, scale: Array) -> Crops:
    """Crops without augmentation: a square of side 200 * scale around the centre."""
    count = len(scale)
    return Crops(centre, 200.0 * scale, np.zeros(count), np.zeros(count, bool))


@dataclass(frozen=True)
class Augmentation:
    """Random changes of training crops (architectures: pytorch-pose's and PyraNet's recipes for the paper's networks).

    Attributes:
        scale_jitter: The side is multiplied by 1 + clip(scale_jitter * N(0, 1), -scale_jitter, scale_jitter).
        rotation: Degrees; clip(rotation * N(0, 1), -2 rotation, 2 rotation).
        rotation_probability: 0..1; how often a crop is turned at all.
        flip_probability: 0..1.
        colour: Lowest and highest gain of each colour channel, uniform; the result is clipped to 0..1.
    """

    scale_jitter: float
    rotation: float
    rotation_probability: float
    flip_probability: float
    colour: tuple[float, float]

    def draw(self, crops: Crops, generator: np.random.Generator) -> tuple[Crops, Array]:
        """Augment every crop.

        Args:
            crops: N plain crops.
            generator: Where all randomness comes from; the number of draws depends only on N.

        Returns:
            The N augmented crops and (N, 3) colour gains.
        """
        count = len(crops.side)
        jitter = np.clip(generator.standard_normal(count), -1, 1) * self.scale_jitter
        angle = np.clip(generator.standard_normal(count), -2, 2) * np.deg2rad(self.rotation)
        turned = generator.random(count) < self.rotation_probability
        flip = generator.random(count) < self.flip_probability
        gains = generator.uniform(*self.colour, (count, 3))
        return Crops(crops.centre, crops.side * (1 + jitter), np.where(turned, angle, 0.0), flip), gains


def resample(patch: NDArray[np.uint8], matrix: Array, size: int) -> NDArray[np.uint8]:
    """Resample one crop from a picture, bilinearly, black outside it.

    Args:
        patch: (H, W, 3) pixels.
        matrix: (2, 3) affine map from crop pixels to the patch's pixels, both 0-based pixel centres.
        size: Side of the crop in its own pixels.

    Returns:
        (size, size, 3) pixels.
    """
    # Pillow counts from the pixel's corner, in both grids, hence the two halves.
    linear, shift = matrix[:, :2], matrix[:, 2]
    corner = shift - linear @ np.array([0.5, 0.5]) + 0.5
    coefficients = (*linear[0], corner[0], *linear[1], corner[1])
    picture = Image.fromarray(np.ascontiguousarray(patch))
    warped = picture.transform((size, size), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR)
    return np.asarray(warped)
