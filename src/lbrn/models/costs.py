"""What each variant costs: the ledgers of `lbrn.cost` for its residual block and its whole network."""

from typing import Any

from lbrn.cost import Ledger, ledger, report
from lbrn.models import variants
from lbrn.models.registry import block, build

INPUT_SIDE = 256
BLOCK_SIDE = 64
"""The map at which the paper counts a block's operations, in pixels."""


def block_ledger(variant: str, *, side: int = BLOCK_SIDE, **settings: Any) -> Ledger:
    """Count one residual block as the paper does: convolution weights only, learned binary ones as 1/32.

    Args:
        variant: Name of the variant.
        side: Height and width of the map in pixels.
        **settings: Settings of the variant; the paper's where not given.

    Raises:
        InputError: The variant or a setting is unknown, or a value is out of range.
    """
    width = variants.get(variant).settings(settings)["width"]
    return ledger(block(variant, **settings), (width, side, side), convolutions_only=True)


def network_ledger(variant: str, *, side: int = INPUT_SIDE, **settings: Any) -> Ledger:
    """Count a whole network with all its trainable parameters.

    Args:
        variant: Name of the variant.
        side: Height and width of the picture in pixels.
        **settings: Settings of the variant; the paper's where not given.

    Raises:
        InputError: The variant or a setting is unknown, or a value is out of range.
    """
    return ledger(build(variant, seed=0, **settings), (3, side, side))


def as_json(variant: str, **settings: Any) -> dict[str, Any]:
    """Return a variant's ledgers as plain data: `variant`, `block` and `network`.

    Args:
        variant: Name of the variant.
        **settings: Settings of the variant; the paper's where not given.
    """
    return {
        "variant": variant,
        "block": block_ledger(variant, **settings).as_dict(),
        "network": network_ledger(variant, **settings).as_dict(),
    }


def describe(variant: str, **settings: Any) -> str:
    """Return a variant's ledgers as text for people.

    Args:
        variant: Name of the variant.
        **settings: Settings of the variant; the paper's where not given.
    """
    entry = variants.get(variant)
    shown = ", ".join(f"{key} {value}" for key, value in entry.settings(settings).items() if value is not None)
    costs = {"block": block_ledger(variant, **settings), "network": network_ledger(variant, **settings)}
    notes = [
        "",
        f"block: convolution weights only, on a {BLOCK_SIDE}x{BLOCK_SIDE} map",
        f"network: every trainable parameter, on a {INPUT_SIDE}x{INPUT_SIDE} picture",
    ]
    if entry.binarised:
        notes.append("block: a learned binary weight counts as 1/32, as in the paper; its additions are of signs")
    return "\n".join([report(costs, f"{entry.label} ({shown})"), *notes])
