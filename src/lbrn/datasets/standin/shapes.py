"""Plane geometry for drawing: capsules, convex hulls, strips of convex polygons. Points are (x, y) tuples."""

import math
from collections.abc import Sequence

Point = tuple[float, float]
Polygon = list[Point]

_CAP_STEPS = 6


def disc(centre: Point, radius: float, steps: int = 12) -> Polygon:
    """Return a regular polygon in place of a circle."""
    angles = (2 * math.pi * k / steps for k in range(steps))
    return [(centre[0] + radius * math.cos(a), centre[1] + radius * math.sin(a)) for a in angles]


def capsule(start: Point, end: Point, start_radius: float, end_radius: float) -> Polygon:
    """Return the outline of a tapered limb with round ends.

    Args:
        start: Centre of the first end.
        end: Centre of the other end.
        start_radius: Half the thickness at the first end.
        end_radius: Half the thickness at the other end.

    Returns:
        A convex polygon (nearly: the sides join half circles, which is exact for equal radii).
    """
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    points: Polygon = []
    for (x, y), radius, first in ((end, end_radius, angle - math.pi / 2), (start, start_radius, angle + math.pi / 2)):
        for step in range(_CAP_STEPS + 1):
            a = first + math.pi * step / _CAP_STEPS
            points.append((x + radius * math.cos(a), y + radius * math.sin(a)))
    return points


def hull(points: Sequence[Point]) -> Polygon:
    """Return the convex hull of points (Andrew's monotone chain), in order around it."""
    ordered = sorted(set(points))
    return _chain(ordered)[:-1] + _chain(ordered[::-1])[:-1]


def strip(polygon: Polygon, origin: Point, axis: Point, low: float, high: float) -> Polygon:
    """Return the part of a convex polygon between two parallel lines.

    Args:
        polygon: Corners of a convex polygon.
        origin: Where the axis has the value 0.
        axis: Direction across the strip; its length is the unit of `low` and `high` (projection / length squared).
        low: Lower end along the axis.
        high: Upper end along the axis.

    Returns:
        The corners that are left; empty when nothing is.
    """
    return _cut(_cut(polygon, origin, axis, low, 1), origin, axis, high, -1)


def between(a: Point, b: Point, share: float) -> Point:
    """Return the point at `share` (0..1) of the way from a to b."""
    return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])


def _chain(ordered: Sequence[Point]) -> Polygon:
    chain: Polygon = []
    for x, y in ordered:
        while len(chain) > 1:
            (ax, ay), (bx, by) = chain[-2], chain[-1]
            if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                break
            chain.pop()
        chain.append((x, y))
    return chain


def _cut(polygon: Polygon, origin: Point, axis: Point, limit: float, sign: int) -> Polygon:
    length = axis[0] ** 2 + axis[1] ** 2 or 1e-9
    places = [sign * (((x - origin[0]) * axis[0] + (y - origin[1]) * axis[1]) / length - limit) for x, y in polygon]
    kept: Polygon = []
    for index, (point, place) in enumerate(zip(polygon, places, strict=True)):
        before, before_place = polygon[index - 1], places[index - 1]
        if (place >= 0) != (before_place >= 0):
            kept.append(between(before, point, before_place / (before_place - place)))
        if place >= 0:
            kept.append(point)
    return kept
