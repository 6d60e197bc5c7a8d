"""Holds what the generator draws: who moves a pixel or a label raises GENERATOR_VERSION and records the new values."""

import numpy as np

from lbrn.datasets import standin
from lbrn.datasets.standin.difficulty import Difficulty
from lbrn.datasets.standin.scene import draw_scene, generator
from lbrn.datasets.standin.textures import palette
from lbrn.files import digest

HINT = "the stand-in draws something else: raise GENERATOR_VERSION, then record the new values here"
LABELS = {1: "f4cb94453d3bf4366c2da2615252522f6904c1b66ace2ac1464aed148845273c"}
# Mean colours of the first picture's 3 x 3 grid; compared with some room for other versions of PIL.
COLOURS = {
    1: (
        (129, 87, 123),
        (117, 81, 115),
        (110, 85, 103),
        (124, 97, 121),
        (120, 75, 121),
        (121, 79, 119),
        (112, 88, 108),
        (104, 81, 101),
        (114, 89, 112),
        (113, 88, 111),
        (116, 90, 113),
        (104, 81, 101),
        (133, 104, 130),
        (117, 91, 114),
        (124, 97, 122),
        (101, 80, 99),
    )
}


def test_labels_and_pictures_are_those_of_the_version():
    scenes = [draw_scene(generator(0, name, i), name, Difficulty()) for name in standin.NAMES for i in range(4)]
    labels = [[np.round(scene.joints, 1).tolist(), scene.visible.tolist(), scene.image.size] for scene in scenes]
    assert digest(labels) == LABELS[standin.GENERATOR_VERSION], HINT
    colours = np.array(palette(scenes[0].image))
    assert np.abs(colours - COLOURS[standin.GENERATOR_VERSION]).max() <= 2, HINT
