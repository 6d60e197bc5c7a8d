"""Small MPII `RELEASE` files with chosen irregularities, written with scipy from plain Python values."""

import io
from typing import Any

import numpy as np
from scipy.io import savemat

EMPTY = np.zeros((0, 0))
"""MATLAB's []."""


def struct_row(rows: list[dict[str, Any]]) -> np.ndarray:
    """A 1xN struct array; all rows must have the same fields."""
    array = np.empty((1, len(rows)), dtype=[(field, object) for field in rows[0]])
    for column, row in enumerate(rows):
        array[0, column] = tuple(row.values())
    return array


def point(joint: int, x: float, y: float, **extra: Any) -> dict[str, Any]:
    return {"x": x, "y": y, "id": joint, **extra}


def rectangle(points: list[dict[str, Any]] | None, **fields: Any) -> dict[str, Any]:
    """One annorect; `points` None leaves the field annopoints out, [] makes it empty."""
    row = dict(fields)
    if points is not None:
        row["annopoints"] = struct_row([{"point": struct_row(points)}]) if points else EMPTY
    return row


def usual(points: list[dict[str, Any]], x: float = 100.0, y: float = 80.0, scale: float = 1.0) -> dict[str, Any]:
    position = struct_row([{"x": x, "y": y}])
    return rectangle(points, x1=10.0, y1=20.0, x2=40.0, y2=60.0, scale=scale, objpos=position)


def release(images: list[tuple[str, Any, int]]) -> bytes:
    """The bytes of a .mat with (file name, annorect rows or EMPTY, img_train) for each image."""
    entries = []
    for name, rectangles, _ in images:
        annorect = struct_row(rectangles) if isinstance(rectangles, list) else rectangles
        image = struct_row([{"name": name}])
        entries.append({"image": image, "annorect": annorect, "frame_sec": EMPTY, "vididx": EMPTY})
    train = np.array([[flag for _, _, flag in images]], dtype=np.uint8)
    stream = io.BytesIO()
    savemat(stream, {"RELEASE": struct_row([{"annolist": struct_row(entries), "img_train": train, "version": "toy"}])})
    return stream.getvalue()
