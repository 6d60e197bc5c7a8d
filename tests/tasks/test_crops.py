"""Geometry of crops: maps invert each other, pictures and joints move together, augmentation keeps its ranges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbrn.tasks import crops

RECIPE = crops.Augmentation(
    scale_jitter=0.25, rotation=30, rotation_probability=0.6, flip_probability=0.5, colour=(0.8, 1.2)
)


def one(centre: tuple[float, float], side: float, rotation: float, flip: bool) -> crops.Crops:
    return crops.Crops(np.array([centre]), np.array([side]), np.array([rotation]), np.array([flip]))


@given(st.floats(-50, 200), st.floats(-50, 200), st.floats(20, 300), st.floats(-3, 3), st.booleans())
def test_maps_invert_each_other(x: float, y: float, side: float, rotation: float, flip: bool) -> None:
    crop = one((x, y), side, rotation, flip)
    points = np.array([[[x, y], [0.0, 0.0], [x + side / 3, y - side / 5]]])
    there = crops.apply(crop.from_image(64), points)
    np.testing.assert_allclose(crops.apply(crop.to_image(64), there), points, atol=1e-9)
    np.testing.assert_allclose(there[0, 0], 31.5, atol=1e-9)  # the crop's centre is the middle of its grid


def test_corners_of_a_plain_crop() -> None:
    crop = crops.plain(np.array([[100.0, 60.0]]), np.array([0.5]))  # 100 original pixels a side
    corners = crops.apply(crop.to_image(50), np.array([[[-0.5, -0.5], [49.5, 49.5]]]))[0]
    np.testing.assert_allclose(corners, [[50, 10], [150, 110]])


def test_flip_mirrors_and_rotation_is_counter_clockwise_on_the_screen() -> None:
    right_of_centre = np.array([[[60.0, 40.0]]])
    assert crops.apply(one((50, 40), 64, 0, True).from_image(64), right_of_centre)[0, 0, 0] == pytest.approx(21.5)
    turned = crops.apply(one((50, 40), 64, np.pi / 2, False).from_image(64), right_of_centre)[0, 0]
    np.testing.assert_allclose(turned, [31.5, 21.5], atol=1e-9)  # what lay to the right now lies above


@settings(max_examples=25, deadline=None)
@given(st.floats(-0.8, 0.8), st.booleans(), st.floats(50, 90))
def test_pictures_move_as_points_do(rotation: float, flip: bool, side: float) -> None:
    spot = np.array([45.0, 52.0])
    yy, xx = np.mgrid[:96, :96]
    blob = 255 * np.exp(-((xx - spot[0]) ** 2 + (yy - spot[1]) ** 2) / (2 * 4**2))
    picture = np.repeat(blob[..., None], 3, -1).astype(np.uint8)
    crop = one((50.0, 50.0), side, rotation, flip)
    shown = crops.resample(picture, crop.to_image(64)[0], 64)[..., 0].astype(float)
    rows, columns = np.mgrid[:64, :64]
    middle = [(columns * shown).sum() / shown.sum(), (rows * shown).sum() / shown.sum()]
    np.testing.assert_allclose(middle, crops.apply(crop.from_image(64), spot[None, None])[0, 0], atol=0.1)


def test_outside_is_black() -> None:
    white = np.full((10, 10, 3), 255, np.uint8)
    shown = crops.resample(white, one((0.0, 0.0), 20, 0, False).to_image(20)[0], 20)
    assert shown[15, 15].tolist() == [255, 255, 255]
    assert shown[2, 2].tolist() == [0, 0, 0]


def test_augmentation_ranges_and_rates() -> None:
    count = 20_000
    plain = crops.plain(np.zeros((count, 2)), np.ones(count))
    drawn, gains = RECIPE.draw(plain, np.random.Generator(np.random.Philox(3)))
    ratio = drawn.side / plain.side
    assert ratio.min() == pytest.approx(0.75)
    assert ratio.max() == pytest.approx(1.25)
    turned = drawn.rotation != 0
    assert turned.mean() == pytest.approx(0.6, abs=0.015)
    assert np.abs(drawn.rotation).max() == pytest.approx(np.deg2rad(60))
    clipped_at_two_sigma = 0.959  # its standard deviation, of a standard normal
    assert np.std(drawn.rotation[turned]) == pytest.approx(np.deg2rad(30 * clipped_at_two_sigma), rel=0.03)
    assert drawn.flip.mean() == pytest.approx(0.5, abs=0.015)
    assert 0.8 <= gains.min() < 0.81 and 1.19 < gains.max() <= 1.2
    again, _ = RECIPE.draw(plain, np.random.Generator(np.random.Philox(3)))
    np.testing.assert_array_equal(again.side, drawn.side)
