"""The scales of workflow/scales.yaml: how each task is trained at quick, small and paper scale."""

from pathlib import Path

from lbrn.errors import InputError
from lbrn.reproduction.classification_preset import ClassificationPreset
from lbrn.reproduction.pose_preset import PosePreset
from lbrn.reproduction.preset import FILE, Preset
from lbrn.reproduction.saliency_preset import SaliencyPreset
from lbrn.reproduction.settings import Settings, check, read_yaml, rule

PRESETS: dict[str, type[Preset]] = {
    "pose": PosePreset,
    "classification": ClassificationPreset,
    "saliency": SaliencyPreset,
}
"""The kind of preset of each task."""


class Scale(Settings):
    """One scale, task by task."""

    pose: PosePreset = rule("a mapping", "pose: {...}")
    classification: ClassificationPreset = rule("a mapping", "classification: {...}")
    saliency: SaliencyPreset = rule("a mapping", "saliency: {...}")


class Scales(Settings):
    """All scales."""

    quick: Scale = rule("a mapping", "quick: {pose: {...}}")
    small: Scale = rule("a mapping", "small: {pose: {...}}")
    paper: Scale = rule("a mapping", "paper: {pose: {...}}")

    def preset(self, scale: str, task: str) -> Preset:
        """What a scale means for a task."""
        preset: Preset = getattr(getattr(self, scale), task)
        return preset


def load(root: Path) -> Scales:
    """Read and check workflow/scales.yaml of a project.

    Args:
        root: The folder with workflow/.

    Raises:
        InputError: The file cannot be read, or something in it is wrong.
    """
    return check(Scales, read_yaml(root / FILE), FILE)


def preset_of(task: str) -> type[Preset]:
    """The kind of preset of a task.

    Args:
        task: Such as `pose`.

    Raises:
        InputError: There is no such task.
    """
    if task not in PRESETS:
        raise InputError(f"task {task!r} is not known; this version knows: {', '.join(PRESETS)}")
    return PRESETS[task]
