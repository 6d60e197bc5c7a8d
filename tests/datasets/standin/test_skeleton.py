import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbrn.datasets.standin import skeleton as sk
from lbrn.datasets.standin.difficulty import Difficulty
from lbrn.datasets.standin.wardrobe import draw_outfit

LIMBS = (
    ("trunk", sk.PELVIS, sk.THORAX), ("neck", sk.THORAX, sk.NECK), ("head", sk.NECK, sk.HEAD_TOP),
    ("upper_arm", sk.R_SHOULDER, sk.R_ELBOW), ("upper_arm", sk.L_SHOULDER, sk.L_ELBOW),
    ("forearm", sk.R_ELBOW, sk.R_WRIST), ("forearm", sk.L_ELBOW, sk.L_WRIST),
    ("thigh", sk.R_HIP, sk.R_KNEE), ("thigh", sk.L_HIP, sk.L_KNEE),
    ("shin", sk.R_KNEE, sk.R_ANKLE), ("shin", sk.L_KNEE, sk.L_ANKLE),
)  # fmt: skip

seeds = st.integers(0, 2**32)


def drawn(seed: int, spread: float = 1.0, **knobs: float) -> sk.Skeleton:
    return sk.draw_skeleton(np.random.default_rng(seed), Difficulty(**knobs), spread)


@settings(max_examples=60, deadline=None)
@given(seeds, st.floats(0.5, 2))
def test_limbs_keep_their_lengths_in_every_pose_and_view(seed, spread):
    skeleton = drawn(seed, spread)
    for name, start, end in LIMBS:
        length = np.linalg.norm(skeleton.joints[start] - skeleton.joints[end])
        assert length == pytest.approx(getattr(skeleton.proportions, name))


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_frames_are_right_handed_rotations_and_the_shoulders_lie_on_the_chest_axis(seed):
    skeleton = drawn(seed)
    for frame in (skeleton.chest, skeleton.face):
        assert frame @ frame.T == pytest.approx(np.eye(3), abs=1e-12)
        assert np.linalg.det(frame) == pytest.approx(1)
    across = skeleton.joints[sk.L_SHOULDER] - skeleton.joints[sk.R_SHOULDER]
    assert across == pytest.approx(2 * skeleton.proportions.shoulder * skeleton.chest[:, 0])


@settings(max_examples=300, deadline=None)
@given(seeds)
def test_knees_bend_to_the_back_only(seed):
    rng = np.random.default_rng(seed)
    body = sk.draw_proportions(rng)
    for sign in (-1, 1):
        for kind in (sk.LEGS[0][1], sk.LEGS[3][2], sk.LEGS[4][1]):
            thigh, shin, _ = sk._leg(rng, body, kind, sign, 1.3)
            # The side the kneecap is on: for a hanging thigh the front, for one raised to the front up.
            kneecap = np.cross((1, 0, 0), thigh)
            assert shin @ kneecap <= 1e-12


def test_standing_people_are_about_one_unit_tall():
    rng = np.random.default_rng(0)
    heights = []
    for _ in range(200):
        body = sk.draw_proportions(rng)
        heights.append(body.head + body.neck + body.trunk + body.thigh + body.shin + 0.03)
    assert 0.93 < np.mean(heights) < 1.05 and 0.02 < np.std(heights) < 0.1


def test_poses_differ_and_a_larger_spread_makes_them_wilder():
    def spread(factor: float) -> float:
        return float(np.std([drawn(seed, factor, yaw_spread=0, backs=0).joints for seed in range(150)], axis=0).mean())

    assert spread(1.0) > 0.04
    assert spread(2.0) > 1.1 * spread(1.0)


def test_arms_hang_rise_and_stretch():
    tops = [drawn(seed).joints for seed in range(300)]
    raised = np.mean([joints[sk.L_WRIST, 1] < joints[sk.NECK, 1] for joints in tops])
    hanging = np.mean([joints[sk.L_WRIST, 1] > joints[sk.L_SHOULDER, 1] + 0.15 for joints in tops])
    assert 0.15 < raised < 0.45 and 0.25 < hanging < 0.7


def test_hair_never_looks_like_the_skin_of_the_same_person_and_marks_never_like_the_shirt():
    for seed in range(200):
        outfit = draw_outfit(np.random.default_rng(seed))
        for one, other, least in ((outfit.hair, outfit.skin, 60), (outfit.accent, outfit.shirt.colour, 60)):
            assert np.linalg.norm(np.subtract(one, other)) > least
