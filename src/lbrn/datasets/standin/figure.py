"""One person about to be drawn: skeleton and looks, projected onto the canvas."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lbrn.datasets.standin.shapes import Point
from lbrn.datasets.standin.skeleton import Floats, Skeleton
from lbrn.datasets.standin.wardrobe import Outfit


@dataclass(frozen=True)
class Figure:
    """A person with a place in the image.

    Attributes:
        skeleton: The pose in units of the standing height.
        outfit: The looks.
        origin: Position of the pelvis in final pixels, 0-based pixel centres.
        height: Standing height in final pixels.
        light: -1 lit from the image's left, 1 from its right.
        oversampling: Canvas pixels per final pixel.
    """

    skeleton: Skeleton
    outfit: Outfit
    origin: Point
    height: float
    light: int
    oversampling: int

    @property
    def joints(self) -> Floats:
        """(16, 2) joint positions in final pixels, 0-based pixel centres, MPII order."""
        return np.asarray(self.skeleton.joints[:, :2] * self.height + np.array(self.origin))

    def length(self, share: float) -> float:
        """Return a length given as a share of the standing height in canvas pixels."""
        return share * self.height * self.oversampling

    def thickness(self, share: float) -> float:
        """Return `length` times the person's girth."""
        return self.length(share) * self.skeleton.proportions.girth

    def place(self, point: npt.ArrayLike) -> Point:
        """Return where a point of the posed body (standing heights, world frame) falls on the canvas."""
        x, y = np.asarray(point)[:2] * self.height + np.array(self.origin) + 0.5
        return float(x * self.oversampling - 0.5), float(y * self.oversampling - 0.5)

    def joint(self, index: int) -> Point:
        """Return where a joint falls on the canvas."""
        return self.place(self.skeleton.joints[index])
