from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lbrn.datasets.standin import canvas as cv
from lbrn.datasets.standin import skeleton as sk
from lbrn.datasets.standin.canvas import Canvas
from lbrn.datasets.standin.difficulty import Difficulty
from lbrn.datasets.standin.figure import Figure
from lbrn.datasets.standin.person import paint_person
from lbrn.datasets.standin.scene import draw_scene, generator
from lbrn.datasets.standin.wardrobe import draw_outfit

PLAIN = Difficulty(occluders=0, truncations=0, distractors=0, backs=0, clutter=0)


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(generator(0, "mpii", index), "mpii", Difficulty()) for index in range(200)]


def test_about_a_fifth_of_the_people_have_something_in_front_of_them(scenes):
    assert 0.14 <= np.mean([scene.occluded for scene in scenes]) <= 0.26


def test_occluders_hide_joints_and_do_not_unlabel_them(scenes):
    hidden = {flag: np.mean([(s.inside & ~s.visible).mean() for s in scenes if s.occluded == flag]) for flag in (0, 1)}
    assert hidden[1] > hidden[0] + 0.08
    assert np.mean([(s.inside & ~s.visible).any() for s in scenes if s.occluded]) > 0.8


def test_an_occluder_only_takes_joints_away():
    clear, blocked = (replace(PLAIN, occluders=share) for share in (0.0, 1.0))
    lost = 0
    for index in range(20):
        # The same stream up to the occluder, which is drawn after the person.
        free, hidden = (draw_scene(generator(1, "mpii", index), "mpii", hard) for hard in (clear, blocked))
        np.testing.assert_array_equal(free.joints, hidden.joints)
        assert not (hidden.visible & ~free.visible).any()
        lost += int((free.visible & ~hidden.visible).sum())
    assert lost > 30


def test_a_joint_outside_the_image_is_neither_labelled_nor_visible(scenes):
    outside = 0
    for scene in scenes:
        rounded = np.rint(scene.joints)
        inside = (rounded >= 0).all(axis=1) & (rounded < scene.image.size).all(axis=1)
        np.testing.assert_array_equal(scene.inside, inside)
        assert not (scene.visible & ~inside).any()
        outside += int((~inside).any())
    assert 0.03 * len(scenes) <= outside <= 0.3 * len(scenes)


def test_back_views_take_their_share(scenes):
    assert 0.25 <= np.mean([scene.from_behind for scene in scenes]) <= 0.45


@pytest.mark.parametrize(("backs", "sign"), [(0.0, 1), (1.0, -1)])
def test_left_is_at_the_image_right_of_a_person_who_faces_us_and_the_reverse_from_behind(backs, sign):
    view = replace(PLAIN, backs=backs, yaw_spread=15, roll_spread=5)
    for index in range(40):
        scene = draw_scene(generator(2, "mpii", index), "mpii", view)
        assert scene.from_behind == (backs == 1)
        for right, left in ((sk.R_SHOULDER, sk.L_SHOULDER), (sk.R_HIP, sk.L_HIP)):
            assert sign * (scene.joints[left, 0] - scene.joints[right, 0]) > 0


def bare_canvas(backs: float, index: int) -> tuple[Canvas, Figure]:
    rng = generator(5, "mpii", index)
    view = replace(PLAIN, backs=backs, yaw_spread=10, pose_spread=0.5)
    outfit = replace(draw_outfit(rng), skin=(250, 180, 10), hair=(10, 10, 240), long_hair=False)
    figure = Figure(sk.draw_skeleton(rng, view), outfit, (80.0, 80.0), 110.0, 1, 2)
    canvas = Canvas(Image.new("RGB", (320, 320), (0, 255, 0)), 2)
    paint_person(canvas, figure)
    return canvas, figure


@pytest.mark.parametrize(("backs", "facing"), [(0.0, True), (1.0, False)])
def test_the_head_shows_a_face_from_the_front_and_hair_from_behind(backs, facing):
    rightly = []
    for index in range(20):
        canvas, _ = bare_canvas(backs, index)
        pixels = np.asarray(canvas.image)[np.asarray(canvas.owners) == cv.HEAD].astype(int)
        hair = (np.abs(pixels - (10, 10, 240)).sum(axis=1) < 30).mean()
        skin = (np.abs(pixels - (250, 180, 10)).sum(axis=1) < 30).mean()
        rightly.append(skin > hair if facing else hair > skin + 0.3)
    # One in twenty may have turned the head away.
    assert sum(rightly) >= 19


def test_every_visible_joint_lies_on_the_drawn_person():
    for index in range(15):
        canvas, figure = bare_canvas(0.0, index)
        changed = (np.asarray(canvas.image) != (0, 255, 0)).any(axis=2)
        seen = canvas.seen(figure.joints)
        assert seen.mean() > 0.7
        for joint in np.flatnonzero(seen):
            x, y = (round(float(v)) for v in (figure.joints[joint] + 0.5) * 2 - 0.5)
            assert changed[y - 2 : y + 3, x - 2 : x + 3].any()
            assert changed[y - 6 : y + 7, x - 6 : x + 7].mean() > 0.4


def test_an_arm_behind_the_trunk_is_hidden_and_one_in_front_is_seen():
    canvas, figure = bare_canvas(0.0, 0)
    for depth, seen in ((-0.3, False), (0.3, True)):
        joints = figure.skeleton.joints.copy()
        middle = joints[[sk.THORAX, sk.PELVIS]].mean(axis=0)
        joints[[sk.L_ELBOW, sk.L_WRIST]] = middle + np.array([[0.02, 0.02, depth], [0.0, 0.0, depth]])
        moved = replace(figure, skeleton=replace(figure.skeleton, joints=joints))
        canvas = Canvas(Image.new("RGB", (320, 320)), 2)
        paint_person(canvas, moved)
        assert canvas.seen(moved.joints)[sk.L_WRIST] == seen


def test_another_person_never_makes_a_joint_visible():
    canvas = Canvas(Image.new("RGB", (320, 320)), 2)
    _, figure = bare_canvas(0.0, 1)
    paint_person(canvas, figure, owned=False)
    assert not canvas.seen(figure.joints).any()


def test_knobs_move_what_they_name():
    for knob, value in (("occluders", 1.0), ("distractors", 1.0), ("backs", 1.0)):
        drawn = [draw_scene(generator(0, "mpii", i), "mpii", replace(PLAIN, **{knob: value})) for i in range(6)]
        got = {
            "occluders": [s.occluded for s in drawn],
            "distractors": [s.distractor is not None for s in drawn],
            "backs": [s.from_behind for s in drawn],
        }
        assert all(got[knob]) or (knob == "distractors" and sum(got[knob]) >= 3)
        assert not any(flag for other, flags in got.items() if other != knob for flag in flags)


def test_noise_and_blur_change_the_picture_and_not_the_labels():
    quiet, loud = (draw_scene(generator(0, "mpii", 3), "mpii", replace(PLAIN, noise=n)) for n in (0.0, 30.0))
    np.testing.assert_array_equal(quiet.joints, loud.joints)
    difference = np.asarray(quiet.image).astype(float) - np.asarray(loud.image)
    assert 0.5 < difference.std() < 30
