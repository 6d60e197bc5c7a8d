"""Patches: the part of a photograph that any augmented crop of one person can touch, at no more detail than needed."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lbrn.datasets.photos import as_array

MAX_SCALE = 1.25
"""Largest factor by which augmentation enlarges a crop."""
MIN_SCALE = 0.75
"""Smallest factor: at that zoom the patch still has one pixel per pixel of the network's input."""
_MARGIN = 2
"""Patch pixels around, so that interpolation at the rim finds neighbours."""


class Patch(NamedTuple):
    """Pixels and place of one patch; see `People` for the meaning of origin and zoom."""

    pixels: NDArray[np.uint8]  # (height, width, 3)
    origin: tuple[float, float]
    zoom: float


def cut(image: Image.Image, centre: NDArray[np.float64], scale: float, side: int) -> Patch:
    """Cut one person's patch from a photograph.

    The patch is the upright box around a crop of side 200 * scale * `MAX_SCALE` at any rotation, clipped to the image.
    It is scaled down with antialiasing, never up, so that a crop of side 200 * scale * `MIN_SCALE` has `side` pixels.

    Args:
        image: RGB photograph.
        centre: (2,) centre of the crop in pixels of the photograph, 0-based pixel centres.
        scale: Person size / 200 pixels.
        side: Side in pixels of the network's input.
    """
    zoom = min(max(1.0, 200 * scale * MIN_SCALE / side), *image.size)
    reach = 200 * scale * MAX_SCALE * math.sqrt(2) / 2 + _MARGIN * zoom
    left, width = _span(centre[0], reach, zoom, image.width)
    top, height = _span(centre[1], reach, zoom, image.height)
    box = (left, top, min(left + width * zoom, image.width), min(top + height * zoom, image.height))
    if zoom == 1.0:
        patch = image.crop((left, top, left + width, top + height))
    else:
        patch = image.resize((width, height), Image.Resampling.BICUBIC, box=box)
    # The centre of patch pixel 0 lies zoom / 2 right of the box's edge, and that edge at left - 1/2.
    return Patch(as_array(patch), (left + (zoom - 1) / 2, top + (zoom - 1) / 2), zoom)


def _span(centre: float, reach: float, zoom: float, edge: int) -> tuple[int, int]:
    """Clip centre +- reach to 0..edge; return the first pixel and the length in whole patch pixels, at least one."""
    least = math.ceil(zoom)
    first = min(max(math.floor(centre + 0.5 - reach), 0), edge - least)
    end = min(max(math.ceil(centre + 0.5 + reach), first + least), edge)
    return first, math.floor((end - first) / zoom)  # less than one patch pixel is lost at the far rim


def crop_pixels(patch: Patch, centre: NDArray[np.float64], scale: float) -> NDArray[np.uint8]:
    """Return the pixels (n, 3) of a patch that lie inside the person's plain crop, without padding."""
    half = 100 * scale
    low = np.ceil((centre - half - patch.origin) / patch.zoom).astype(int)
    high = np.floor((centre + half - patch.origin) / patch.zoom).astype(int) + 1
    (x0, y0), (x1, y1) = np.maximum(low, 0), np.maximum(high, 0)
    return patch.pixels[y0:y1, x0:x1].reshape(-1, 3)
