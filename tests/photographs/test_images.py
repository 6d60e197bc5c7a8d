"""Photographs of every kind: read as they are seen, or refused in one line."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from lbrn.errors import InputError
from lbrn.photographs import images


def _colours():
    """8 x 12, smooth so that JPEG keeps it, all four corners different."""
    rows, columns = np.mgrid[0:8, 0:12]
    return np.stack([rows * 30, columns * 20, np.full_like(rows, 60)], -1).astype(np.uint8)


def _saved(tmp_path, image, name, **options):
    path = tmp_path / name
    image.save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.webp", "a.PNG"])
def test_lossless_formats(tmp_path, name):
    options = {"lossless": True} if name == "a.webp" else {}
    assert np.array_equal(images.read(_saved(tmp_path, Image.fromarray(_colours()), name, **options)), _colours())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_as_exif_says(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = _saved(tmp_path, Image.fromarray(_colours()), "a.jpg", exif=exif, quality=100, subsampling=0)
    stored = _colours()
    seen = {
        1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1], 5: stored.transpose(1, 0, 2),
        6: stored[::-1].transpose(1, 0, 2), 7: stored[::-1, ::-1].transpose(1, 0, 2),
        8: stored[:, ::-1].transpose(1, 0, 2),
    }[orientation]  # fmt: skip
    found = images.read(path)
    assert found.shape == seen.shape
    assert np.abs(found.astype(int) - seen).max() <= 6


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_means_nothing_is_ignored(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = _saved(tmp_path, Image.fromarray(_colours()), "a.jpg", exif=exif, quality=100)
    assert images.read(path).shape == (8, 12, 3)


def test_grey(tmp_path):
    grey = _colours()[..., 1]
    expected = np.repeat(grey[..., None], 3, axis=2)
    assert np.array_equal(images.read(_saved(tmp_path, Image.fromarray(grey), "a.png")), expected)
    bits = Image.fromarray(grey > 100)
    assert bits.mode == "1"
    found = images.read(_saved(tmp_path, bits, "b.png"))
    assert np.array_equal(found[..., 0], np.where(grey > 100, 255, 0))


def test_sixteen_bits_keep_their_range(tmp_path):
    values = np.array([[0, 128, 257, 32768], [65535, 65407, 60000, 1000]], np.uint16)
    for name in ("a.png", "a.tif"):
        path = _saved(tmp_path, Image.fromarray(values), name)
        with Image.open(path) as stored:
            assert stored.mode.startswith("I;16")
        assert np.array_equal(images.read(path)[..., 0], np.round(values / 257))


def test_cmyk(tmp_path):
    inks = np.zeros((8, 8, 4), np.uint8)
    inks[:, :4, 0] = 255  # cyan, and white
    path = _saved(tmp_path, Image.fromarray(inks, "CMYK"), "a.jpg", quality=100)
    found = images.read(path).astype(int)
    assert np.abs(found[0, 0] - [0, 255, 255]).max() <= 6 and np.abs(found[0, -1] - 255).max() <= 6


def test_transparent_places_become_white(tmp_path):
    layered = np.dstack([_colours(), np.full((8, 12), 255, np.uint8)])
    layered[0, 0, 3], layered[1, 1, 3] = 0, 128
    found = images.read(_saved(tmp_path, Image.fromarray(layered), "a.png"))
    assert found[0, 0].tolist() == [255, 255, 255]
    assert np.abs(found[1, 1].astype(int) - (255 + _colours()[1, 1].astype(int)) / 2).max() <= 1.5
    assert np.array_equal(found[2:], _colours()[2:])
    palette = Image.fromarray(_colours()).quantize(16)
    palette.info["transparency"] = 0
    found = images.read(_saved(tmp_path, palette, "b.png", transparency=palette.getpixel((0, 0))))
    assert found[0, 0].tolist() == [255, 255, 255]


def test_of_several_frames_the_first(tmp_path):
    first, second = Image.new("RGB", (4, 4), "red"), Image.new("RGB", (4, 4), "blue")
    path = _saved(tmp_path, first, "a.gif", save_all=True, append_images=[second])
    assert images.read(path)[0, 0].tolist() == [255, 0, 0]


def test_values_of_unknown_range_are_refused(tmp_path):
    path = _saved(tmp_path, Image.fromarray(np.ones((4, 4), np.float32)), "a.tif")
    with pytest.raises(InputError, match=r"a.tif has values of 32 bits \(mode F\), whose range is not known"):
        images.read(path)


def test_huge_pictures_are_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 95)
    path = _saved(tmp_path, Image.fromarray(_colours()), "a.png")
    with pytest.raises(InputError, match=r"a.png has 12 x 8 pixels, at most 95 are read; make it smaller"):
        images.read(path)
    # A PNG that says it is enormous, of a few bytes.
    stream = io.BytesIO()
    Image.new("L", (1, 1)).save(stream, "PNG")
    bomb = bytearray(stream.getvalue())
    bomb[16:24] = struct.pack(">II", 200_000, 200_000)
    import zlib

    bomb[29:33] = struct.pack(">I", zlib.crc32(bytes(bomb[12:29])))
    (tmp_path / "bomb.png").write_bytes(bomb)
    with pytest.raises(InputError, match=r"bomb.png has (an enormous number of|200000 x 200000) pixels"):
        images.read(tmp_path / "bomb.png")


def _damaged(path, place):
    data = path.read_bytes()
    path.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "text": b"not a picture", "head": data[:30]}[place])
    return path


@pytest.mark.parametrize("place", ["cut", "empty", "text", "head"])
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp", "a.gif"])
def test_damaged_files_are_refused_in_one_line(tmp_path, name, place):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    path = _damaged(_saved(tmp_path, Image.fromarray(noise), name), place)
    with pytest.raises(InputError, match=rf"{name} is no picture that can be read, or a damaged one \(.+\); open") as e:
        images.read(path)
    assert "\n" not in str(e.value) and str(e.value).count(str(path)) == 1


def test_every_damage_is_either_read_or_refused(tmp_path):
    """Flipped bytes anywhere: no other error may come out."""
    exif = Image.Exif()
    exif[0x0112] = 6
    generator = np.random.default_rng(0)
    for name in ("a.jpg", "a.png", "a.tif", "a.webp"):
        path = _saved(tmp_path, Image.fromarray(_colours()), name, exif=exif)
        data = path.read_bytes()
        for _ in range(150):
            changed = bytearray(data)
            for place in generator.integers(0, min(len(data), 400), 3):
                changed[place] = generator.integers(0, 256)
            path.write_bytes(changed)
            try:
                assert images.read(path).ndim == 3
            except InputError as error:
                assert "\n" not in str(error)


def test_folders_and_missing_files(tmp_path):
    with pytest.raises(InputError, match=r"is a folder; name the photographs in it"):
        images.read(tmp_path)
    with pytest.raises(InputError, match=r"none.jpg does not exist; check the path"):
        images.read(tmp_path / "none.jpg")
