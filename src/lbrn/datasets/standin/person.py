"""Draws a whole person, far parts first, so that an arm passes in front of or behind the trunk."""

from collections.abc import Callable
from functools import partial

from lbrn.datasets.standin import skeleton as sk
from lbrn.datasets.standin.canvas import Canvas
from lbrn.datasets.standin.figure import Figure
from lbrn.datasets.standin.head import paint_head, paint_long_hair
from lbrn.datasets.standin.limbs import ARMS, LEGS, paint_forearm, paint_shin, paint_thigh, paint_upper_arm
from lbrn.datasets.standin.trunk import paint_throat, paint_trunk


def paint_person(canvas: Canvas, figure: Figure, owned: bool = True) -> None:
    """Paint a person.

    Args:
        canvas: Where to paint.
        figure: Whom.
        owned: Whether the person is the labelled one, whose parts the map of owners follows.
    """
    for _, paint in sorted(_parts(figure), key=lambda part: part[0]):
        paint(canvas, figure, owned=owned)


def _parts(figure: Figure) -> list[tuple[float, Callable[..., None]]]:
    """Nearness (mean depth towards the viewer) and painter of every part."""
    depth = figure.skeleton.joints[:, 2]
    trunk = float(depth[[sk.THORAX, sk.PELVIS]].mean())
    head = max(float(depth[[sk.NECK, sk.HEAD_TOP]].mean()), trunk) + 0.02
    # The shirt falls over standing legs: they must come forward by more than the trunk's half depth to hide it.
    parts: list[tuple[float, Callable[..., None]]] = [
        (trunk, paint_trunk),
        # Seen from behind, the throat is covered by the collar; from the front it shows.
        (trunk + 0.001, paint_throat),
        (head, paint_head),
    ]
    if figure.outfit.long_hair and not figure.skeleton.from_behind:
        parts.append((trunk - 0.001, paint_long_hair))
    for side, ((shoulder, elbow, wrist), (hip, knee, ankle)) in enumerate(zip(ARMS, LEGS, strict=True)):
        parts += [
            (float(depth[[shoulder, elbow]].mean()), partial(paint_upper_arm, side=side)),
            (float(depth[[elbow, wrist]].mean()) + 0.002, partial(paint_forearm, side=side)),
            (float(depth[[hip, knee]].mean()) - 0.04, partial(paint_thigh, side=side)),
            (float(depth[[knee, ankle]].mean()) - 0.039, partial(paint_shin, side=side)),
        ]
    return parts
