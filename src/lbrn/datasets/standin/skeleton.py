"""A random articulated person in three dimensions: proportions, joint angles, view.

Body frame: x to the person's left, y down, z to the front; the unit is the person's standing height. World frame: x to
the right of the image, y down, z towards the viewer. Seen from the front the two agree, so a person's left is at the
image's right. Joints are in the MPII order of 16.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lbrn.datasets.standin.difficulty import Difficulty

Floats = npt.NDArray[np.float64]

# Joint indices, MPII order; right before left as the data set has it.
R_ANKLE, R_KNEE, R_HIP, L_HIP, L_KNEE, L_ANKLE, PELVIS, THORAX, NECK, HEAD_TOP = range(10)
R_WRIST, R_ELBOW, R_SHOULDER, L_SHOULDER, L_ELBOW, L_WRIST = range(10, 16)

DOWN = np.array([0.0, 1.0, 0.0])
FRONT = np.array([0.0, 0.0, 1.0])

# Kinds of arms: chance, then mean and spread in degrees of: lift from hanging, turn of the lift from sideways to the
# front, bend of the elbow; then the direction (outward, down, front) towards which the forearm bends.
ARMS = (
    (0.30, (14, 10), (30, 40), (18, 18), (-0.2, 0.0, 1.0)),  # hanging
    (0.14, (45, 10), (-5, 15), (95, 14), (-1.0, 0.6, 0.3)),  # hand on the hip
    (0.16, (148, 18), (10, 20), (25, 22), (-0.6, -0.5, 0.3)),  # raised
    (0.16, (90, 18), (12, 22), (45, 35), (-0.1, -1.0, 0.4)),  # sideways, forearm up
    (0.08, (80, 18), (12, 22), (60, 30), (-0.2, 1.0, 0.3)),  # sideways, forearm down
    (0.16, (45, 22), (75, 25), (70, 30), (-0.7, -0.6, 0.5)),  # in front of the body
)
# Kinds of pairs of legs: chance, then for either leg lift, turn (as for arms), bend of the knee.
LEGS = (
    (0.40, ((7, 5), (20, 40), (6, 6)), ((7, 5), (20, 40), (6, 6))),  # standing
    (0.18, ((26, 9), (5, 20), (10, 10)), ((26, 9), (5, 20), (10, 10))),  # wide
    (0.16, ((26, 9), (80, 15), (12, 10)), ((20, 8), (-75, 15), (25, 15))),  # stride
    (0.14, ((12, 6), (10, 30), (6, 6)), ((70, 18), (50, 28), (75, 25))),  # one leg raised
    (0.12, ((70, 12), (55, 18), (80, 18)), ((70, 12), (55, 18), (80, 18))),  # sitting, squatting
)


@dataclass(frozen=True)
class Proportions:
    """Lengths of a person's parts in units of the standing height.

    Attributes:
        trunk: From the pelvis to the thorax.
        neck: From the thorax to the upper neck.
        head: From the upper neck to the top of the head.
        shoulder: Half the distance between the shoulders.
        hip: Half the distance between the hips.
        upper_arm: From shoulder to elbow.
        forearm: From elbow to wrist.
        thigh: From hip to knee.
        shin: From knee to ankle.
        foot: From ankle to toes.
        girth: Factor on all thicknesses.
    """

    trunk: float
    neck: float
    head: float
    shoulder: float
    hip: float
    upper_arm: float
    forearm: float
    thigh: float
    shin: float
    foot: float
    girth: float


@dataclass(frozen=True)
class Skeleton:
    """A posed person in the world frame, pelvis at the origin, in units of the standing height.

    Attributes:
        joints: (16, 3) joint positions, MPII order.
        toes: (2, 3) tips of the right and the left foot.
        chest: (3, 3) columns: the trunk's left, down and front directions.
        face: (3, 3) columns: the head's left, down and front directions.
        proportions: The lengths it was made with.
    """

    joints: Floats
    toes: Floats
    chest: Floats
    face: Floats
    proportions: Proportions

    @property
    def from_behind(self) -> bool:
        """Whether the viewer sees the person's back."""
        return bool(self.chest[2, 2] < 0)


def draw_proportions(rng: np.random.Generator) -> Proportions:
    """Draw the body of one person.

    Args:
        rng: Source of randomness.

    Returns:
        Adult proportions with independent variation of the trunk, limbs, widths and head.
    """
    arm, leg, width = rng.uniform((0.88, 0.9, 0.88), (1.14, 1.08, 1.16))
    vary = rng.uniform(0.94, 1.06, size=8)
    return Proportions(
        trunk=0.29 * vary[0] / leg**0.5,
        neck=0.045 * vary[1],
        head=0.165 * vary[2],
        shoulder=0.108 * width * vary[3],
        hip=0.056 * width,
        upper_arm=0.168 * arm * vary[4],
        forearm=0.15 * arm * vary[5],
        thigh=0.238 * leg * vary[6],
        shin=0.232 * leg * vary[7],
        foot=0.095,
        girth=float(rng.uniform(0.85, 1.2)),
    )


def draw_skeleton(rng: np.random.Generator, difficulty: Difficulty, spread: float = 1.0) -> Skeleton:
    """Draw a person: body, joint angles, and the direction it is seen from.

    Args:
        rng: Source of randomness.
        difficulty: Spreads of pose and view, share of back views.
        spread: Further factor on the spread of the joint angles (LSPET's more extreme poses).

    Returns:
        The posed skeleton.
    """
    body = draw_proportions(rng)
    spread *= difficulty.pose_spread
    lean, side, twist, nod, tilt, turn = rng.normal((8, 0, 0, 5, 0, 0), np.array((9, 7, 10, 8, 7, 16)) * spread)
    chest = _about_z(side) @ _about_x(-lean) @ _about_y(twist)
    face = chest @ _about_z(tilt) @ _about_x(-nod) @ _about_y(turn)
    joints, toes = _posed(rng, body, chest, face, spread)
    view = draw_view(rng, difficulty, spread)
    return Skeleton(joints @ view.T, toes @ view.T, view @ chest, view @ face, body)


def draw_view(rng: np.random.Generator, difficulty: Difficulty, spread: float = 1.0) -> Floats:
    """Draw the rotation from the body frame to the world frame.

    Args:
        rng: Source of randomness.
        difficulty: Share of back views, spread of yaw and roll.
        spread: Further factor on the roll.

    Returns:
        (3, 3) rotation: yaw, then the camera's pitch, then roll in the image plane.
    """
    back = rng.random() < difficulty.backs
    yaw = float(np.clip(rng.normal(0, difficulty.yaw_spread), -70, 70)) + 180 * back
    pitch = rng.normal(4, 5)
    roll = float(np.clip(rng.normal(0, difficulty.roll_spread * spread**2), -60, 60))
    return _about_z(roll) @ _about_x(pitch) @ _about_y(yaw)


def _posed(
    rng: np.random.Generator, body: Proportions, chest: Floats, face: Floats, spread: float
) -> tuple[Floats, Floats]:
    joints, toes = np.zeros((16, 3)), np.zeros((2, 3))
    joints[THORAX] = -body.trunk * chest @ DOWN
    joints[NECK] = joints[THORAX] - body.neck * chest @ DOWN
    joints[HEAD_TOP] = joints[NECK] - body.head * face @ DOWN
    legs = LEGS[rng.choice(len(LEGS), p=[kind[0] for kind in LEGS])][1:]
    swap = bool(rng.random() < 0.5)
    for side, sign in enumerate((-1, 1)):
        arm = ARMS[rng.choice(len(ARMS), p=[kind[0] for kind in ARMS])]
        shoulder = joints[THORAX] + chest @ np.array((sign * body.shoulder, 0.008, 0))
        elbow, wrist = _arm(rng, body, chest, arm[1:], sign, spread)
        hip = np.array((sign * body.hip, 0.01, 0))
        knee, ankle, toe = _leg(rng, body, legs[side ^ swap], sign, spread)
        places = (
            (R_SHOULDER, R_ELBOW, R_WRIST, R_HIP, R_KNEE, R_ANKLE),
            (L_SHOULDER, L_ELBOW, L_WRIST, L_HIP, L_KNEE, L_ANKLE),
        )
        joints[list(places[side])] = (
            shoulder, shoulder + elbow, shoulder + elbow + wrist, hip, hip + knee, hip + knee + ankle,
        )  # fmt: skip
        toes[side] = hip + knee + ankle + toe
    return joints, toes


def _arm(
    rng: np.random.Generator,
    body: Proportions,
    chest: Floats,
    kind: tuple[tuple[float, ...], ...],
    sign: int,
    spread: float,
) -> tuple[Floats, Floats]:
    lift, turn, bend = (rng.normal(mean, sigma * spread) for mean, sigma in kind[:3])
    upper = _limb(min(max(lift, 3), 176), turn, sign)
    towards = np.array(kind[3]) * (sign, 1, 1) + rng.normal(0, 0.25, 3)
    fore = _bent(upper, towards, min(max(bend, 0), 145))
    return body.upper_arm * chest @ upper, body.forearm * chest @ fore


def _leg(
    rng: np.random.Generator, body: Proportions, kind: tuple[tuple[float, float], ...], sign: int, spread: float
) -> tuple[Floats, Floats, Floats]:
    lift, turn, bend = (rng.normal(mean, sigma * spread) for mean, sigma in kind)
    lift = min(max(lift, 1), 110)
    if lift > 35:
        # A hip lets a thigh far up to the front and the side, not to the back.
        turn = min(max(turn, 0), 150)
    thigh = _limb(lift, turn, sign)
    # A knee is a hinge: it bends the shin to the back and, the higher the thigh is raised, down.
    hinge = np.array((-0.1 * sign, np.sin(np.deg2rad(lift)), -np.cos(np.deg2rad(lift))))
    shin = _bent(thigh, hinge, min(max(bend, 0), 130))
    toe = _bent(shin, FRONT + np.array((0.35 * sign, 0.25, 0)), 80)
    return body.thigh * thigh, body.shin * shin, body.foot * toe


def _limb(lift: float, turn: float, sign: int) -> Floats:
    lift, turn = np.deg2rad(lift), np.deg2rad(turn)
    return np.array((sign * np.sin(lift) * np.cos(turn), np.cos(lift), np.sin(lift) * np.sin(turn)))


def _bent(along: Floats, towards: Floats, degrees: float) -> Floats:
    across = towards - along * (along @ towards)
    across /= max(float(np.linalg.norm(across)), 1e-6)
    angle = np.deg2rad(degrees)
    return np.asarray(np.cos(angle) * along + np.sin(angle) * across)


def _about_x(degrees: float) -> Floats:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array(((1, 0, 0), (0, c, -s), (0, s, c)))


def _about_y(degrees: float) -> Floats:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array(((c, 0, s), (0, 1, 0), (-s, 0, c)))


def _about_z(degrees: float) -> Floats:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array(((c, -s, 0), (s, c, 0), (0, 0, 1)))
