"""The canvas: an oversampled picture, and beside it a map of which body part is seen where."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from lbrn.datasets.standin import skeleton as sk
from lbrn.datasets.standin.shapes import Point, Polygon, between, strip
from lbrn.datasets.standin.wardrobe import Cloth, Colour, shaded

# Part numbers in the map of owners; of pairs the right one first. 0 is everything that is not the labelled person.
TRUNK, HEAD, THROAT = 1, 2, 3
UPPER_ARM, FOREARM, THIGH, SHIN = (4, 6), (5, 7), (8, 10), (9, 11)

# Which parts show a joint: it is visible where one of them is the nearest thing.
OWNERS: dict[int, tuple[int, ...]] = {
    sk.R_ANKLE: (9,), sk.R_KNEE: (8, 9), sk.R_HIP: (8, TRUNK), sk.L_HIP: (10, TRUNK), sk.L_KNEE: (10, 11),
    sk.L_ANKLE: (11,), sk.PELVIS: (TRUNK, 8, 10), sk.THORAX: (TRUNK, THROAT, HEAD),
    sk.NECK: (THROAT, HEAD, TRUNK), sk.HEAD_TOP: (HEAD,), sk.R_WRIST: (5,), sk.R_ELBOW: (4, 5),
    sk.R_SHOULDER: (4, TRUNK), sk.L_SHOULDER: (6, TRUNK), sk.L_ELBOW: (6, 7), sk.L_WRIST: (7,),
}  # fmt: skip


class Canvas:
    """What people are drawn on.

    Args:
        background: RGB picture at `oversampling` times the final size; it is painted over.
        oversampling: Canvas pixels per final pixel along either axis.

    Attributes:
        image: The picture.
        owners: Grey picture of the same size: the part of the labelled person seen in each pixel, else 0.
        oversampling: As given.
    """

    def __init__(self, background: Image.Image, oversampling: int) -> None:
        self.image = background
        self.owners = Image.new("L", background.size)
        self.oversampling = oversampling
        self._pen = ImageDraw.Draw(self.image, "RGBA")
        self._owner_pen = ImageDraw.Draw(self.owners)

    def fill(self, polygon: Polygon, colour: Colour, alpha: int = 255) -> None:
        """Paint a polygon given in canvas pixels; `alpha` 0..255 lets the ground shine through."""
        if len(polygon) > 2:
            self._pen.polygon(polygon, fill=(*colour, alpha))

    def own(self, polygon: Polygon, part: int) -> None:
        """Note that a polygon (canvas pixels) now shows `part`."""
        if len(polygon) > 2:
            self._owner_pen.polygon(polygon, fill=part)

    def seen(self, joints: sk.Floats) -> npt.NDArray[np.bool_]:
        """Tell which joints of the labelled person are not hidden, in the image or within a pixel of it.

        Args:
            joints: (16, 2) final-image pixels, 0-based pixel centres.

        Returns:
            (16,) True where one of the joint's parts is the nearest thing within one final pixel.
        """
        owners = np.asarray(self.owners)
        k = self.oversampling
        visible = np.zeros(len(joints), dtype=np.bool_)
        for joint, (x, y) in enumerate((joints + 0.5) * k - 0.5):
            column, row = round(x), round(y)
            around = owners[max(row - k, 0) : max(row + k + 1, 0), max(column - k, 0) : max(column + k + 1, 0)]
            visible[joint] = bool(np.isin(around, OWNERS[joint]).any())
        return visible


def paint_cloth(canvas: Canvas, outline: Polygon, cloth: Cloth, start: Point, end: Point, width: float) -> None:
    """Paint a part in its cloth, the pattern running with the part.

    Args:
        canvas: Where to paint.
        outline: The part's convex outline in canvas pixels.
        cloth: Colours and pattern.
        start: Where the part begins (shoulder, hip).
        end: Where it ends.
        width: Its full width in canvas pixels.
    """
    canvas.fill(outline, cloth.colour)
    along = (end[0] - start[0], end[1] - start[1])
    length = float(np.hypot(*along)) or 1.0
    across = (-along[1] / length * width, along[0] / length * width)
    if cloth.pattern == "rings":
        _stripes(canvas, outline, cloth, start, along, max(cloth.period, 10 / length))
    elif cloth.pattern == "columns":
        _stripes(canvas, outline, cloth, between(start, end, 0.5), across, max(cloth.period, 8 / width))
    elif cloth.pattern == "block":
        canvas.fill(strip(outline, start, along, 0.5, 3.0), cloth.second)


def shade(canvas: Canvas, outline: Polygon, start: Point, end: Point, width: float, light: int) -> None:
    """Darken the side of a part that looks away from the light and brighten the other.

    Args:
        canvas: Where to paint.
        outline: The part's convex outline in canvas pixels.
        start: Where the part begins.
        end: Where it ends.
        width: Its full width in canvas pixels.
        light: -1 lit from the image's left, 1 from its right.
    """
    along = (end[0] - start[0], end[1] - start[1])
    length = float(np.hypot(*along)) or 1.0
    across = (-along[1] / length * width / 2, along[0] / length * width / 2)
    # The axis across the limb may point away from the light; a limb that lies flat is lit from above.
    sign = light * across[0] if abs(across[0]) > abs(across[1]) else -across[1]
    bright = 1 if sign > 0 else -1
    toward = (across[0] * bright, across[1] * bright)
    canvas.fill(strip(outline, start, toward, -9.0, -0.35), (0, 0, 0), 70)
    canvas.fill(strip(outline, start, toward, 0.3, 0.75), (255, 255, 255), 45)


def rim(canvas: Canvas, outline: Polygon, colour: Colour) -> None:
    """Paint a thin dark edge around a part, in front of which the part itself is painted.

    Args:
        canvas: Where to paint.
        outline: The outline, already widened by the edge's thickness.
        colour: The part's own colour; the edge is a dark shade of it.
    """
    canvas.fill(outline, shaded(colour, 0.45), 200)


def _stripes(canvas: Canvas, outline: Polygon, cloth: Cloth, origin: Point, axis: Point, period: float) -> None:
    steps = int(1.2 / period) + 1
    for index in range(-steps, steps + 1):
        low = (index + 0.25) * period
        canvas.fill(strip(outline, origin, axis, low, low + period / 2), cloth.second)
