"""Tiny settings of every variant, whatever its task, and which variants belong to which task."""

from typing import Any

from lbrn.models.variants import VARIANTS

POSE = [name for name, variant in VARIANTS.items() if variant.task == "pose"]
CLASSIFICATION = [name for name, variant in VARIANTS.items() if variant.task == "classification"]

TINY: dict[str, dict[str, Any]] = {
    "hourglass": {"stacks": 2, "width": 16, "depth": 2, "joints": 3},
    "pyramid": {"stacks": 2, "width": 16, "depth": 2, "joints": 3},
    "binary": {"stacks": 2, "width": 16, "depth": 2, "joints": 3},
    "resnet": {"classes": 3, "width": 8, "blocks": 2},
    "lbcnn": {"classes": 3, "width": 8, "filters": 12, "blocks": 2, "hidden": 8},
    "cpd-vgg16": {"width": 8, "head": 4},
    "cpd-resnet50": {"width": 8, "head": 4},
}


def tiny(variant: str, pose: dict[str, Any] | None = None) -> dict[str, Any]:
    """Tiny settings of a variant; those given for the pose networks, where they are."""
    return pose if pose is not None and variant in POSE else TINY[VARIANTS[variant].family]
