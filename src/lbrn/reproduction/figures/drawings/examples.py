"""Poses of several networks with failure cases chosen by rule (Fig. 6 of the paper).

People of the test split are ranked by how wrong the networks shown are about them (`people.errors`). The failure cases
are evenly spaced in the worst tenth, the other examples in the other nine tenths, the ends of both among them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lbrn.metrics.definitions import JOINTS
from lbrn.reproduction.figures import people, style
from lbrn.reproduction.figures.material import Material
from lbrn.tasks.pose_maps import PoseMaps

SIZE = 160
EACH = 4
"""How many examples, and how many failures."""

GROUPS = {False: "from the better nine tenths", True: "failures: from the worst tenth"}


@dataclass(frozen=True)
class Example:
    """One person.

    Attributes:
        image: File name of the picture.
        person: Number of the person in it.
        rank: Place in the ranking, the best is 1.
        error: As `people.errors` says.
        failure: Whether it is of the worst tenth.
        truth: (16, 2) annotated joints in pixels of the drawn crop.
        poses: Network to its (16, 2) predicted joints in pixels of the drawn crop.
        ground: The crop.
    """

    image: str
    person: int
    rank: int
    error: float
    failure: bool
    truth: NDArray[np.float64]
    poses: dict[str, NDArray[np.float64]]
    ground: NDArray[np.uint8]


def collect(material: Material) -> list[Example]:
    """Rank the people by the predictions of the first seed and take the examples.

    Args:
        material: The figure's entry and runs.

    Raises:
        InputError: A run has no predictions.
    """
    found = {label: results[0] for (_, label), results in material.results.items()}
    spec = next(iter(found.values())).spec
    folders = {name: material.book.project.prepared(f"{name}-{h8}") for name, h8 in spec["data"].items()}
    task = PoseMaps(spec, folders)
    everybody = task.test.people
    guesses = {label: people.predicted(material.folder(result)) for label, result in found.items()}
    error = people.errors([people.distances(joints, everybody, spec["dataset"]) for joints in guesses.values()])
    order = people.ranked(error)
    ranks = {int(row): place for place, row in enumerate(order, start=1)}
    examples = []
    for failure, group in zip((False, True), people.worst_decile(order), strict=True):
        for index in people.spaced(group, EACH):
            examples.append(
                Example(
                    image=str(everybody.image[index]),
                    person=int(everybody.person[index]),
                    rank=ranks[index],
                    error=float(error[index]),
                    failure=failure,
                    truth=task.in_crop(everybody.joints[index], index, SIZE),
                    poses={label: task.in_crop(joints[index], index, SIZE) for label, joints in guesses.items()},
                    ground=task.picture_of(index, SIZE),
                )
            )
    return examples


def rows(content: list[Example]) -> list[dict[str, Any]]:
    """Every joint of every person and network, in pixels of the drawn crop."""
    return [
        {"image": example.image, "person": example.person, "rank": example.rank, "error": example.error,
         "failure": example.failure, "network": label, "joint": name, "x": float(joints[joint, 0]),
         "y": float(joints[joint, 1])}
        for example in content for label, joints in example.poses.items() for joint, name in enumerate(JOINTS)
    ]  # fmt: skip


def draw(content: list[Example], *, photographs: bool = False) -> Any:
    """One row a network; the examples at the left, the failures at the right, with the error above each."""
    labels = list(content[0].poses)
    figure = style.figure(style.PAGE, 0.86 * len(labels) + 0.5)
    groups = [failure for failure in GROUPS if any(example.failure == failure for example in content)]
    widths = [sum(example.failure == failure for example in content) for failure in groups]
    parts = figure.subfigures(1, len(groups), squeeze=False, width_ratios=widths, wspace=0.03)[0]
    for part, failure in zip(parts, groups, strict=True):
        chosen = [example for example in content if example.failure == failure]
        part.suptitle(GROUPS[failure], fontsize=style.TEXT)
        axes = part.subplots(len(labels), len(chosen), squeeze=False)
        for row, label in enumerate(labels):
            for axis, example in zip(axes[row], chosen, strict=True):
                ground = example.ground if photographs else None
                people.pose(axis, example.poses[label], example.truth, ground, SIZE)
            if failure == groups[0]:
                axes[row, 0].set_ylabel(label)
        for axis, example in zip(axes[0], chosen, strict=True):
            axis.set_title(f"error {example.error:.2f}", fontsize=style.SMALL, pad=2)
    return figure
