"""Things in a scene that are not people: confusing shapes behind them, objects in front of them."""

import numpy as np

from lbrn.datasets.standin import canvas as cv
from lbrn.datasets.standin.canvas import Canvas
from lbrn.datasets.standin.shapes import Polygon, capsule, disc, hull
from lbrn.datasets.standin.wardrobe import PATTERNS, Cloth, colour


def paint_clutter(rng: np.random.Generator, canvas: Canvas, mean: float, height: float) -> None:
    """Paint limb-, ball- and box-like shapes in cloth-like colours into the background.

    Args:
        rng: Source of randomness.
        canvas: Where to paint.
        mean: Mean number of shapes.
        height: Size of a person in canvas pixels, to which the shapes' sizes refer.
    """
    for _ in range(rng.poisson(mean)):
        x, y = rng.uniform((0, 0), canvas.image.size)
        kind, angle = rng.random(), rng.uniform(0, np.pi)
        if kind < 0.55:
            length, radius = rng.uniform((0.12, 0.02), (0.45, 0.045)) * height
            end = (x + length * np.cos(angle), y + length * np.sin(angle))
            _paint_thing(
                rng, canvas, capsule((x, y), end, radius, radius * rng.uniform(0.6, 1)), (x, y), end, 2 * radius
            )
        elif kind < 0.75:
            radius = rng.uniform(0.04, 0.09) * height
            _paint_thing(rng, canvas, disc((x, y), radius, 16), (x, y - radius), (x, y + radius), 2 * radius)
        else:
            _paint_box(rng, canvas, (x, y), angle, rng.uniform(0.08, 0.3, 2) * height)


def paint_occluder(rng: np.random.Generator, canvas: Canvas, joints: np.ndarray, height: float) -> None:
    """Paint an object in front of the labelled person and take what it hides out of the map of owners.

    Args:
        rng: Source of randomness.
        canvas: Where to paint.
        joints: (J, 2) joints in canvas pixels; the object lies over or near one of them.
        height: Size of the person in canvas pixels.
    """
    x, y = joints[rng.integers(len(joints))] + rng.normal(0, 0.04, 2) * height
    kind = rng.random()
    if kind < 0.35:
        outline = _paint_pole(rng, canvas, (x, y), height)
    elif kind < 0.6:
        radius = rng.uniform(0.07, 0.15) * height
        outline = disc((x, y), radius, 20)
        _paint_thing(rng, canvas, outline, (x, y - radius), (x, y + radius), 2 * radius)
    else:
        outline = _paint_box(rng, canvas, (x, y), rng.normal(0, 0.3), rng.uniform(0.13, 0.36, 2) * height)
    canvas.own(outline, 0)


def _paint_pole(rng: np.random.Generator, canvas: Canvas, at: tuple[float, float], height: float) -> Polygon:
    angle, radius = rng.normal(np.pi / 2, 0.2), rng.uniform(0.025, 0.06) * height
    along = np.array((np.cos(angle), np.sin(angle))) * 4 * height
    ends = [tuple((np.array(at) + sign * along).tolist()) for sign in (-1, 1)]
    outline = capsule(ends[0], ends[1], radius, radius)
    _paint_thing(rng, canvas, outline, ends[0], ends[1], 2 * radius, plain=True)
    return outline


def _paint_box(
    rng: np.random.Generator, canvas: Canvas, at: tuple[float, float], angle: float, size: np.ndarray
) -> Polygon:
    along, across = np.array((np.cos(angle), np.sin(angle))), np.array((-np.sin(angle), np.cos(angle)))
    corners = [
        np.array(at) + (a * size[0] * along + b * size[1] * across) / 2 for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    outline = hull([(float(x), float(y)) for x, y in corners])
    start, end = (tuple((np.array(at) + sign * size[1] * across / 2).tolist()) for sign in (-1, 1))
    _paint_thing(rng, canvas, outline, start, end, float(size[0]))
    return outline


def _paint_thing(
    rng: np.random.Generator,
    canvas: Canvas,
    outline: Polygon,
    start: tuple[float, float],
    end: tuple[float, float],
    width: float,
    plain: bool = False,
) -> None:
    pattern = "plain" if plain else str(rng.choice(PATTERNS))
    cloth = Cloth(colour(rng), colour(rng), pattern, float(rng.uniform(0.2, 0.5)))
    cv.paint_cloth(canvas, outline, cloth, start, end, width)
    cv.shade(canvas, outline, start, end, width, int(rng.choice((-1, 1))))
