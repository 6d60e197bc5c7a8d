"""The trunk: shirt, hips, and what tells the front (buttons, bib, straps) from the back (bag, pockets)."""

import numpy as np

from lbrn.datasets.standin import canvas as cv
from lbrn.datasets.standin import skeleton as sk
from lbrn.datasets.standin.canvas import Canvas
from lbrn.datasets.standin.figure import Figure
from lbrn.datasets.standin.shapes import Point, Polygon, capsule, disc, hull, strip
from lbrn.datasets.standin.wardrobe import Colour

# Half the depth of the chest in standing heights: the plane the front's marks lie on.
_DEPTH = 0.055


def paint_trunk(canvas: Canvas, figure: Figure, owned: bool) -> None:
    """Paint the trunk with its front or back marks; `owned` notes it in the map of owners."""
    outline = _outline(figure, 0.0)
    top, bottom = figure.joint(sk.THORAX), figure.joint(sk.PELVIS)
    width = figure.length(2 * figure.skeleton.proportions.shoulder + 0.07)
    cv.rim(canvas, _outline(figure, 0.5 * figure.oversampling), figure.outfit.shirt.colour)
    cv.paint_cloth(canvas, outline, figure.outfit.shirt, top, bottom, width)
    down = (bottom[0] - top[0], bottom[1] - top[1])
    canvas.fill(strip(outline, top, down, 0.93, 2.0), figure.outfit.trousers.colour)
    cv.shade(canvas, outline, top, bottom, width, figure.light)
    if figure.skeleton.from_behind:
        _paint_back(canvas, figure)
    else:
        _paint_front(canvas, figure)
    if owned:
        canvas.own(outline, cv.TRUNK)


def paint_throat(canvas: Canvas, figure: Figure, owned: bool) -> None:
    """Paint the neck between trunk and head."""
    top = figure.place(figure.skeleton.joints[sk.NECK] * 0.75 + figure.skeleton.joints[sk.HEAD_TOP] * 0.25)
    outline = capsule(figure.joint(sk.THORAX), top, figure.thickness(0.03), figure.thickness(0.03))
    canvas.fill(outline, figure.outfit.skin)
    if owned:
        canvas.own(outline, cv.THROAT)


def _outline(figure: Figure, edge: float) -> Polygon:
    corners: list[Point] = []
    for joint, radius in ((sk.R_SHOULDER, 0.034), (sk.L_SHOULDER, 0.034), (sk.R_HIP, 0.05), (sk.L_HIP, 0.05)):
        corners += disc(figure.joint(joint), figure.thickness(radius) + edge)
    return hull(corners)


def _patch(figure: Figure, face: int, across: tuple[float, float], down: tuple[float, float]) -> Polygon:
    """A rectangle on chest (face 1) or back (-1): `across` from the middle to the left, `down` 0..1 of the trunk."""
    skeleton = figure.skeleton
    left, along, front = skeleton.chest.T
    top = skeleton.joints[sk.THORAX] + face * _DEPTH * front
    trunk = skeleton.proportions.trunk
    corners = ((across[0], down[0]), (across[1], down[0]), (across[1], down[1]), (across[0], down[1]))
    return [figure.place(top + x * left + y * trunk * along) for x, y in corners]


def _paint_front(canvas: Canvas, figure: Figure) -> None:
    accent, shoulder = figure.outfit.accent, figure.skeleton.proportions.shoulder
    _paint_collar(canvas, figure)
    if figure.outfit.backpack:
        for sign in (-1, 1):
            strap = _patch(figure, 1, (sign * 0.55 * shoulder, sign * 0.85 * shoulder), (0.0, 0.62))
            canvas.fill(strap, figure.outfit.bag)
    match figure.outfit.mark:
        case "buttons":
            for down in (0.22, 0.42, 0.62, 0.82):
                canvas.fill(_patch(figure, 1, (-0.014, 0.014), (down - 0.045, down + 0.045)), accent)
        case "bib":
            canvas.fill(_patch(figure, 1, (-0.6 * shoulder, 0.6 * shoulder), (0.3, 0.62)), accent)
        case "zip":
            canvas.fill(_patch(figure, 1, (-0.011, 0.011), (0.0, 0.95)), accent)
        case "letter":
            # On the heart's side: the person's left.
            canvas.fill(_patch(figure, 1, (0.2 * shoulder, 0.75 * shoulder), (0.16, 0.42)), accent)
        case "tie":
            canvas.fill(_patch(figure, 1, (-0.018, 0.018), (0.05, 0.7)), accent)
    canvas.fill(_patch(figure, 1, (-0.03, 0.03), (0.9, 0.99)), (225, 205, 120))


def _paint_collar(canvas: Canvas, figure: Figure) -> None:
    skeleton = figure.skeleton
    left, along, front = skeleton.chest.T
    throat = skeleton.joints[sk.THORAX] + 0.6 * _DEPTH * front - 0.02 * along
    corners = (throat - 0.04 * left, throat + 0.04 * left, throat + 0.075 * along + 0.4 * _DEPTH * front)
    canvas.fill([figure.place(corner) for corner in corners], figure.outfit.skin)


def _paint_back(canvas: Canvas, figure: Figure) -> None:
    shoulder = figure.skeleton.proportions.shoulder
    if figure.outfit.backpack:
        bag = _patch(figure, -1, (-0.75 * shoulder, 0.75 * shoulder), (0.1, 0.72))
        cv.rim(canvas, _widened(bag, 1.06), figure.outfit.bag)
        canvas.fill(bag, figure.outfit.bag)
        canvas.fill(_patch(figure, -1, (-0.5 * shoulder, 0.5 * shoulder), (0.42, 0.66)), _darker(figure.outfit.bag))
    for sign in (-1, 1):
        pocket = _patch(figure, -1, (sign * 0.015, sign * 0.055), (0.99, 1.12))
        canvas.fill(pocket, _darker(figure.outfit.trousers.colour))


def _widened(polygon: Polygon, factor: float) -> Polygon:
    points = np.array(polygon)
    middle = points.mean(axis=0)
    return [(float(x), float(y)) for x, y in middle + factor * (points - middle)]


def _darker(colour: Colour) -> Colour:
    red, green, blue = (int(0.6 * channel) for channel in colour)
    return red, green, blue
