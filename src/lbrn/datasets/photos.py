"""Decoding photographs from outside, with a bound on their size."""

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from lbrn.errors import InputError

MAX_PIXELS = 50_000_000
"""Largest image that is decoded; the datasets' own stay below 10 million pixels."""


def decode(content: bytes, name: str) -> Image.Image:
    """Decode a JPEG or PNG into RGB; grey and CMYK images are converted.

    Orientation tags are ignored: annotations refer to the pixels as stored.

    Args:
        content: The file's bytes.
        name: What to call it in messages.

    Raises:
        InputError: It is no such image, is damaged, or has more than `MAX_PIXELS` pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own bound is tighter
            image = Image.open(io.BytesIO(content), formats=("JPEG", "PNG"))
        if image.width * image.height <= MAX_PIXELS:
            return image.convert("RGB")
        size = f"{image.width} x {image.height}"
    except Image.DecompressionBombError:
        size = "an enormous number of"
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise InputError(f"image {name} cannot be decoded ({error}): get the archive again") from error
    raise InputError(f"image {name} has {size} pixels, at most {MAX_PIXELS} are read: check the archive")


def as_array(image: Image.Image) -> NDArray[np.uint8]:
    """Return an RGB image as (height, width, 3)."""
    return np.asarray(image, dtype=np.uint8)
