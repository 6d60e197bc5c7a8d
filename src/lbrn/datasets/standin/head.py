"""The head: an ellipsoid of hair with a cap of face on the side the person looks to."""

import numpy as np
import numpy.typing as npt

from lbrn.datasets.standin import canvas as cv
from lbrn.datasets.standin import skeleton as sk
from lbrn.datasets.standin.canvas import Canvas
from lbrn.datasets.standin.figure import Figure
from lbrn.datasets.standin.shapes import Polygon, capsule, disc, hull
from lbrn.datasets.standin.wardrobe import Colour, shaded

# Half axes of the head in head lengths: towards the left, down, to the front.
HALF_AXES = np.array((0.37, 0.5, 0.42))
_CIRCLE = np.linspace(0, 2 * np.pi, 20, endpoint=False)
# Directions of the features in the head's frame (left, down, front).
_EYES = ((-0.38, -0.08, 0.92), (0.38, -0.08, 0.92))
_NOSE, _MOUTH = (0.0, 0.22, 0.98), (0.0, 0.52, 0.85)


def head_outline(figure: Figure, grow: float = 0.0) -> Polygon:
    """Return the head's silhouette on the canvas.

    Args:
        figure: The person.
        grow: Canvas pixels to widen it by.

    Returns:
        An ellipse that touches the upper neck and the top of the head.
    """
    axes = figure.skeleton.face * HALF_AXES * figure.skeleton.proportions.head
    # The silhouette of an ellipsoid under parallel projection is the ellipse of the projected quadratic form.
    values, vectors = np.linalg.eigh((axes @ axes.T)[:2, :2])
    first, second = vectors.T[:, :2] * (figure.length(1) * np.sqrt(values) + grow)[:, None]
    middle = np.array(figure.place(_middle(figure)))
    points = middle + np.outer(np.cos(_CIRCLE), first) + np.outer(np.sin(_CIRCLE), second)
    return [(float(x), float(y)) for x, y in points]


def paint_head(canvas: Canvas, figure: Figure, owned: bool) -> None:
    """Paint hair, face and features; `owned` notes the head in the map of owners."""
    outfit, outline = figure.outfit, head_outline(figure)
    edge = head_outline(figure, 0.5 * figure.oversampling)
    behind = figure.skeleton.face[2, 2] < 0
    if outfit.long_hair and behind:
        paint_long_hair(canvas, figure)
    cv.rim(canvas, edge, outfit.hair)
    canvas.fill(outline, outfit.hair)
    face = _face(figure)
    if face:
        canvas.fill(face, outfit.skin)
        _paint_features(canvas, figure)
    if behind and not outfit.long_hair:
        _paint_nape(canvas, figure)
    if owned:
        canvas.own(outline, cv.HEAD)


def _middle(figure: Figure) -> sk.Floats:
    joints = figure.skeleton.joints
    return np.asarray((joints[sk.NECK] + joints[sk.HEAD_TOP]) / 2)


def _on_head(figure: Figure, direction: npt.ArrayLike) -> sk.Floats:
    """World position of the head's surface in a direction of the head's frame."""
    offset = figure.skeleton.face @ (np.asarray(direction) * HALF_AXES) * figure.skeleton.proportions.head
    return np.asarray(_middle(figure) + offset)


def _face(figure: Figure) -> Polygon:
    """The visible part of the face: a cap of 62 degrees around a direction a little below straight ahead."""
    ahead, left, down = np.array((0, 0.26, 0.966)), np.array((1, 0, 0)), np.array((0, 0.966, -0.26))
    opening = np.deg2rad(62)
    cap = np.cos(opening) * ahead + np.sin(opening) * (
        np.outer(np.cos(_CIRCLE), left) + np.outer(np.sin(_CIRCLE), down)
    )
    edge = cap @ figure.skeleton.face.T
    # What is seen of the cap ends at its own edge or, where it goes round the head, at the silhouette.
    silhouette = np.column_stack((np.cos(_CIRCLE), np.sin(_CIRCLE), np.zeros_like(_CIRCLE)))
    kept = silhouette[silhouette @ figure.skeleton.face @ ahead >= np.cos(opening)]
    seen = np.concatenate((edge[edge[:, 2] >= 0], kept))
    if len(seen) < 3:
        return []
    return hull([figure.place(_on_head(figure, direction)) for direction in seen @ figure.skeleton.face])


def _paint_features(canvas: Canvas, figure: Figure) -> None:
    size = figure.length(figure.skeleton.proportions.head)
    dark: Colour = (25, 18, 18)
    for eye in _EYES:
        _feature(canvas, figure, eye, 0.07 * size, dark)
    _feature(canvas, figure, _NOSE, 0.06 * size, shaded(figure.outfit.skin, 0.72))
    if (figure.skeleton.face @ np.array(_MOUTH))[2] > 0.15:
        right, left = (figure.place(_on_head(figure, (x, 0.52, 0.8))) for x in (-0.26, 0.26))
        canvas.fill(capsule(right, left, 0.045 * size, 0.045 * size), (150, 45, 45))


def _feature(
    canvas: Canvas, figure: Figure, direction: tuple[float, float, float], radius: float, colour: Colour
) -> None:
    if (figure.skeleton.face @ np.array(direction))[2] > 0.15:
        canvas.fill(disc(figure.place(_on_head(figure, direction)), radius, 8), colour)


def paint_long_hair(canvas: Canvas, figure: Figure, owned: bool = False) -> None:
    """Paint hair that falls on the shoulders: over the back, or, before the trunk is painted, beside the throat."""
    ends = [_on_head(figure, (x, 0.1, -0.5)) for x in (-0.75, 0.75)]
    fall = 0.75 * figure.skeleton.proportions.head * figure.skeleton.chest[:, 1]
    canvas.fill(hull([figure.place(end + shift) for end in ends for shift in (0 * fall, fall)]), figure.outfit.hair)


def _paint_nape(canvas: Canvas, figure: Figure) -> None:
    size = figure.length(figure.skeleton.proportions.head)
    canvas.fill(disc(figure.place(_on_head(figure, (0, 0.92, -0.35))), 0.14 * size, 10), figure.outfit.skin)
