"""What each variant costs: the ledgers of `lbrn.cost` for its residual block and its whole network."""

from typing import Any

from lbrn.cost import Ledger, ledger, report
from lbrn.models import variants
from lbrn.models.registry import block, block_channels, build


def block_ledger(variant: str, *, side: int | None = None, **settings: Any) -> Ledger:
    """Count one residual block as the paper does: convolution weights only, learned binary ones as 1/32.

    Args:
        variant: Name of the variant.
        side: Height and width of the map in pixels; the variant's `block_side` where not given.
        **settings: Settings of the variant; the paper's where not given.

    Raises:
        InputError: The variant or a setting is unknown, or a value is out of range.
    """
    height = side or variants.get(variant).block_side
    channels = block_channels(variant, **settings)
    return ledger(block(variant, **settings), (channels, height, height), convolutions_only=True)


def network_ledger(
    variant: str, *, side: int | None = None, convolutions_only: bool = False, **settings: Any
) -> Ledger:
    """Count a whole network with all its trainable parameters.

    Args:
        variant: Name of the variant.
        side: Height and width of the picture in pixels; the variant's `side` where not given.
        convolutions_only: Count the weights of convolutions and linear layers alone, without biases and normalisation.
        **settings: Settings of the variant; the paper's where not given.

    Raises:
        InputError: The variant or a setting is unknown, or a value is out of range.
    """
    height = side or variants.get(variant).side
    return ledger(build(variant, seed=0, **settings), (3, height, height), convolutions_only=convolutions_only)


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
        f"block: convolution weights only, on a {entry.block_side}x{entry.block_side} map",
        f"network: every trainable parameter, on a {entry.side}x{entry.side} picture",
    ]
    if entry.binarised:
        notes.append("block: a learned binary weight counts as 1/32, as in the paper; its additions are of signs")
    return "\n".join([report(costs, f"{entry.label} ({shown})"), *notes])


HEADINGS = (
    "block: trained", "fixed", "GFLOPs", "network: trained", "fixed", "MB", "2 bits", "as seed", "GFLOPs", "G honest",
)  # fmt: skip
"""What `numbers` are."""

EXPLAINED = (
    "block: weights of the convolutions, on a 64x64 map; network: every weight in millions, on a 256x256 picture; both "
    "on 32x32 for the networks of Table 9; for CPD one 3x3 unit of its heads, on 88x88, and 352x352",
    "GFLOPs: the paper's count, fixed filters free; G honest: two a multiply-add, one a ternary or binary addition",
    "MB: all weights as 32-bit floats; with fixed ones in 2 bits and binary ones in 1; with a seed for the fixed ones",
)


def numbers(variant: str, **settings: Any) -> list[str]:
    """Return the three ledgers of a variant in one line of text, field by field, see `HEADINGS`.

    Args:
        variant: Name of the variant.
        **settings: Settings of the variant; the paper's where not given.

    Raises:
        InputError: The variant or a setting is unknown, or a value is out of range.
    """
    inside, whole = block_ledger(variant, **settings), network_ledger(variant, **settings)
    return [
        f"{inside.trainable:,}",
        f"{inside.fixed:,}",
        f"{inside.flops_paper / 1e9:.3f}",
        f"{whole.trainable / 1e6:.3f}",
        f"{whole.fixed / 1e6:.3f}",
        *(f"{size / 1e6:.1f}" for size in (whole.bytes_float, whole.bytes_2bit, whole.bytes_seed)),
        f"{whole.flops_paper / 1e9:.2f}",
        f"{whole.operations / 1e9:.2f}",
    ]
