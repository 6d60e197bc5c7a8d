"""Where the boxes of a block's diagram stand, and which way its arrows go; all in inches, y upwards, top at 0."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lbrn.reproduction.figures.flow import Box

WIDTH, PITCH, GAP, LANE = 0.6, 0.66, 0.15, 0.13
"""Of a box, from one box to the next beside it, between two rows, and from a box to an arrow that passes it by."""

LINE, MARGIN, CIRCLE = 0.105, 0.05, 0.15

Point = tuple[float, float]


@dataclass(frozen=True)
class Place:
    """Where a box stands.

    Attributes:
        x: Its centre.
        y: Its centre.
        width: Its width.
        height: Its height.
        rank: Its row, counted from the top.
    """

    x: float
    y: float
    width: float
    height: float
    rank: int


@dataclass(frozen=True)
class Arrangement:
    """A diagram ready to be drawn.

    Attributes:
        places: Box name to place.
        arrows: Corners of each arrow, the last at its point, by (from, to).
        left: The smallest x of all.
        right: The largest x of all.
        bottom: The smallest y of all.
    """

    places: Mapping[str, Place]
    arrows: Mapping[tuple[str, str], tuple[Point, ...]]
    left: float
    right: float
    bottom: float


def lines(box: Box) -> list[str]:
    """What is written in a box."""
    if box.kind == "input":
        return ["input"]
    if box.kind == "step":
        return [" ".join(box.before)]
    if box.kernel is None or box.channels is None:
        return [{"add": "+", "cat": "C"}[box.kind]]
    shape = f"{box.kernel}×{box.kernel} {box.kind}"
    return [" ".join(box.before), shape, f"{box.channels[0]}→{box.channels[1]}", *box.after]


def arrange(boxes: Sequence[Box]) -> Arrangement:
    """Put every box below all that it depends on.

    Args:
        boxes: In the order of computation, the input first.
    """
    ranks = _ranks(boxes)
    rows = [[box for box in boxes if ranks[box.name] == rank] for rank in range(max(ranks.values()) + 1)]
    across = _across(rows, boxes)
    places: dict[str, Place] = {}
    top = 0.0
    for rank, row in enumerate(rows):
        height = max(_size(box)[1] for box in row)
        places |= {box.name: Place(across[box.name], top - height / 2, *_size(box), rank) for box in row}
        top -= height + GAP
    arrows = _arrows(boxes, places)
    ends = [place.x + side * place.width / 2 for place in places.values() for side in (-1, 1)]
    ends += [x for corners in arrows.values() for x, _ in corners]
    return Arrangement(places, arrows, min(ends), max(ends), top + GAP)


def _size(box: Box) -> Point:
    if box.kind in ("add", "cat"):
        return CIRCLE, CIRCLE
    return WIDTH, LINE * len(lines(box)) + MARGIN


def _ranks(boxes: Sequence[Box]) -> dict[str, int]:
    ranks: dict[str, int] = {}
    for box in boxes:
        ranks[box.name] = max((ranks[name] + 1 for name in box.inputs), default=0)
    return ranks


def _across(rows: Sequence[Sequence[Box]], boxes: Sequence[Box]) -> dict[str, float]:
    """The widest row is spread evenly; each other box stands in the middle of what it belongs to in the row beside."""
    widest = max(range(len(rows)), key=lambda rank: len(rows[rank]))
    spread = len(rows[widest]) - 1
    across = {box.name: PITCH * (place - spread / 2) for place, box in enumerate(rows[widest])}
    users = {box.name: [user.name for user in boxes if box.name in user.inputs] for box in boxes}
    for rank in range(widest - 1, -1, -1):
        for box in rows[rank]:
            below = [across[name] for name in users[box.name] if name in across]
            across[box.name] = _middle(below) if below else min(across.values()) - PITCH  # used farther down only
    for row in rows[widest + 1 :]:
        for box in row:
            near = [name for name in box.inputs if len(box.inputs) == 1 or name != boxes[0].name]
            across[box.name] = _middle([across[name] for name in near])
    return across


def _middle(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _arrows(boxes: Sequence[Box], places: Mapping[str, Place]) -> dict[tuple[str, str], tuple[Point, ...]]:
    found: dict[tuple[str, str], tuple[Point, ...]] = {}
    edges = [(name, box.name) for box in boxes for name in box.inputs]
    right = max(place.x + place.width / 2 for place in places.values())
    left = min(place.x - place.width / 2 for place in places.values())
    for start, end in edges:
        first, last = places[start], places[end]
        if last.rank == first.rank + 1:
            found[start, end] = _down(first, last)
        elif start == boxes[0].name:
            found[start, end] = _round(first, last, left - LANE)
        elif first.x != last.x and _free(first, last, places):
            side = last.x + (last.width / 2 if first.x > last.x else -last.width / 2)
            found[start, end] = ((first.x, first.y - first.height / 2), (first.x, last.y), (side, last.y))
        else:
            right += LANE
            found[start, end] = _round(first, last, right)
    return found


def _down(first: Place, last: Place) -> tuple[Point, ...]:
    begin, end = (first.x, first.y - first.height / 2), (last.x, last.y + last.height / 2)
    if first.x == last.x:
        return begin, end
    # Sideways close to the box where several ways part or meet, so that they share one line.
    turn = begin[1] - GAP / 2 if last.width > CIRCLE else end[1] + GAP / 2
    return begin, (first.x, turn), (last.x, turn), end


def _round(first: Place, last: Place, lane: float) -> tuple[Point, ...]:
    side = -1 if lane < first.x else 1
    return (
        (first.x + side * first.width / 2, first.y),
        (lane, first.y),
        (lane, last.y),
        (last.x + side * last.width / 2, last.y),
    )


def _free(first: Place, last: Place, places: Mapping[str, Place]) -> bool:
    between = (place for place in places.values() if first.rank < place.rank < last.rank)
    return all(abs(place.x - first.x) > place.width / 2 for place in between)


def crossings(arrows: Mapping[tuple[str, str], Sequence[Point]], place: Place) -> int:
    """How many straight pieces of arrows run through the inside of a place; a diagram to be read has none.

    Args:
        arrows: Of an arrangement.
        place: Where a box stands.
    """
    return sum(_inside(one, other, place) for corners in arrows.values() for one, other in pairwise(corners))


def _inside(one: Point, other: Point, place: Place) -> bool:
    middle = ((one[0] + other[0]) / 2, (one[1] + other[1]) / 2)
    reach = (abs(one[0] - other[0]) / 2, abs(one[1] - other[1]) / 2)
    return all(
        abs(centre - middle[axis]) < half / 2 + reach[axis] - 1e-6
        for axis, (centre, half) in enumerate(((place.x, place.width), (place.y, place.height)))
    )
