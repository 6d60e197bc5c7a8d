"""Poses and the heatmap of each joint of several networks on the same picture (Fig. 5 of the paper).

The picture is chosen by rule: among the test people with every joint of the metric labelled, the one whose error (the
mean over the networks shown, `people.errors`) is the median.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lbrn import modelfile
from lbrn.metrics.definitions import JOINTS, METRICS, PRIMARY, WITHOUT_TRUNK
from lbrn.reproduction.figures import people, style
from lbrn.reproduction.figures.material import Material
from lbrn.reproduction.results import Result
from lbrn.tasks.pose_maps import PoseMaps

SIZE = 256
"""Side of the drawn crop in pixels."""

COLUMNS = 8


@dataclass(frozen=True)
class Answer:
    """What one network says of the person.

    Attributes:
        label: Its column in the table.
        joints: (16, 2) its stored prediction in pixels of the drawn crop.
        maps: (16, S, S) heatmaps.
        correct: How many joints are correct under the primary metric.
    """

    label: str
    joints: NDArray[np.float64]
    maps: NDArray[np.float32]
    correct: int


@dataclass(frozen=True)
class Person:
    """The person shown, and what each network says.

    Attributes:
        image: File name of the picture.
        person: Number of the person in it.
        index: Row in the test split.
        truth: (16, 2) annotated joints in pixels of the drawn crop.
        counted: How many joints count under the primary metric.
        ground: The crop.
        answers: One a network.
    """

    image: str
    person: int
    index: int
    truth: NDArray[np.float64]
    counted: int
    ground: NDArray[np.uint8]
    answers: tuple[Answer, ...]


def collect(material: Material) -> Person:
    """Choose the person and run the networks of the first seed on it.

    Args:
        material: The figure's entry and runs.

    Raises:
        InputError: A run has no predictions, or nobody has all joints labelled.
    """
    found = {label: results[0] for (_, label), results in material.results.items()}
    tasks = {label: _task(material, result) for label, result in found.items()}
    first = next(iter(tasks.values()))
    everybody, dataset = first.test.people, first.spec["dataset"]
    guesses = {label: people.predicted(material.folder(result)) for label, result in found.items()}
    relative = {label: people.distances(joints, everybody, dataset) for label, joints in guesses.items()}
    whole: NDArray[np.bool_] = np.logical_not(np.isnan(next(iter(relative.values()))).any(axis=1))
    (index,) = people.spaced(people.ranked(people.errors(list(relative.values())), whole), 1)
    metric = METRICS[PRIMARY[dataset]]
    answers = []
    for label, task in tasks.items():
        network, _ = modelfile.load(material.folder(found[label]) / "model.safetensors")
        network.eval()
        here = relative[label][index]
        correct = here < metric.threshold if metric.strict else here <= metric.threshold
        joints = task.in_crop(guesses[label][index], index, SIZE)
        answers.append(Answer(label, joints, task.maps(network, index), int(correct.sum())))
    return Person(
        image=str(everybody.image[index]),
        person=int(everybody.person[index]),
        index=index,
        truth=first.in_crop(everybody.joints[index], index, SIZE),
        counted=len(WITHOUT_TRUNK),
        ground=first.picture_of(index, SIZE),
        answers=tuple(answers),
    )


def rows(content: Person) -> list[dict[str, Any]]:
    """Every joint of every network: where it is in the drawn crop, and the height of its heatmap."""
    return [
        {"network": answer.label, "image": content.image, "person": content.person, "joint": name,
         "x": float(answer.joints[joint, 0]), "y": float(answer.joints[joint, 1]),
         "annotated_x": float(content.truth[joint, 0]), "annotated_y": float(content.truth[joint, 1]),
         "peak": float(answer.maps[joint].max())}
        for answer in content.answers for joint, name in enumerate(JOINTS)
    ]  # fmt: skip


def draw(content: Person, *, photographs: bool = False) -> Any:
    """One band a network: the pose at the left, 16 heatmaps at the right, all of the same scale."""
    bands = len(content.answers)
    figure = style.figure(style.PAGE, 1.42 * bands + 0.45)
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.025, wspace=0, hspace=0)
    grid = figure.add_gridspec(2 * bands + 1, COLUMNS + 2, height_ratios=[1] * 2 * bands + [0.1])
    highest = max(float(answer.maps.max()) for answer in content.answers)
    for band, answer in enumerate(content.answers):
        axis = figure.add_subplot(grid[2 * band : 2 * band + 2, :2])
        people.pose(axis, answer.joints, content.truth, content.ground if photographs else None, SIZE)
        axis.set_ylabel(f"{answer.label}\n{answer.correct} of {content.counted} correct")
        for joint, name in enumerate(JOINTS):
            panel = figure.add_subplot(grid[2 * band + joint // COLUMNS, 2 + joint % COLUMNS])
            shown = panel.imshow(answer.maps[joint], cmap=style.HEAT, vmin=0, vmax=highest, interpolation="nearest")
            panel.set_title(name.replace("_", " "), fontsize=style.SMALL, pad=1.5)
            panel.set(xticks=[], yticks=[])
            panel.spines[:].set_visible(False)
    bar = figure.colorbar(shown, cax=figure.add_subplot(grid[-1, 4:8]), orientation="horizontal")
    bar.set_label("height of the heatmaps", fontsize=style.SMALL)
    return figure


def _task(material: Material, result: Result) -> PoseMaps:
    spec = result.spec
    folders = {name: material.book.project.prepared(f"{name}-{h8}") for name, h8 in spec["data"].items()}
    return PoseMaps(spec, folders)
