"""Reading a photograph of any origin as plain RGB, or refusing it with the reason."""

import struct
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from lbrn.errors import InputError

MAX_PIXELS = 100_000_000
"""Largest photograph that is decoded: 300 MB of memory as RGB."""

_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
_TOO_DEEP = ("I", "F")
_DAMAGED = (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, TypeError, KeyError, struct.error)

Pixels = NDArray[np.uint8]


def read(path: Path) -> Pixels:
    """Read a photograph as it is meant to be seen.

    It is turned as its EXIF orientation says. Grey, palette and CMYK pictures are converted, 16 bits rounded to 8,
    transparent places filled with white; of several frames the first is taken. Colour profiles are not applied.

    Args:
        path: JPEG, PNG, TIFF, WebP, BMP or GIF, or whatever else Pillow reads.

    Returns:
        (height, width, 3) RGB.

    Raises:
        InputError: It is no picture, is damaged, has more than `MAX_PIXELS` pixels, or values of more than 16 bits.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; name the photographs in it, as {path}/*.jpg")
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, on odd metadata and on sizes that are bounded here
            with Image.open(path) as image:
                return _decoded(image, path)
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(_huge(path, "an enormous number of")) from error
    except MemoryError as error:
        raise InputError(f"{path} does not fit into the memory; make it smaller") from error
    except _DAMAGED as error:
        reason = str(error).replace(str(path), "").strip(" :'\"") or type(error).__name__
        raise InputError(f"{path} is no picture that can be read, or a damaged one ({reason}); open and save it anew "
                         "with an image program") from error  # fmt: skip


def _decoded(image: Image.Image, path: Path) -> Pixels:
    if image.width * image.height > MAX_PIXELS:
        raise InputError(_huge(path, f"{image.width} x {image.height}"))
    if image.mode in _TOO_DEEP:
        raise InputError(f"{path} has values of 32 bits (mode {image.mode}), whose range is not known; save it with 8")
    shown = ImageOps.exif_transpose(image)
    return np.asarray(_eight_bits(shown), dtype=np.uint8)


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode in _SIXTEEN_BITS:
        grey = np.asarray(image).astype(np.float32) / 257
        return Image.fromarray(np.round(grey).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _huge(path: Path, size: str) -> str:
    return f"{path} has {size} pixels, at most {MAX_PIXELS:,} are read; make it smaller"
