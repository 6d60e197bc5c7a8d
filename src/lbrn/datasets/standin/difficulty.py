"""The knobs that make the pose stand-in harder or easier, in one place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Difficulty:
    """How hard the drawn people are to find.

    The values are fixed from the plain stacked hourglass (SHN) alone, before any other network is trained on the
    stand-in, so that they cannot favour a binarised network or its rival: with these, SHN at scale quick reaches a PCKh
    of 75 to 80. A changed value is a new data set: raise `GENERATOR_VERSION` with it.

    Attributes:
        occluders: Fraction of the images with an object in front of the person, 0..1.
        truncations: Fraction of the MPII-style images in which the image edge cuts the person, 0..1.
        distractors: Fraction of the MPII-style images with a second person that carries no joints, 0..1.
        backs: Fraction of the people seen from behind, 0..1.
        clutter: Mean number of limb- and box-shaped objects in the background.
        noise: Largest standard deviation of the sensor noise in grey levels; each image draws from 0 to this.
        blur: Largest radius of the blur in pixels; each image draws from 0 to this.
        pose_spread: Factor on the spread of every joint angle; 1 is lively everyday poses, LSPET uses 1.3 times it.
        yaw_spread: Standard deviation in degrees of the turn away from a pure front or back view.
        roll_spread: Standard deviation in degrees of the rotation of the whole body in the image plane.
        camouflage: Fraction of the people whose shirt or trousers take their colour from the background, 0..1.
    """

    occluders: float = 0.2
    truncations: float = 0.04
    distractors: float = 0.02
    backs: float = 0.3
    clutter: float = 0.3
    noise: float = 2.0
    blur: float = 0.1
    pose_spread: float = 0.5
    yaw_spread: float = 8.0
    roll_spread: float = 3.0
    camouflage: float = 0.0
