"""Tiny settings of every variant, whatever its task, and which variants belong to which task."""

from typing import Any

from lbrn.models.variants import VARIANTS

POSE = [name for name, variant in VARIANTS.items() if variant.task == "pose"]

TINY: dict[str, dict[str, Any]] = {
    "hourglass": {"stacks": 2, "width": 16, "depth": 2, "joints": 3},
    "pyramid": {"stacks": 2, "width": 16, "depth": 2, "joints": 3},
    "binary": {"stacks": 2, "width": 16, "depth": 2, "joints": 3},
    "cpd-vgg16": {"width": 8, "head": 4},
    "cpd-resnet50": {"width": 8, "head": 4},
}


def tiny(variant: str) -> dict[str, Any]:
    return TINY[VARIANTS[variant].family]
