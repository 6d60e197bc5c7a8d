"""The variants of the paper as plain data: names, families, full-size settings. Loads no torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lbrn.errors import InputError
from lbrn.models.paths import BOTTLENECK, NO_3X3, ONE_1X1, Part

ACTIVATIONS = ("relu", "sigmoid")
STEM_MULTIPLE = 16
"""The first block of a stem has half of its channels, and the pyramid in it an eighth of these."""


@dataclass(frozen=True)
class Variant:
    """One network of the paper.

    Attributes:
        name: Name in commands and run paths, such as `lbrn-s`.
        label: Name in the paper's tables, such as `LBRN-S`.
        family: `hourglass` (section 4.1 of the paper), `pyramid` (PyraNet), `binary` (Bulat and Tzimiropoulos),
            `resnet` (section 4.3), `lbcnn`, `cpd-vgg16` or `cpd-resnet50` (section 4.4).
        defaults: Every setting that the variant accepts, with its value at the paper's full size.
        fixed: Which convolutions inside its blocks are fixed ternary filters.
        parts: The convolutions of its plain blocks in their order, unless the setting `path` chooses among readings.
        binarised: Whether its block convolutions have learned binary weights, which the paper counts as 1/32 each.
        task: What it is for.
        side: Of the pictures at the paper's size, in pixels.
        block_side: Of the map at which a block's operations are counted.
    """

    name: str
    label: str
    family: str
    defaults: Mapping[str, Any]
    fixed: Literal["none", "3x3", "1x1", "half of 3x3"] = "none"
    parts: tuple[Part, ...] = BOTTLENECK
    binarised: bool = False
    task: str = "pose"
    side: int = 256
    block_side: int = 64

    @property
    def has_fixed_filters(self) -> bool:
        """Whether it has a sparsity and a filter seed."""
        return self.fixed != "none"

    def path(self, settings: Mapping[str, Any]) -> tuple[Part, ...]:
        """Return the convolutions of its plain blocks.

        Args:
            settings: Complete settings.
        """
        return ONE_1X1[settings["path"]] if "path" in settings else self.parts

    def settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the complete, checked settings: the defaults and what was given in their place.

        Args:
            given: Settings by name.

        Raises:
            InputError: The variant does not accept a setting or its value is out of range.
        """
        for key in given:
            if key not in self.defaults:
                raise InputError(f"{self.name} has no setting {key!r}; it accepts {', '.join(self.defaults)}")
        complete = {**self.defaults, **given}
        for key, value in complete.items():
            if value is not None or self.defaults[key] is not None:
                _check(key, value)
        if complete.get("stem_width", 0) is None and complete["width"] % STEM_MULTIPLE:
            raise InputError(
                f"width {complete['width']} is not possible for a stem as wide as the rest: it must be a multiple of "
                f"{STEM_MULTIPLE}, or stem_width given"
            )
        return complete


_SIZE: dict[str, Any] = {"stacks": 8, "width": 256, "depth": 4, "joints": 16, "stem_width": None}
_HOURGLASS: dict[str, Any] = {**_SIZE, "up": "block", "back": "block", "activation": "relu"}
_LOCAL_BINARY: dict[str, Any] = {**_HOURGLASS, "sparsity": 0.5}
_PYRAMID: dict[str, Any] = {**_SIZE, "stacks": 2, "cardinality_width": 8, "activation": "relu"}

_RESNET: dict[str, Any] = {
    "classes": 10, "width": 16, "blocks": 6, "expansion": 3, "shortcut": "padded", "stride_on": "3x3",
    "activation": "relu",
}  # fmt: skip
_LBCNN: dict[str, Any] = {
    "classes": 10, "width": 384, "filters": 704, "blocks": 50, "hidden": 512, "activation": "relu", "sparsity": 0.5,
}  # fmt: skip
_SMALL: dict[str, Any] = {"task": "classification", "side": 32, "block_side": 32}

_CPD: dict[str, Any] = {"width": 64, "head": 32}
_CPD_LB: dict[str, Any] = {**_CPD, "scope": "heads", "unit": "lbb", "activation": "relu", "sparsity": 0.5}
_SALIENCY: dict[str, Any] = {"task": "saliency", "side": 352, "block_side": 88}

VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant("shn", "SHN", "hourglass", _HOURGLASS),
        Variant("lbrn-s", "LBRN-S", "hourglass", _LOCAL_BINARY, "3x3"),
        Variant("prm", "PRM", "pyramid", _PYRAMID),
        Variant("lbrn-p", "LBRN-P", "pyramid", {**_PYRAMID, "sparsity": 0.5}, "3x3"),
        Variant("binary", "Binary", "binary", _SIZE, binarised=True),
        Variant("hg-binary", "HG-Binary", "binary", _SIZE, binarised=True),
        # The ablations of Tables 3 and 4. The paper calls the first two of them LBRN-1.
        Variant("lbrn-s-one-1x1", "LBRN-S, one 1x1", "hourglass", {**_LOCAL_BINARY, "path": "3x3-1x1"}, "3x3"),
        Variant("lbrn-s-no-3x3", "LBRN-S, no 3x3", "hourglass", _HOURGLASS, parts=NO_3X3),
        Variant("lbrn-s-fixed-1x1", "LBRN-S, 1x1 fixed, 3x3 learned", "hourglass", _LOCAL_BINARY, "1x1"),
        Variant("lbrn-s-half-fixed", "LBRN-S, half of the 3x3 fixed", "hourglass", _LOCAL_BINARY, "half of 3x3"),
        # Table 9, and the ancestor of its local-binary block, with LBCNN's sizes for CIFAR-10 and the paper's sparsity.
        Variant("resnet56", "ResNet-56", "resnet", _RESNET, **_SMALL),
        Variant("resnet-lbb56", "ResNet-LBB-56", "resnet", {**_RESNET, "sparsity": 0.5}, "3x3", **_SMALL),
        Variant("lbcnn", "LBCNN", "lbcnn", _LBCNN, "3x3", **_SMALL),
        # Table 10.
        Variant("cpd-vgg16", "CPD, VGG16", "cpd-vgg16", _CPD, **_SALIENCY),
        Variant("cpd-lb-vgg16", "CPD-LB, VGG16", "cpd-vgg16", _CPD_LB, "3x3", **_SALIENCY),
        Variant("cpd-resnet50", "CPD, ResNet-50", "cpd-resnet50", _CPD, **_SALIENCY),
        Variant("cpd-lb-resnet50", "CPD-LB, ResNet-50", "cpd-resnet50", _CPD_LB, "3x3", **_SALIENCY),
    )
}


def get(name: str) -> Variant:
    """Return a variant by name.

    Args:
        name: A key of `VARIANTS`, such as `lbrn-s`.

    Raises:
        InputError: There is no such variant.
    """
    if name not in VARIANTS:
        raise InputError(f"variant {name!r} is unknown; there are {', '.join(VARIANTS)}")
    return VARIANTS[name]


def _whole(minimum: int, multiple: int = 1) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value >= minimum and value % multiple == 0

    return fits


def _share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _place(value: Any) -> bool:
    return value in ("block", "identity")


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "stacks": (_whole(1), "a whole number of 1 or more"),
    "width": (_whole(8, 8), "a multiple of 8"),
    "stem_width": (
        _whole(STEM_MULTIPLE, STEM_MULTIPLE),
        f"a multiple of {STEM_MULTIPLE}, or none for the same as the width",
    ),
    "up": (_place, "block or identity"),
    "back": (_place, "block or identity"),
    "path": (lambda value: value in ONE_1X1, f"one of {', '.join(ONE_1X1)}"),
    "depth": (_whole(1), "a whole number of 1 or more"),
    "joints": (_whole(1), "a whole number of 1 or more"),
    "cardinality_width": (_whole(1), "a whole number of 1 or more"),
    "head": (_whole(2, 2), "an even whole number of 2 or more"),
    "scope": (lambda value: value in ("heads", "everything"), "heads or everything"),
    "unit": (lambda value: value in ("lbb", "lbcnn"), "lbb or lbcnn"),
    "classes": (_whole(2), "a whole number of 2 or more"),
    "blocks": (_whole(1), "a whole number of 1 or more"),
    "expansion": (_whole(1), "a whole number of 1 or more"),
    "shortcut": (lambda value: value in ("padded", "projection"), "padded or projection"),
    "stride_on": (lambda value: value in ("3x3", "1x1"), "3x3 or 1x1"),
    "filters": (_whole(1), "a whole number of 1 or more"),
    "hidden": (_whole(1), "a whole number of 1 or more"),
    "activation": (lambda value: value in ACTIVATIONS, f"one of {', '.join(ACTIVATIONS)}"),
    "sparsity": (_share, "the share of non-zero weights, from 0 to 1"),
}


def _check(key: str, value: Any) -> None:
    fits, rule = _RULES[key]
    if not fits(value):
        raise InputError(f"{key} {value!r} is not possible: it must be {rule}")
