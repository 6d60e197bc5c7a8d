import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from lbrn.datasets.standin import textures
from lbrn.datasets.standin.shapes import capsule, disc, hull, strip
from lbrn.errors import InputError

points = st.tuples(st.integers(-50, 50), st.integers(-50, 50))


def area(polygon) -> float:
    x, y = np.array(polygon, dtype=float).reshape(-1, 2).T
    return abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2


@given(st.lists(points, min_size=4, max_size=30, unique=True))
def test_hull_agrees_with_qhull(cloud):
    assume(np.linalg.matrix_rank(np.diff(np.array(cloud), axis=0)) == 2)
    ours, oracle = hull([(float(x), float(y)) for x, y in cloud]), ConvexHull(np.array(cloud, dtype=float))
    assert {(int(x), int(y)) for x, y in ours} == {tuple(cloud[index]) for index in oracle.vertices}
    assert area(ours) == pytest.approx(oracle.volume)


@given(st.floats(-1.5, 1.5), st.floats(0, 2 * np.pi))
def test_a_line_cuts_a_polygon_into_parts_that_add_up(place, angle):
    polygon, axis = disc((3, -2), 10, 17), (8 * np.cos(angle), 8 * np.sin(angle))
    below, above = strip(polygon, (3, -2), axis, -9, place), strip(polygon, (3, -2), axis, place, 9)
    assert area(below) + area(above) == pytest.approx(area(polygon))
    along = (np.array(below).reshape(-1, 2) - (3, -2)) @ axis / 64
    assert (along <= place + 1e-9).all()


def test_a_capsule_has_the_area_of_its_parts():
    # Trapezoid between the ends, and two half discs.
    polygon = capsule((0, 0), (30, 40), 8, 4)
    assert area(polygon) == pytest.approx(50 * 12 + np.pi * (64 + 16) / 2, rel=0.03)


def test_backgrounds_come_from_the_installed_package():
    folder = Path(importlib.util.find_spec("skimage").origin).parent / "data"
    assert all((folder / name).is_file() for name in textures.PICTURES)
    image = textures.draw_background(np.random.default_rng(0), (90, 60))
    assert image.size == (90, 60) and image.mode == "RGB"
    assert np.asarray(image).std() > 5


def test_a_missing_picture_is_named():
    with pytest.raises(InputError, match=r"nowhere\.png is missing.*reinstall scikit-image"):
        textures.picture("nowhere.png")


def test_palette_is_the_means_of_a_grid():
    from PIL import Image

    blocks = np.arange(9, dtype=np.uint8).reshape(3, 3).repeat(20, axis=0).repeat(20, axis=1)
    colours = textures.palette(Image.fromarray(np.stack((blocks * 20,) * 3, axis=2)))
    assert colours == tuple((20 * k,) * 3 for k in range(9))
