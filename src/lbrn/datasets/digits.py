"""Stand-ins for classification: scikit-learn's real handwritten digits on natural textures, in the official layouts.

CIFAR-10's and ImageNet's stand-ins have ten classes, one digit a picture; CIFAR-100's has a hundred, two digits a
picture. Training and test pictures show different people's strokes: the digits themselves are divided, too.
"""

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lbrn.errors import InputError
from lbrn.files import atomic_path

GENERATOR_VERSION = 1
"""Raised with every change that moves a pixel or a label; part of the data's identity."""

Progress = Callable[[int, int], None]
Picture = tuple[int, Image.Image]

SIDE = {"cifar10": 32, "cifar100": 32, "imagenette": 48}
"""Pixels on the shorter side of a picture."""

TRAIN_DIGITS = 1200
"""Of the 1,797 digits so many, drawn once, are in training pictures and all others in test pictures."""

DIMMED = 0.35
"""Brightness of the grey background behind two digits, whose colours say which one is the first."""

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COARSE_CLASSES = 10
_STREAM = 7
_NOTICE = """This is a stand-in for {name}, not the dataset itself.

Every picture shows handwritten digits (the UCI digits that scikit-learn distributes) over a piece of a picture that
scikit-image distributes; lbrn drew it (generator version {version}). The files are laid out as in the official
archives, so that the same reader reads both. Numbers obtained on it say nothing about objects on photographs.
"""


def classes(name: str) -> list[str]:
    """Names of a stand-in's classes.

    Args:
        name: `cifar10`, `cifar100` or `imagenette`.
    """
    if name == "cifar100":
        return [f"{first}_{second}" for first in NAMES for second in NAMES]
    return list(NAMES)


def write(name: str, folder: Path, *, train: int, test: int, progress: Progress | None = None) -> list[Path]:
    """Draw a stand-in and write its archive in the official layout; equal arguments give equal bytes.

    Picture i depends on `name`, its split and i only: another `train` or `test` makes more or fewer of the same ones.

    Args:
        name: `cifar10` and `cifar100` (the binary archive), or `imagenette` (a tree of class folders).
        folder: Where the archive goes; made where absent.
        train: Number of training pictures, at least one a class.
        test: Number of test pictures, at least one a class.
        progress: Called with the number of pictures drawn and of all pictures.

    Returns:
        The archive's path, alone in a list.

    Raises:
        InputError: There are fewer pictures than classes.
    """
    count = len(classes(name))
    if min(train, test) < count:
        raise InputError(f"the stand-in for {name} needs at least {count} training and test pictures, one a class")
    drawn = {"train": train, "test": test}
    done = iter(range(1, train + test + 1))

    def pictures(split: str) -> Iterator[Picture]:
        for number in range(drawn[split]):
            yield draw(name, split, number)
            if progress:
                progress(next(done), train + test)

    folder.mkdir(parents=True, exist_ok=True)
    return [(_tree if name == "imagenette" else _binary)(name, folder, pictures, train)]


def draw(name: str, split: str, number: int) -> Picture:
    """Draw one picture.

    Args:
        name: Name of the stand-in.
        split: `train` or `test`.
        number: From 0; classes follow each other in an order without pattern, each equally often.

    Returns:
        Its class and the picture, 32 x 32 or, for `imagenette`, 48 pixels on the shorter side.
    """
    from lbrn.datasets.standin.textures import draw_background

    count, side = len(classes(name)), SIDE[name]
    key = [sorted(SIDE).index(name) * 2 + ("train", "test").index(split), _STREAM]
    label = int(_generator(key, number // count, 1).permutation(count)[number % count])
    rng = _generator(key, number, 0)
    size = (side, side) if name != "imagenette" else (side + int(rng.integers(17)), side)
    picture = draw_background(rng, size)
    digits = [label] if count == len(NAMES) else list(divmod(label, len(NAMES)))
    if len(digits) > 1:
        picture = picture.convert("L").point([round(value * DIMMED) for value in range(256)]).convert("RGB")
    for place, digit in enumerate(digits):
        ink = Image.new("RGB", size, _ink(rng, picture) if len(digits) == 1 else _tint(rng, place))
        picture.paste(ink, mask=_mask(rng, _chosen(rng, split, digit), size, place, len(digits)))
    noise = rng.normal(0, 10, (size[1], size[0], 3))
    return label, Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


def _generator(key: list[int], first: int, second: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, first, second]))


@cache
def _strokes() -> tuple[NDArray[np.float64], NDArray[np.int64], dict[str, NDArray[np.int64]]]:
    """The digits (N, 8, 8) from 0 to 16, what they are, and which of them each split shows."""
    from sklearn.datasets import load_digits

    found = load_digits()
    order = _generator([0, _STREAM], 0, 2).permutation(len(found.target))
    return found.images, found.target, {"train": order[:TRAIN_DIGITS], "test": order[TRAIN_DIGITS:]}


def _chosen(rng: np.random.Generator, split: str, digit: int) -> NDArray[np.float64]:
    images, target, parts = _strokes()
    known = parts[split][target[parts[split]] == digit]
    strokes: NDArray[np.float64] = images[known[rng.integers(len(known))]]
    return strokes


def _mask(
    rng: np.random.Generator, strokes: NDArray[np.float64], size: tuple[int, int], place: int, places: int
) -> Image.Image:
    """Where the ink of one digit goes: enlarged, turned, moved, and seldom opaque."""
    width, height = size[0] / places, size[1]
    scale = rng.uniform(0.65, 0.95) * min(width * 1.2, height) / 8
    angle = np.deg2rad(rng.uniform(-15, 15))
    middle = np.array([(place + 0.5) * width, height / 2]) + rng.uniform(-0.08, 0.08, 2) * min(width, height)
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    shift = np.array([4, 4]) - np.array([[cosine, sine], [-sine, cosine]]) @ middle
    grey = Image.fromarray((strokes / 16 * 255 * rng.uniform(0.7, 1.0)).astype(np.uint8))
    coefficients = (cosine, sine, shift[0], -sine, cosine, shift[1])
    return grey.transform(size, Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC)


def _ink(rng: np.random.Generator, picture: Image.Image) -> tuple[int, int, int]:
    """A colour that differs from the background's mean in brightness, so that people can read the digit."""
    mean = np.asarray(picture).reshape(-1, 3).mean(0)
    towards = 255 if mean.mean() < 128 else 0
    colour = mean + (towards - mean) * rng.uniform(0.6, 1.0, 3)
    return int(colour[0]), int(colour[1]), int(colour[2])


def _tint(rng: np.random.Generator, place: int) -> tuple[int, int, int]:
    """A warm light colour for the first of two digits, a cold one for the second, so that they can be told apart."""
    light, dark = int(rng.integers(225, 256)), int(rng.integers(30, 90))
    middle = int(rng.integers(60, 140))
    return (light, middle, dark) if place == 0 else (dark, middle, light)


def _notice(name: str) -> bytes:
    return _NOTICE.format(name=name, version=GENERATOR_VERSION).encode()


def _binary(name: str, folder: Path, pictures: Callable[[str], Iterator[Picture]], train: int) -> Path:
    """Write the binary archive of CIFAR-10 or CIFAR-100, uncompressed."""
    path = folder / f"{name.replace('cifar', 'cifar-')}-binary.tar"
    rows = {split: [_record(name, *picture) for picture in pictures(split)] for split in ("train", "test")}
    if name == "cifar10":
        bounds = np.linspace(0, train, 6).astype(int)
        parts = [rows["train"][first:last] for first, last in pairwise(bounds)]
        files = {f"data_batch_{number}.bin": part for number, part in enumerate(parts, start=1)}
        files["test_batch.bin"] = rows["test"]
        names, inside = "batches.meta.txt", "cifar-10-batches-bin"
    else:
        files = {"train.bin": rows["train"], "test.bin": rows["test"]}
        names, inside = "fine_label_names.txt", "cifar-100-binary"
    contents = {file: b"".join(records) for file, records in files.items()}
    contents |= {names: "\n".join(classes(name)).encode() + b"\n", "readme.txt": _notice(name)}
    with atomic_path(path) as temporary, tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as archive:
        for file, content in contents.items():
            entry = tarfile.TarInfo(f"{inside}/{file}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def _record(name: str, label: int, picture: Image.Image) -> bytes:
    head = bytes([label]) if name == "cifar10" else bytes([label // COARSE_CLASSES, label])
    return head + np.asarray(picture).transpose(2, 0, 1).tobytes()


def _tree(name: str, folder: Path, pictures: Callable[[str], Iterator[Picture]], train: int) -> Path:
    """Write a tree of class folders as Imagenette2 has it, with names like WordNet's that belong to nothing."""
    path = folder / "imagenette2-standin.zip"
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for kind, split in (("train", "train"), ("val", "test")):
            for number, (label, picture) in enumerate(pictures(split)):
                content = io.BytesIO()
                picture.save(content, "PNG")
                place = f"imagenette2-standin/{kind}/n{label:08d}/n{label:08d}_{number}.PNG"
                archive.writestr(zipfile.ZipInfo(place, (1980, 1, 1, 0, 0, 0)), content.getvalue())
        archive.writestr(zipfile.ZipInfo("imagenette2-standin/README.txt", (1980, 1, 1, 0, 0, 0)), _notice("ImageNet"))
    return path
