"""MPII Human Pose: the official `RELEASE` structure to `People`.

The structure is irregular: fields that are absent in some images, empty where a person lacks them, visibility given as
number, text, empty or not at all. `_field` and `_number` take all of that; everything above them sees numbers or None.

Conventions applied here, once: coordinates become 0-based; the centre is `objpos` shifted down by 15 * scale and the
scale is enlarged by 1.25 (so that the crop holds the whole person); head size = 0.6 * diagonal of the head box.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lbrn.datasets.matfile import load_mat
from lbrn.datasets.people import N_JOINTS, People
from lbrn.errors import InputError

CENTRE_SHIFT = 15.0
SCALE_FACTOR = 1.25
HEAD_FACTOR = 0.6


class Rectangle(NamedTuple):
    """One annotated person as it stands in the file.

    Attributes:
        image: File name.
        person: 0-based number in the image.
        train: Whether the image belongs to the training part (`img_train`).
        points: {joint id: (x, y, visible)}, 1-based pixels; joints that are not listed are not labelled.
        scale: Person height / 200 pixels; None where absent.
        position: (x, y) of `objpos`, 1-based; None where absent.
        head_box: (x1, y1, x2, y2); None where absent.
    """

    image: str
    person: int
    train: bool
    points: dict[int, tuple[float, float, bool]]
    scale: float | None
    position: tuple[float, float] | None
    head_box: tuple[float, float, float, float] | None

    @property
    def usable(self) -> bool:
        """Whether a crop with labels can be made of it."""
        return bool(self.points) and self.scale is not None and self.scale > 0 and self.position is not None


def read_mpii(content: bytes, validation: Sequence[tuple[str, int]]) -> dict[str, People]:
    """Parse the official annotation file and split it.

    `test` are the people of the validation list, in its order. `train` are the other labelled people of training
    images; as in the published lists, people who share an image with a validation person belong to neither.

    Args:
        content: Bytes of mpii_human_pose_v1_u12_1.mat.
        validation: (image, 0-based rectangle) of the people to validate on.

    Raises:
        InputError: It is not that file, or lacks a validation person, or that person's scale, position or points.
    """
    rectangles = list(read_release(content))
    found = {(rectangle.image, rectangle.person): rectangle for rectangle in rectangles}
    test = [_validation_person(found, image, person) for image, person in validation]
    held_out = {image for image, _ in validation}
    train = [
        rectangle
        for rectangle in rectangles
        if rectangle.train and rectangle.usable and rectangle.image not in held_out
    ]
    return {"train": to_people(train), "test": to_people(test)}


def _validation_person(found: dict[tuple[str, int], Rectangle], image: str, person: int) -> Rectangle:
    rectangle = found.get((image, person))
    if rectangle is None or not rectangle.usable:
        lack = "does not hold" if rectangle is None else "gives no points, scale or position for"
        raise InputError(
            f"the MPII annotation {lack} person {person} (0-based) of image {image}, who is on the validation list: "
            "check that it is the official file, or name the images to use in a `subset` list"
        )
    return rectangle


def read_release(content: bytes) -> Iterator[Rectangle]:
    """Yield every rectangle of the official annotation file, usable or not, in its order.

    Args:
        content: Bytes of the .mat file.

    Raises:
        InputError: It has not the official structure.
    """
    release = load_mat(content, "the MPII annotation", "RELEASE")
    images, train = _field(_only(release), "annolist"), _field(_only(release), "img_train")
    if images is None or train is None or images.size != train.size:
        raise InputError("the MPII annotation lacks annolist or img_train, or they differ in length: get it again")
    for image, is_train in zip(images.ravel(), train.ravel(), strict=True):
        name = _text(_field(_only(_field(image, "image")), "name"))
        if name is None:
            raise InputError("an entry of annolist in the MPII annotation has no image name: get it again")
        for person, rectangle in enumerate(_entries(_field(image, "annorect"))):
            yield _rectangle(name, person, bool(is_train), rectangle)


def to_people(rectangles: Sequence[Rectangle]) -> People:
    """Turn usable rectangles into people, in 0-based pixels and with MPII's crop convention applied.

    Args:
        rectangles: With a position and a scale each; points and head box may be absent.

    Returns:
        The people in the given order; joints that have no point are NaN, and so is the head size without a head box.
    """
    n = len(rectangles)
    joints, visible = np.full((n, N_JOINTS, 2), np.nan), np.zeros((n, N_JOINTS), bool)
    scale = np.array([rectangle.scale for rectangle in rectangles], dtype=np.float64)
    centre = np.array([rectangle.position for rectangle in rectangles], dtype=np.float64).reshape(n, 2) - 1
    centre[:, 1] += CENTRE_SHIFT * scale
    for row, rectangle in enumerate(rectangles):
        for joint, (x, y, seen) in rectangle.points.items():
            joints[row, joint], visible[row, joint] = (x - 1, y - 1), seen
    return People.annotated(
        [rectangle.image for rectangle in rectangles],
        [rectangle.person for rectangle in rectangles],
        joints,
        visible,
        centre,
        SCALE_FACTOR * scale,
        [_head_size(rectangle.head_box) for rectangle in rectangles],
    )


def _head_size(box: tuple[float, float, float, float] | None) -> float:
    return HEAD_FACTOR * float(np.hypot(box[2] - box[0], box[3] - box[1])) if box else np.nan


def _rectangle(image: str, person: int, train: bool, raw: Any) -> Rectangle:
    position = _numbers(_only(_field(raw, "objpos")), ("x", "y"))
    head_box = _numbers(raw, ("x1", "y1", "x2", "y2"))
    return Rectangle(
        image,
        person,
        train,
        _points(image, _field(_only(_field(raw, "annopoints")), "point")),
        _number(_field(raw, "scale")),
        (position[0], position[1]) if position else None,
        (head_box[0], head_box[1], head_box[2], head_box[3]) if head_box else None,
    )


def _points(image: str, raw: Any) -> dict[int, tuple[float, float, bool]]:
    points: dict[int, tuple[float, float, bool]] = {}
    for point in _entries(raw):
        values = _numbers(point, ("x", "y", "id"))
        if values is None:
            continue
        joint = int(values[2])
        if joint not in range(N_JOINTS):
            raise InputError(f"image {image} of the MPII annotation has a joint {joint}, ids are 0..15: get it again")
        # Visibility is not given for the head's joints: empty or absent counts as visible, as in Newell's lists.
        points[joint] = (values[0], values[1], _number(_field(point, "is_visible")) != 0)
    return points


def _entries(array: Any) -> list[Any]:
    """List the structs of a struct array; none where the field is absent or empty."""
    return [] if array is None or array.dtype.names is None else list(array.ravel())


def _only(array: Any) -> Any:
    """Return the one struct of a 1x1 struct array; None where absent or empty."""
    entries = _entries(array)
    return entries[0] if entries else None


def _field(struct: Any, name: str) -> NDArray[Any] | None:
    """Return a field of a struct; None where the struct or the field is absent."""
    return None if struct is None or name not in struct.dtype.names else struct[name]


def _numbers(struct: Any, names: Sequence[str]) -> list[float] | None:
    """Return the numbers in some fields of a struct; None unless all are there."""
    values = [_number(_field(struct, name)) for name in names]
    return None if None in values else [value for value in values if value is not None]


def _number(array: NDArray[Any] | None) -> float | None:
    """Return the number in a field, also if it is written as text; None where absent, empty or not finite."""
    if array is None or array.size != 1:
        return None
    try:
        value = float(array.ravel()[0])
    except (TypeError, ValueError):
        return None
    return value if np.isfinite(value) else None


def _text(array: NDArray[Any] | None) -> str | None:
    return None if array is None or array.size != 1 or array.dtype.kind != "U" else str(array.ravel()[0])
