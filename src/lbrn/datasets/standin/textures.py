"""Natural backgrounds: random pieces of the pictures that scikit-image carries inside its wheel."""

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from lbrn.datasets.standin.wardrobe import Colour
from lbrn.errors import InputError

# Only pictures of the installed wheel (no download) and without people.
PICTURES = (
    "brick.png",
    "chelsea.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "motorcycle_left.png",
    "rocket.jpg",
)


@cache
def picture(name: str) -> Image.Image:
    """Read one of scikit-image's pictures from the installed package, never from the network.

    Args:
        name: One of `PICTURES`.

    Returns:
        The picture in RGB, or in grey ("L") where it has no colours.

    Raises:
        InputError: The installed scikit-image does not carry the picture.
    """
    spec = importlib.util.find_spec("skimage")
    origin = spec.origin if spec else None
    path = Path(origin or "skimage").parent / "data" / name
    if not path.is_file():
        raise InputError(f"{path} is missing: the stand-in needs scikit-image's own pictures; reinstall scikit-image")
    with Image.open(path) as image:
        return image.convert("L" if image.mode == "L" else "RGB")


def draw_background(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Draw a background.

    Args:
        rng: Source of randomness.
        size: Width and height in pixels.

    Returns:
        A piece of a picture at a random place, zoom, mirror and tint.
    """
    source = picture(PICTURES[rng.integers(len(PICTURES))])
    zoom = rng.uniform(0.35, 1.0) * min(source.width / size[0], source.height / size[1])
    width, height = size[0] * zoom, size[1] * zoom
    left, top = rng.uniform(0, source.width - width), rng.uniform(0, source.height - height)
    piece = source.resize(size, Image.Resampling.BILINEAR, box=(left, top, left + width, top + height))
    if rng.random() < 0.5:
        piece = piece.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return _tinted(rng, piece)


def palette(image: Image.Image) -> tuple[Colour, ...]:
    """Return nine colours of an image: the means of a 3 x 3 grid."""
    small = np.asarray(image.reduce((max(image.width // 3, 1), max(image.height // 3, 1))).convert("RGB"))
    return tuple((int(r), int(g), int(b)) for r, g, b in small.reshape(-1, 3))


def _tinted(rng: np.random.Generator, piece: Image.Image) -> Image.Image:
    # Grey pictures (brick, grass, ...) get a colour of their own; the others keep theirs, a little shifted.
    spread = 0.25 if piece.mode == "L" else 0.12
    gains = rng.uniform(0.65, 1.2) * rng.uniform(1 - spread, 1 + spread, 3)
    ramp = np.arange(256)
    table = np.clip(gains[:, None] * ramp, 0, 255).astype(np.uint8)
    return piece.convert("RGB").point(table.ravel().tolist())
