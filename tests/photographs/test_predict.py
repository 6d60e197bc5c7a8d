"""lbrn predict on photographs: the same joints as the test split's predictions, however it is run; and bad input."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lbrn
from lbrn import modelfile, modelformat
from lbrn.errors import InputError, LbrnError
from lbrn.export import export
from lbrn.metrics.definitions import JOINTS
from lbrn.photographs.base import Box
from lbrn.photographs.model import carried, preparation
from lbrn.photographs.predict import parse_box, predict_with


def refuse(spec, path):
    raise InputError("the training data is not here")


def _joints(path):
    told = json.loads(path.read_text())["joints"]
    assert [joint["name"] for joint in told] == list(JOINTS)
    return np.array([[joint["x"], joint["y"]] for joint in told]), np.array([joint["score"] for joint in told])


@pytest.mark.parametrize("engine", ["torch", "numba"])
def test_photographs_give_the_joints_of_the_test_split(trained, model, find, people, tmp_path, engine):
    with np.load(trained.folder / "predictions.npz") as expected:
        for person, joints, scores in zip(people, expected["joints"], expected["score"], strict=True):
            (path,) = predict_with(model, [person.path], tmp_path, find, engine=engine, box=person.box)
            assert path == tmp_path / f"{person.path.stem}.pose.json"
            ours, heights = _joints(path)
            # A quarter of a heatmap's pixel may turn where two neighbours are as good as equal.
            assert np.median(np.abs(person.origin + person.zoom * ours - joints)) < 0.01 * person.zoom
            np.testing.assert_allclose(heights, scores, atol=2e-4)


def test_the_json_says_what_it_is_about(model, find, photographs, tmp_path):
    (path,) = predict_with(model, photographs[:1], tmp_path, find, box="3,4,20.5,30")
    told = json.loads(path.read_text())
    with Image.open(photographs[0]) as image:
        assert (told["width"], told["height"]) == image.size
    assert (told["image"], told["model"], told["task"]) == (str(photographs[0]), str(model), "pose")
    assert told["box"] == [3, 4, 20.5, 30]


def test_a_box_around_the_whole_is_a_wider_crop_than_the_whole(model, find, photographs, tmp_path):
    """A person pasted into a larger picture is found at the same place of it, if the box gives the same crop."""
    with Image.open(photographs[0]) as image:
        pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    side = max(height, width)
    large = np.zeros((3 * side, 3 * side, 3), np.uint8)
    large[side : side + height, side + 5 : side + 5 + width] = pixels
    Image.fromarray(large).save(tmp_path / "large.png")
    inner = side / 1.25  # the margin makes the crop of the whole picture of it
    left, top = side + 5 + (width - inner) / 2, side + (height - inner) / 2
    (path,) = predict_with(model, [tmp_path / "large.png"], tmp_path, find, box=f"{left},{top},{inner},{inner}")
    (whole,) = predict_with(model, photographs[:1], tmp_path / "whole", find)
    ours, theirs = _joints(path)[0], _joints(whole)[0] + [side + 5, side]
    assert np.median(np.abs(ours - theirs)) < 0.02


def test_turned_by_exif_the_joints_are_those_of_the_picture_as_seen(model, find, photographs, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(photographs[0]) as image:
        image.rotate(90, expand=True).save(tmp_path / "turned.png", exif=exif)
    (turned,) = predict_with(model, [tmp_path / "turned.png"], tmp_path, find)
    (plain,) = predict_with(model, photographs[:1], tmp_path / "plain", find)
    assert json.loads(turned.read_text())["joints"] == json.loads(plain.read_text())["joints"]


def test_the_skeleton_is_drawn_where_the_joints_are(model, find, photographs, tmp_path):
    (path,) = predict_with(model, photographs[:1], tmp_path, find)
    with Image.open(photographs[0]) as before, Image.open(tmp_path / "person0.pose.png") as after:
        assert before.size == after.size
        changed = (np.asarray(before) != np.asarray(after)).any(-1)
    for x, y in _joints(path)[0]:
        column, row = round(float(x)), round(float(y))
        if 1 <= row < changed.shape[0] - 1 and 1 <= column < changed.shape[1] - 1:
            assert changed[row - 1 : row + 2, column - 1 : column + 2].any()
    assert 0.01 < changed.mean() < 0.7


def test_large_photographs_are_drawn_smaller_but_told_in_full(model, find, tmp_path):
    Image.fromarray(np.zeros((1000, 3200, 3), np.uint8)).save(tmp_path / "wide.png")
    (path,) = predict_with(model, [tmp_path / "wide.png"], tmp_path / "out", find)
    with Image.open(tmp_path / "out" / "wide.pose.png") as drawn:
        assert drawn.size == (1600, 500)
    assert json.loads(path.read_text())["width"] == 3200


@pytest.mark.parametrize("form", ["seed", "2bit", "float"])
def test_an_export_needs_nothing_else(model, find, photographs, tmp_path, form):
    out = export(model, form, tmp_path / "m.safetensors", preparation=carried(model, find))
    (path,) = predict_with(out, photographs[:1], tmp_path / "elsewhere", refuse)
    (here,) = predict_with(model, photographs[:1], tmp_path / "here", find)
    assert json.loads(path.read_text())["joints"] == json.loads(here.read_text())["joints"]
    assert carried(out, refuse) is None  # it goes along from one export to the next
    again = export(out, "seed", tmp_path / "again.safetensors")
    assert preparation(again, refuse) == preparation(out, refuse)


def test_without_the_training_data_a_run_s_file_says_what_to_do(model, photographs, tmp_path, caplog):
    with pytest.raises(InputError, match=r"\(the training data is not here\); `lbrn export .* --format seed`"):
        list(predict_with(model, photographs, tmp_path, refuse))
    assert carried(model, refuse) is None
    assert "will not do for `lbrn predict` with photographs elsewhere" in caplog.text


def test_what_cannot_be_read_is_told_and_the_others_go_on(model, find, photographs, tmp_path, caplog):
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    given = [photographs[0], tmp_path / "bad.jpg", tmp_path / "none.png", photographs[1]]
    out, found = tmp_path / "out", []
    with pytest.raises(LbrnError, match=r"^2 of 4 photographs were not read: bad.jpg, none.png$"):
        for path in predict_with(model, given, out, find):
            found.append(path.name)
    assert found == ["person0.pose.json", "person1.pose.json"]
    assert sorted(path.name for path in out.iterdir()) == [
        "person0.pose.json", "person0.pose.png", "person1.pose.json", "person1.pose.png",
    ]  # fmt: skip
    assert "bad.jpg is no picture that can be read" in caplog.text and "none.png does not exist" in caplog.text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"engine": "cuda"}, "engine 'cuda' is unknown; use torch or numba"),
        ({"box": "1,2,3"}, "--box '1,2,3' is not x,y,w,h; write for example"),
        ({"box": "1,2,a,4"}, "is not x,y,w,h"),
        ({"box": "1,2,0,4"}, "width and height must be above 0"),
        ({"box": "1,2,nan,4"}, "is not possible"),
        ({"box": "1,inf,3,4"}, "is not possible"),
    ],
)
def test_bad_settings(model, find, photographs, tmp_path, settings, message):
    with pytest.raises(InputError, match=message):
        list(predict_with(model, photographs, tmp_path / "out", find, **settings))
    assert not (tmp_path / "out").exists()


def test_a_box_outside_of_a_photograph(model, find, photographs, tmp_path, caplog):
    with pytest.raises(LbrnError, match="1 of 1 photographs were not read"):
        list(predict_with(model, photographs[:1], tmp_path, find, box="9000,0,10,10"))
    assert "the box lies outside of it" in caplog.text


def test_photographs_of_one_name_are_refused_before_anything_is_done(model, find, photographs, tmp_path):
    given = [photographs[0], Path("elsewhere/person0.jpg")]
    with pytest.raises(InputError, match=r"would both be written to .*person0.pose.json: rename one"):
        list(predict_with(model, given, tmp_path / "out", find))
    assert not (tmp_path / "out").exists()
    twice = [photographs[0], photographs[0]]
    assert len(list(predict_with(model, twice, tmp_path / "out", find))) == 1


def test_networks_without_a_task(model, find, photographs, tmp_path):
    network, _ = modelfile.load(model)
    lbrn.save(network, tmp_path / "own.safetensors")
    with pytest.raises(InputError, match=r"does not say what its network is for.* lbrn.load\(path\)"):
        list(predict_with(tmp_path / "own.safetensors", photographs, tmp_path / "out", find))
    arrays, content = modelformat.read(model)
    content["spec"]["task"] = "chess"
    (tmp_path / "m").write_bytes(modelformat.encode(arrays, content))
    with pytest.raises(InputError, match="is for chess; photographs can be read for pose"):
        list(predict_with(tmp_path / "m", photographs, tmp_path / "out", find))


def test_boxes():
    assert parse_box("40,20.5,120,300") == Box(40, 20.5, 120, 300)
    assert parse_box(" -4, 0 ,1e2,3") == Box(-4, 0, 100, 3)
