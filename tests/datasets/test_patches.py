"""Patches and photographs: every patch pixel shows what its stated place in the original shows."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lbrn.datasets.patches import Patch, crop_pixels, cut
from lbrn.datasets.photos import MAX_PIXELS, as_array, decode
from lbrn.errors import InputError
from oracles.toy_archives import encoded, ramp

WIDTH, HEIGHT = 250, 230
RAMP = ramp(WIDTH, HEIGHT)


def places(patch: Patch) -> tuple[np.ndarray, np.ndarray]:
    """x of every column and y of every row of a patch in the original, by the stated rule."""
    height, width = patch.pixels.shape[:2]
    return patch.origin[0] + patch.zoom * np.arange(width), patch.origin[1] + patch.zoom * np.arange(height)


@settings(max_examples=60, deadline=None)
@given(x=st.floats(-400, 700), y=st.floats(-400, 700), scale=st.floats(0.05, 6), side=st.sampled_from([16, 64, 256]))
def test_pixels_are_where_origin_and_zoom_say(x: float, y: float, scale: float, side: int) -> None:
    patch = cut(RAMP, np.array([x, y]), scale, side)
    xs, ys = places(patch)
    assert patch.zoom >= 1
    assert xs[0] - patch.zoom / 2 >= -0.5001 and xs[-1] + patch.zoom / 2 <= WIDTH - 0.4999
    assert ys[0] - patch.zoom / 2 >= -0.5001 and ys[-1] + patch.zoom / 2 <= HEIGHT - 0.4999
    # Bicubic reduction bends a ramp at the rim of the picture only; inside it is exact but for rounding.
    inner = slice(2, -2) if patch.zoom > 1 else slice(None)
    red, green = patch.pixels[..., 0].astype(float), patch.pixels[..., 1].astype(float)
    np.testing.assert_allclose(red[:, inner], np.broadcast_to(xs[inner], red[:, inner].shape), atol=0.76)
    np.testing.assert_allclose(green[inner], np.broadcast_to(ys[inner, None], green[inner].shape), atol=0.76)


@settings(max_examples=60, deadline=None)
@given(
    x=st.floats(0, WIDTH), y=st.floats(0, HEIGHT), scale=st.floats(0.1, 3), angle=st.floats(0, 2 * np.pi),
    along=st.floats(-1, 1), factor=st.floats(0.75, 1.25),
)  # fmt: skip
def test_any_augmented_crop_stays_inside(
    x: float, y: float, scale: float, angle: float, along: float, factor: float
) -> None:
    patch = cut(RAMP, np.array([x, y]), scale, 64)
    xs, ys = places(patch)
    half = 100 * scale * factor
    corner = half * np.array([1.0, along])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    point = np.array([x, y]) + turn @ corner
    if (point >= 0).all() and point[0] <= WIDTH - 1 and point[1] <= HEIGHT - 1:
        # Up to one patch pixel is lost where the picture's far edge is no whole number of patch pixels away.
        assert xs[0] - patch.zoom / 2 <= point[0] <= xs[-1] + 1.5 * patch.zoom
        assert ys[0] - patch.zoom / 2 <= point[1] <= ys[-1] + 1.5 * patch.zoom


def test_detail_suffices_at_the_largest_zoom_in_and_nothing_is_enlarged() -> None:
    large = cut(ramp(1000, 900), np.array([500.0, 450.0]), 3.0, 64)
    assert 200 * 3.0 * 0.75 / large.zoom == pytest.approx(64)
    small = cut(RAMP, np.array([100.0, 100.0]), 0.3, 64)
    assert small.zoom == 1
    np.testing.assert_array_equal(small.pixels, as_array(RAMP)[45:156, 45:156])


def test_reduction_is_antialiased() -> None:
    board = Image.fromarray(np.indices((400, 400)).sum(axis=0).astype(np.uint8) % 2 * 255).convert("RGB")
    patch = cut(board, np.array([200.0, 200.0]), 2.0, 32)
    assert patch.pixels[5:-5, 5:-5].std() < 5
    assert patch.pixels.mean() == pytest.approx(127.5, abs=1.5)


def test_the_plain_crop_is_cut_from_the_patch() -> None:
    centre = np.array([100.0, 120.0])
    patch = cut(RAMP, centre, 0.2, 64)
    inside = crop_pixels(patch, centre, 0.2)
    assert inside[:, 0].min() == 80 and inside[:, 0].max() == 120
    assert inside[:, 1].min() == 100 and inside[:, 1].max() == 140
    assert crop_pixels(patch, np.array([-500.0, -500.0]), 0.2).size == 0


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
def test_all_kinds_of_jpeg_become_rgb(mode: str) -> None:
    image = decode(encoded(Image.new(mode, (8, 9)), "JPEG"), "x.jpg")
    assert (image.mode, image.size) == ("RGB", (8, 9))


def test_orientation_tags_do_not_turn_the_pixels() -> None:
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 20)).save(stream, "JPEG", exif=exif)
    assert decode(stream.getvalue(), "x.jpg").size == (8, 20)


def test_images_that_cannot_be_decoded_are_named() -> None:
    jpeg = encoded(RAMP, "JPEG")
    for content in (b"", b"<html>", jpeg[: len(jpeg) // 2], encoded(RAMP, "GIF")):
        with pytest.raises(InputError, match=r"image im0007.jpg cannot be decoded"):
            decode(content, "im0007.jpg")


@pytest.mark.parametrize("edge", [7072, 20_000])
def test_pixel_bombs_are_refused_before_decoding(edge: int) -> None:
    assert edge * edge > MAX_PIXELS
    png = bytearray(encoded(Image.new("1", (8, 8))))
    png[16:24] = edge.to_bytes(4, "big") * 2  # the size in the header; its checksum is set right below
    png[29:33] = zlib.crc32(png[12:29]).to_bytes(4, "big")
    with pytest.raises(InputError, match=rf"image bomb.png has .* pixels, at most {MAX_PIXELS} are read"):
        decode(bytes(png), "bomb.png")
