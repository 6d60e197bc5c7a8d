"""`lbrn variants`: every network of the paper at full size, the tables that it is in, and what it costs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lbrn.models.variants import VARIANTS, Variant
from lbrn.reproduction.cells import KNOBS
from lbrn.reproduction.experiments import Table

EXPLAINED = (
    "Sparsity and activation turn no network into another one here: they change its additions at most (shown: 0.5).",
    "`lbrn cost NAME --set SETTING=VALUE` has each number, at any setting.",
)


@dataclass(frozen=True)
class Network:
    """One network of the paper.

    Attributes:
        variant: What it is built from.
        settings: Full-size settings other than the variant's own.
        tables: Labels by number of the tables that have it.
    """

    variant: Variant
    settings: dict[str, Any]
    tables: dict[int, list[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The variant with its settings, as `lbrn cost` takes them."""
        return " ".join([self.variant.name, *(f"{key}={value}" for key, value in self.settings.items())])


def networks(tables: dict[int, Table]) -> list[Network]:
    """Every variant, and every other size of one that a table has; what knobs turn does not make another network.

    Args:
        tables: Tables by their number; none lists the variants alone.

    Returns:
        The networks, those of one variant together.
    """
    found = {(name, ()): Network(variant, {}) for name, variant in VARIANTS.items()}
    for number, table in tables.items():
        for label, column in table.columns.items():
            sizes = {key: value for key, value in column.settings.items() if key not in KNOBS}
            place = (column.variant, tuple(sizes.items()))
            network = found.setdefault(place, Network(column.resolve(), sizes))  # type: ignore[arg-type]
            network.tables.setdefault(number, []).append(label)
    order = list(VARIANTS)
    return sorted(found.values(), key=lambda network: order.index(network.variant.name))


def as_json(listed: Iterable[Network]) -> list[dict[str, Any]]:
    """The networks with their ledgers as plain data; loads torch.

    Args:
        listed: The networks.
    """
    from lbrn.models import costs

    return [
        {
            "label": network.variant.label,
            "settings": network.variant.settings(network.settings),
            "tables": {str(number): labels for number, labels in network.tables.items()},
            **costs.as_json(network.variant.name, **network.settings),
        }
        for network in listed
    ]


def describe(listed: Iterable[Network]) -> str:
    """The networks with their costs as text for people; loads torch.

    Args:
        listed: The networks.
    """
    from lbrn.models import costs

    lines: list[Sequence[str]] = [("network", *costs.HEADINGS, "tables")]
    for network in listed:
        numbers = costs.numbers(network.variant.name, **network.settings)
        lines.append((network.name, *numbers, ", ".join(map(str, network.tables)) or "-"))
    return "\n".join([*_aligned(lines), "", *costs.EXPLAINED, *EXPLAINED])


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    last = len(widths) - 1
    return [
        "  ".join(
            text.ljust(width) if place in (0, last) else text.rjust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
