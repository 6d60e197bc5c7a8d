"""Stand-ins for saliency: drawn objects of one texture on another, with masks, in the official layouts.

One or two objects, each a union of round and angular shapes, differ from the background in texture and colour. Smaller
things that hardly differ from it are not salient and not in the mask.
"""

import io
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from lbrn.datasets.standin.textures import draw_background
from lbrn.errors import InputError
from lbrn.files import atomic_path

GENERATOR_VERSION = 1
"""Raised with every change that moves a pixel; part of the data's identity."""

Progress = Callable[[int, int], None]
Scene = tuple[Image.Image, Image.Image]

ARCHIVES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "ecssd": (("images.zip", "images/{0:04d}.jpg", ""), ("ground_truth_mask.zip", "", "ground_truth_mask/{0:04d}.png")),
    "pascal-s": (("salObj.zip", "datasets/imgs/pascal/{0}.jpg", "datasets/masks/pascal/{0}.png"),),
    "hku-is": (("HKU-IS.zip", "HKU-IS/imgs/{0:04d}.png", "HKU-IS/gt/{0:04d}.png"),),
    "dut-omron": (
        ("DUT-OMRON-image.zip", "DUT-OMRON-image/sun_{0:05d}.jpg", ""),
        ("DUT-OMRON-gt-pixelwise.zip.zip", "", "pixelwiseGT-new-PNG/sun_{0:05d}.png"),
    ),
    "duts": (
        ("DUTS-TR.zip", "DUTS-TR/DUTS-TR-Image/sun_{0:05d}.jpg", "DUTS-TR/DUTS-TR-Mask/sun_{0:05d}.png"),
        ("DUTS-TE.zip", "DUTS-TE/DUTS-TE-Image/sun_{0:05d}.jpg", "DUTS-TE/DUTS-TE-Mask/sun_{0:05d}.png"),
    ),
}
"""By dataset its archives: file name, and the patterns of the photographs' and the masks' names in it."""

_STREAMS = {name: 20 + place for place, name in enumerate(ARCHIVES)}
_SIZES = ((200, 150), (150, 200), (176, 176))
_NOTICE = """This is a stand-in for {name}, not the dataset itself.

Every picture was drawn by lbrn (generator version {version}): shapes of one piece of the pictures that scikit-image
distributes over another. The files are laid out as in the official archives, so that the same reader reads both.
Numbers obtained on it say nothing about objects on photographs.
"""


def write(name: str, folder: Path, *, train: int, test: int, progress: Progress | None = None) -> list[Path]:
    """Draw a stand-in and write its archives in the official layout; equal arguments give equal bytes.

    Picture i depends on the name, on whether it is for training, and on i only.

    Args:
        name: `ecssd`, `pascal-s`, `hku-is`, `dut-omron` or `duts`.
        folder: Where the archives go.
        train: Number of training pictures; 0 for all but `duts`.
        test: Number of test pictures.
        progress: Called with the number of pictures drawn and of all pictures.

    Returns:
        The archives, in the order of the catalogue's parts.

    Raises:
        InputError: Unknown name, or numbers that are not possible.
    """
    if name not in ARCHIVES:
        raise InputError(f"no saliency stand-in is called {name!r}: choose one of {', '.join(ARCHIVES)}")
    if (train < 1) == (name == "duts") or test < 1:
        rule = "both at least 1" if name == "duts" else "no training pictures and at least 1 test picture"
        raise InputError(f"train={train}, test={test} for {name}: {rule}")
    splits = [count for count in (train, test) if count]
    done = 0
    paths = [folder / archive for archive, _, _ in ARCHIVES[name]]
    with ExitStack() as stack:
        whole = [stack.enter_context(atomic_path(path)) for path in paths]
        files = [stack.enter_context(zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)) for path in whole]
        for file in files:
            _put(file, "README.txt", _NOTICE.format(name=name.upper(), version=GENERATOR_VERSION).encode())
        for split, count in enumerate(splits):
            for index in range(count):
                image, mask = draw(name, split, index)
                for place, (_, photograph, marked) in enumerate(ARCHIVES[name]):
                    if len(splits) == 1 or place == split:
                        _add(files[place], photograph.format(index + 1), image)
                        _add(files[place], marked.format(index + 1), mask)
                done += 1
                if progress:
                    progress(done, sum(splits))
    return paths


def draw(name: str, split: int, index: int) -> Scene:
    """Draw one picture and its mask.

    Args:
        name: The dataset whose stand-in it is for.
        split: 0 or 1; pictures of different splits differ.
        index: Number of the picture from 0.

    Returns:
        The picture in RGB and the mask in grey; graded for PASCAL-S, where the second object counts for less.
    """
    rng = np.random.Generator(np.random.Philox(key=[_STREAMS[name], split], counter=[0, 0, index, 0]))
    size = _SIZES[rng.integers(len(_SIZES))]
    image = draw_background(rng, size)
    for _ in range(rng.integers(0, 4)):
        image = _dim_thing(rng, image)
    mask = Image.new("L", size)
    for number in range(1 + int(rng.random() < 0.25)):
        shape = _object(rng, size)
        image.paste(_texture(rng, image, shape), (0, 0), shape)
        level = 153 if number and name == "pascal-s" else 255
        mask = ImageChops.lighter(mask, shape.point([level if value > 127 else 0 for value in range(256)]))
    noise = rng.normal(0, rng.uniform(0, 6), (size[1], size[0], 1))
    noisy = np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)
    return Image.fromarray(noisy), mask


def _object(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """A union of shapes around one place, as grey edges make it smooth."""
    shape = Image.new("L", size)
    pen = ImageDraw.Draw(shape)
    centre = np.array(size) * rng.uniform(0.25, 0.75, 2)
    reach = min(size) * rng.uniform(0.14, 0.3)
    for _ in range(rng.integers(2, 5)):
        at = centre + rng.normal(0, 0.45, 2) * reach
        if rng.random() < 0.5:
            half = reach * rng.uniform(0.5, 1.0, 2)
            pen.ellipse([*(at - half), *(at + half)], fill=255)
        else:
            angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 7)))
            corners = at + reach * rng.uniform(0.6, 1.2) * np.stack([np.cos(angles), np.sin(angles)], 1)
            pen.polygon([(float(x), float(y)) for x, y in corners], fill=255)
    pen.ellipse([*(centre - 0.4 * reach), *(centre + 0.4 * reach)], fill=255)
    return shape.filter(ImageFilter.GaussianBlur(0.7))


def _texture(rng: np.random.Generator, image: Image.Image, shape: Image.Image) -> Image.Image:
    """Another texture, shifted in colour away from what it will cover."""
    texture = np.asarray(draw_background(rng, image.size), np.float64)
    covered = np.asarray(image, np.float64)[np.asarray(shape) > 127].mean(0)
    direction = rng.normal(0, 1, 3)
    wanted = np.clip(covered + direction / np.linalg.norm(direction) * rng.uniform(60, 130), 20, 235)
    moved = texture * 0.6 + wanted - 0.6 * texture.mean((0, 1))
    return Image.fromarray(np.clip(moved, 0, 255).astype(np.uint8))


def _dim_thing(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """The picture with a small shape a little brighter or darker than what is there."""
    shape = Image.new("L", image.size)
    at = np.array(image.size) * rng.uniform(0.05, 0.95, 2)
    half = min(image.size) * rng.uniform(0.03, 0.1, 2)
    ImageDraw.Draw(shape).ellipse([*(at - half), *(at + half)], fill=255)
    factor = rng.choice([0.75, 1.25])
    return Image.composite(image.point(lambda value: int(min(255, value * factor))), image, shape)


def _add(file: zipfile.ZipFile, name: str, picture: Image.Image) -> None:
    if name:
        stream = io.BytesIO()
        picture.save(stream, "JPEG" if name.endswith(".jpg") else "PNG", quality=92)
        _put(file, name, stream.getvalue())


def _put(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)  # no time: equal content gives equal bytes
