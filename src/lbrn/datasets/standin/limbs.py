"""Arms and legs: tapered capsules in cloth or skin, with hands and feet."""

from lbrn.datasets.standin import canvas as cv
from lbrn.datasets.standin import skeleton as sk
from lbrn.datasets.standin.canvas import Canvas
from lbrn.datasets.standin.figure import Figure
from lbrn.datasets.standin.shapes import Point, between, capsule, disc
from lbrn.datasets.standin.wardrobe import Cloth, Colour

ARMS = ((sk.R_SHOULDER, sk.R_ELBOW, sk.R_WRIST), (sk.L_SHOULDER, sk.L_ELBOW, sk.L_WRIST))
LEGS = ((sk.R_HIP, sk.R_KNEE, sk.R_ANKLE), (sk.L_HIP, sk.L_KNEE, sk.L_ANKLE))


def bare(colour: Colour) -> Cloth:
    """Return the plain "cloth" of bare skin or a shoe."""
    return Cloth(colour, colour, "plain", 1.0)


def paint_upper_arm(canvas: Canvas, figure: Figure, side: int, owned: bool) -> None:
    """Paint the upper arm of one side (0 right, 1 left); `owned` notes it in the map of owners."""
    outfit = figure.outfit
    shoulder, elbow, _ = ARMS[side]
    cloth = outfit.shirt if outfit.sleeves else bare(outfit.skin)
    _segment(canvas, figure, (figure.joint(shoulder), figure.joint(elbow)), (0.034, 0.027), cloth)
    if owned:
        _own(canvas, figure, (figure.joint(shoulder), figure.joint(elbow)), (0.034, 0.027), cv.UPPER_ARM[side])


def paint_forearm(canvas: Canvas, figure: Figure, side: int, owned: bool) -> None:
    """Paint the forearm and the hand of one side (0 right, 1 left)."""
    outfit = figure.outfit
    _, elbow, wrist = ARMS[side]
    ends = figure.joint(elbow), figure.joint(wrist)
    hand = between(*ends, 1.14)
    canvas.fill(disc(hand, figure.thickness(0.027)), outfit.skin)
    cloth = outfit.shirt if outfit.sleeves == 2 else bare(outfit.skin)
    _segment(canvas, figure, ends, (0.027, 0.02), cloth)
    if owned:
        canvas.own(disc(hand, figure.thickness(0.027)), cv.FOREARM[side])
        _own(canvas, figure, ends, (0.027, 0.02), cv.FOREARM[side])


def paint_thigh(canvas: Canvas, figure: Figure, side: int, owned: bool) -> None:
    """Paint the thigh of one side (0 right, 1 left)."""
    hip, knee, _ = LEGS[side]
    ends = figure.joint(hip), figure.joint(knee)
    _segment(canvas, figure, ends, (0.054, 0.038), figure.outfit.trousers)
    if owned:
        _own(canvas, figure, ends, (0.054, 0.038), cv.THIGH[side])


def paint_shin(canvas: Canvas, figure: Figure, side: int, owned: bool) -> None:
    """Paint the shin and the foot of one side (0 right, 1 left)."""
    outfit = figure.outfit
    _, knee, ankle = LEGS[side]
    ends = figure.joint(knee), figure.joint(ankle)
    toe = figure.place(figure.skeleton.toes[side])
    _segment(canvas, figure, ends, (0.037, 0.023), outfit.trousers if outfit.long_trousers else bare(outfit.skin))
    _segment(canvas, figure, (ends[1], toe), (0.027, 0.021), bare(outfit.shoes))
    if owned:
        _own(canvas, figure, ends, (0.037, 0.023), cv.SHIN[side])
        _own(canvas, figure, (ends[1], toe), (0.027, 0.021), cv.SHIN[side])


def _segment(
    canvas: Canvas, figure: Figure, ends: tuple[Point, Point], radii: tuple[float, float], cloth: Cloth
) -> None:
    first, last = (figure.thickness(radius) for radius in radii)
    edge = 0.5 * figure.oversampling
    outline = capsule(*ends, first, last)
    cv.rim(canvas, capsule(*ends, first + edge, last + edge), cloth.colour)
    cv.paint_cloth(canvas, outline, cloth, *ends, 2 * first)
    cv.shade(canvas, outline, *ends, first + last, figure.light)


def _own(canvas: Canvas, figure: Figure, ends: tuple[Point, Point], radii: tuple[float, float], part: int) -> None:
    canvas.own(capsule(*ends, *(figure.thickness(radius) for radius in radii)), part)
