"""The variants of the paper as plain data: names, families, full-size settings. Loads no torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lbrn.errors import InputError

ACTIVATIONS = ("relu", "sigmoid")


@dataclass(frozen=True)
class Variant:
    """One network of the paper.

    Attributes:
        name: Name in commands and run paths, such as `lbrn-s`.
        label: Name in the paper's tables, such as `LBRN-S`.
        family: `hourglass` (section 4.1 of the paper), `pyramid` (PyraNet) or `binary` (Bulat and Tzimiropoulos).
        defaults: Every setting that the variant accepts, with its value at the paper's full size.
        has_fixed_filters: Whether its 3x3 convolutions are fixed ternary filters.
        binarised: Whether its block convolutions have learned binary weights, which the paper counts as 1/32 each.
    """

    name: str
    label: str
    family: str
    defaults: Mapping[str, Any]
    has_fixed_filters: bool = False
    binarised: bool = False

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
        return complete


_SIZE: dict[str, Any] = {"stacks": 8, "width": 256, "depth": 4, "joints": 16, "stem_width": None}
_PYRAMID: dict[str, Any] = {**_SIZE, "stacks": 2, "cardinality_width": 8, "activation": "relu"}

VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant("shn", "SHN", "hourglass", {**_SIZE, "activation": "relu"}),
        Variant("lbrn-s", "LBRN-S", "hourglass", {**_SIZE, "activation": "relu", "sparsity": 0.5}, True),
        Variant("prm", "PRM", "pyramid", _PYRAMID),
        Variant("lbrn-p", "LBRN-P", "pyramid", {**_PYRAMID, "sparsity": 0.5}, True),
        Variant("binary", "Binary", "binary", _SIZE, binarised=True),
        Variant("hg-binary", "HG-Binary", "binary", _SIZE, binarised=True),
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


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "stacks": (_whole(1), "a whole number of 1 or more"),
    "width": (_whole(16, 16), "a multiple of 16"),
    "stem_width": (_whole(16, 16), "a multiple of 16, or none for the same as the width"),
    "depth": (_whole(1), "a whole number of 1 or more"),
    "joints": (_whole(1), "a whole number of 1 or more"),
    "cardinality_width": (_whole(1), "a whole number of 1 or more"),
    "activation": (lambda value: value in ACTIVATIONS, f"one of {', '.join(ACTIVATIONS)}"),
    "sparsity": (_share, "the share of non-zero weights, from 0 to 1"),
}


def _check(key: str, value: Any) -> None:
    fits, rule = _RULES[key]
    if not fits(value):
        raise InputError(f"{key} {value!r} is not possible: it must be {rule}")
