"""One picture with one labelled person: who, where, behind what, and how the camera saw it."""

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from lbrn.datasets.standin import skeleton as sk
from lbrn.datasets.standin.canvas import Canvas
from lbrn.datasets.standin.clutter import paint_clutter, paint_occluder
from lbrn.datasets.standin.difficulty import Difficulty
from lbrn.datasets.standin.figure import Figure
from lbrn.datasets.standin.head import head_outline
from lbrn.datasets.standin.person import paint_person
from lbrn.datasets.standin.textures import draw_background, palette
from lbrn.datasets.standin.wardrobe import draw_outfit

Style = Literal["mpii", "lsp", "lspet"]

OVERSAMPLING = 2
# LSPET is a collection of acrobats: its angles spread wider.
_EXTREME = 1.3


@dataclass(frozen=True)
class Rectangle:
    """A person as MPII marks one, in 0-based pixel centres.

    Attributes:
        head: (4,) tight box around the head: x1, y1, x2, y2.
        centre: (2,) rough middle of the body.
        scale: Person height / 200 px, tied to the head as in MPII: 25 * scale = 0.6 * diagonal of the head box.
    """

    head: sk.Floats
    centre: sk.Floats
    scale: float


@dataclass(frozen=True)
class Scene:
    """A drawn picture and the whole truth about it.

    Attributes:
        image: RGB picture.
        joints: (16, 2) in 0-based pixel centres, MPII order, person-centric; also those outside the image.
        inside: (16,) whether the joint is in the image.
        visible: (16,) whether it is in the image and hidden neither by an object nor by the body itself.
        rectangle: MPII's box and scale of the labelled person.
        distractor: Those of a second person without joints, if there is one.
        occluded: Whether an object stands in front of the person.
        from_behind: Whether the person's back is seen.
    """

    image: Image.Image
    joints: sk.Floats
    inside: npt.NDArray[np.bool_]
    visible: npt.NDArray[np.bool_]
    rectangle: Rectangle
    distractor: Rectangle | None
    occluded: bool
    from_behind: bool


def generator(seed: int, name: str, index: int) -> np.random.Generator:
    """Return the random stream of one image: a function of its own name only, not of how many images there are.

    Args:
        seed: Seed of the whole stand-in.
        name: Name of the data set.
        index: 0-based number of the image.
    """
    key = hashlib.sha256(f"lbrn stand-in/{name}/{seed}/{index}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(key[:16], dtype="<u8")))


def draw_scene(rng: np.random.Generator, style: Style, difficulty: Difficulty) -> Scene:
    """Draw one picture.

    Args:
        rng: Its random stream.
        style: Composition: "mpii" places a person of 90-130 px anywhere in a frame that may cut it; "lsp" and "lspet"
            centre the frame on a person of up to about 150 px.
        difficulty: How hard to make it.

    Returns:
        The picture and its truth.
    """
    skeleton = sk.draw_skeleton(rng, difficulty, _EXTREME if style == "lspet" else 1.0)
    height, size, origin = _framed(rng, skeleton, style, difficulty)
    canvas = Canvas(draw_background(rng, (size[0] * OVERSAMPLING, size[1] * OVERSAMPLING)), OVERSAMPLING)
    paint_clutter(rng, canvas, difficulty.clutter, height * OVERSAMPLING)
    light = int(rng.choice((-1, 1)))
    other = None
    if style == "mpii" and rng.random() < difficulty.distractors:
        other = _distractor(rng, difficulty, origin, height, light)
        paint_person(canvas, other, owned=False)
    outfit = draw_outfit(rng, palette(canvas.image), difficulty.camouflage)
    figure = Figure(skeleton, outfit, origin, height, light, OVERSAMPLING)
    paint_person(canvas, figure)
    inside = _inside(figure.joints, size)
    occluded = bool(rng.random() < difficulty.occluders)
    if occluded:
        places = np.array([figure.joint(joint) for joint in np.flatnonzero(inside)])
        paint_occluder(rng, canvas, places, height * OVERSAMPLING)
    return Scene(
        image=_photographed(rng, canvas.image, difficulty),
        joints=figure.joints,
        inside=inside,
        visible=inside & canvas.seen(figure.joints),
        rectangle=_rectangle(rng, figure, size),
        distractor=_rectangle(rng, other, size) if other and _inside(other.joints, size).sum() >= 8 else None,
        occluded=occluded,
        from_behind=skeleton.from_behind,
    )


def _framed(
    rng: np.random.Generator, skeleton: sk.Skeleton, style: Style, difficulty: Difficulty
) -> tuple[float, tuple[int, int], tuple[float, float]]:
    """Standing height in pixels, image size, position of the pelvis."""
    body = np.concatenate((skeleton.joints, skeleton.toes))[:, :2]
    low, high = body.min(axis=0) - 0.03, body.max(axis=0) + 0.03
    if style == "mpii":
        height = float(rng.uniform(90, 130))
        size = rng.integers((150, 130), (201, 201))
        origin = _placed(rng, low * height, high * height, size, difficulty)
    else:
        height = float(min(rng.uniform(125, 155), 155 / max(high - low)))
        margins = rng.uniform(18, 32, (2, 2))
        size = np.ceil((high - low) * height + margins.sum(axis=0)).astype(int)
        origin = margins[0] - low * height
    return height, (int(size[0]), int(size[1])), (float(origin[0]), float(origin[1]))


def _placed(
    rng: np.random.Generator, low: sk.Floats, high: sk.Floats, size: npt.NDArray[np.int64], difficulty: Difficulty
) -> sk.Floats:
    extent = high - low
    # Where the body fits, its box lies anywhere in the frame; where not, it overlaps both edges.
    first = -low + rng.random(2) * (size - 1 - extent)
    if rng.random() < difficulty.truncations:
        share = rng.uniform(0.08, 0.35)
        side = rng.integers(4)
        axis, far = int(side % 2), bool(side // 2)
        lost = share * extent[axis]
        first[axis] = size[axis] - 1 - high[axis] + lost if far else -low[axis] - lost
    return first


def _distractor(
    rng: np.random.Generator, difficulty: Difficulty, origin: tuple[float, float], height: float, light: int
) -> Figure:
    skeleton = sk.draw_skeleton(rng, difficulty)
    side = float(rng.choice((-1, 1))) * rng.uniform(0.45, 0.75)
    size = height * float(rng.uniform(0.75, 1.0))
    place = (origin[0] + side * height, origin[1] + float(rng.normal(0, 0.08)) * height)
    return Figure(skeleton, draw_outfit(rng), place, size, light, OVERSAMPLING)


def _inside(joints: sk.Floats, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    # Pixel centres 0..size-1; a joint counts as inside when its rounded, 1-based label does.
    return np.asarray(((np.rint(joints) >= 0) & (np.rint(joints) < np.array(size))).all(axis=1))


def _rectangle(rng: np.random.Generator, figure: Figure, size: tuple[int, int]) -> Rectangle:
    outline = (np.array(head_outline(figure)) + 0.5) / figure.oversampling - 0.5
    head = np.concatenate((outline.min(axis=0), outline.max(axis=0)))
    diagonal = float(np.hypot(*(head[2:] - head[:2])))
    scale = 0.6 * diagonal / 25
    joints = figure.joints[_inside(figure.joints, size)]
    middle = (joints.min(axis=0) + joints.max(axis=0)) / 2
    # MPII's marks sit above the middle: everyone who reads them moves down by 15 * scale.
    centre = middle + np.array((0, -15)) * scale + rng.uniform(-6, 6, 2) * scale
    return Rectangle(head, centre, scale)


def _photographed(rng: np.random.Generator, image: Image.Image, difficulty: Difficulty) -> Image.Image:
    small = image.reduce(OVERSAMPLING)
    small = small.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, difficulty.blur))))
    gain, offset = rng.uniform(0.7, 1.2), rng.uniform(-18, 18)
    noise = rng.standard_normal((small.height, small.width, 3), dtype=np.float32)
    seen = np.asarray(small, dtype=np.float32) * np.float32(gain) + np.float32(offset)
    seen += noise * np.float32(rng.uniform(0, difficulty.noise))
    return Image.fromarray(np.clip(np.rint(seen), 0, 255).astype(np.uint8))
