"""Exact claims, decided by counting on networks as they are built; torch is loaded only when something is counted."""

import csv
from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from lbrn.errors import InputError
from lbrn.models.variants import VARIANTS
from lbrn.reproduction import published
from lbrn.reproduction.cells import FLOPS, PARAMETERS
from lbrn.reproduction.claims.evidence import tables
from lbrn.reproduction.claims.finding import Finding, Outcome
from lbrn.reproduction.claims.plan import FILE, Budget, Count, Network, Printed

MILLION, MILLIARD = 1e6, 1e9
NAMES = {"trainable": "trained weights", "flops_paper": "FLOPs (the paper's count)", "macs": "multiply-accumulates"}
SCALES = {"trainable": MILLION, "flops_paper": MILLIARD, "macs": MILLIARD}
ROW_SCALES = {PARAMETERS: MILLION, FLOPS: MILLIARD}
CELL_ROUNDING = 1e-6
"""Relative: costs in tables are not rounded."""


def count(test: Count, root: Path) -> Finding:
    """Decide an exact claim: count it, and hold it against the printed number.

    Args:
        test: What is counted, and what the paper prints.
        root: The project's root.

    Returns:
        `refuted by arithmetic` where the printed number is not what is counted.

    Raises:
        InputError: A network cannot be built, or the printed number is not there.
    """
    networks = [network for network in (test.first, test.second) if network is not None]
    absent = [network.variant for network in networks if network.variant not in VARIANTS]
    what = (
        f"exact count: {_figure(test, [_name(network) for network in networks])} is {_printed(test, root)} as printed"
    )
    if test.tolerance is not None:
        what += f", up to {test.tolerance:g}"
    if absent:
        return Finding(Outcome.NOT_RUN, what, reason=f"there is no network {absent[0]} to count yet")
    counted = [_counted(network, test.scope, test.of) for network in networks]
    value = _value(test, counted)
    printed = _printed(test, root)
    digits = _decimals(printed)
    ours = f"{value:.{digits + 2}f}{_unit(test)}"
    where = tuple(f"lbrn cost {_command(network)}" for network in networks)
    wrong = _shown_otherwise(test, counted, root)
    if wrong:
        return Finding(Outcome.UNDECIDED, what, ours, where=where, reason=wrong)
    agrees = _agrees(value, printed, test.tolerance)
    reason = "" if agrees else f"exactly {value:.{digits}f}{_unit(test)}, not {printed}"
    if test.from_rounded is not None:
        rough = _value(test, [float(number) for number in test.from_rounded])
        reason += (
            f"{'; ' if reason else f'exactly {value:.4g}: '}the paper's rounded {' and '.join(test.from_rounded)} "
        )
        reason += f"give {rough:.{digits}f}{_unit(test)}"
    return Finding(Outcome.HOLDS if agrees else Outcome.REFUTED, what, ours, where=where, reason=reason)


def budget(test: Budget, root: Path) -> Finding:
    """Whether printed savings of weights and of operations belong to the same 3x3 convolutions.

    Args:
        test: The convolutions, and where the numbers with and without them are printed.
        root: The project's root.

    Raises:
        InputError: The numbers are not there.
    """
    from torch import nn

    from lbrn.cost import ledger

    weights, macs = 0.0, 0.0
    for layer in test.layers:
        convolution = nn.Conv2d(layer.channels, layer.channels, 3, padding=1, bias=False)
        one = ledger(convolution, (layer.channels, layer.side, layer.side))
        weights += layer.count * one.trainable / MILLION
        macs += layer.count * one.macs / MILLIARD
    name = f"paper/published/table{test.table}.csv"
    saved = {column: _savings(root / name, test.networks, column) for column in (test.weights, test.operations)}
    fits = {
        test.weights: any(_is_difference(weights, one) for one in saved[test.weights]),
        test.operations: any(
            _is_difference(value, one) for one in saved[test.operations] for value in (macs, 2 * macs)
        ),
    }
    widths = "/".join(str(layer.channels) for layer in test.layers)
    ours = f"{weights:.3f} M weights, {macs:.4f} G multiply-accumulates, {2 * macs:.4f} G FLOPs of two each"
    told = [
        f"{column}: {' or '.join(f'{a} - {b} = {Decimal(a) - Decimal(b)}' for a, b in saved[column])} "
        f"{'fits' if fits[column] else 'fits none'}"
        for column in saved
    ]
    return Finding(
        Outcome.HOLDS if all(fits.values()) else Outcome.REFUTED,
        f"arithmetic: the printed savings of weights and operations are those of the 3x3 filters of {widths} channels",
        ours, where=(name,), reason=f"the 3x3 filters have {ours}; {'; '.join(told)}",
    )  # fmt: skip


def _savings(path: Path, networks: tuple[str, str], column: str) -> list[tuple[str, str]]:
    """The printed numbers of two networks, each different pair once."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    printed = [[row.get(column) or "" for row in rows if row.get("network") == network] for network in networks]
    pairs = list(dict.fromkeys(zip(*printed, strict=True)))
    if not pairs or not all(a and b for a, b in pairs):
        raise InputError(f"{FILE}: {path.name} prints no {column} of {' and '.join(networks)}; restore both from git")
    return [(a, b) for a, b in pairs]


def _is_difference(value: float, printed: tuple[str, str]) -> bool:
    """Whether a value can be the difference of two numbers that are printed rounded."""
    slack = sum(10.0 ** -_decimals(number) for number in printed) / 2
    return abs(value - (float(printed[0]) - float(printed[1]))) <= slack


def _counted(network: Network, scope: str, of: str) -> float:
    from lbrn.models import costs

    if network.kernel != 3:
        return _with_kernel(network, scope, of)
    count_of = costs.block_ledger if scope == "block" else costs.network_ledger
    return float(count_of(network.variant, **network.settings).as_dict()[of])


def _with_kernel(network: Network, scope: str, of: str) -> float:
    """The block with all its 3x3 filters enlarged; nothing is added or taken away else."""
    from torch import nn

    from lbrn.cost import ledger
    from lbrn.layers import LocalBinaryConv2d
    from lbrn.models.registry import block
    from lbrn.models.variants import get

    if scope != "block":
        raise InputError(f"{FILE}: kernel {network.kernel} is counted in blocks only; write scope: block")
    module = block(network.variant, **network.settings)
    for name, part in list(module.named_modules()):
        if isinstance(part, nn.Conv2d | LocalBinaryConv2d) and part.kernel_size == (3, 3):
            sizes = (part.in_channels, part.out_channels, network.kernel)
            larger: nn.Module = (
                LocalBinaryConv2d(*sizes, padding=network.kernel // 2, sparsity=0.5, seed=0, name=name)
                if isinstance(part, LocalBinaryConv2d)
                else nn.Conv2d(*sizes, padding=network.kernel // 2, bias=False)
            )
            module.set_submodule(name, larger)
    variant = get(network.variant)
    shape = (variant.settings(network.settings)["width"], variant.block_side, variant.block_side)
    return float(ledger(module, shape, convolutions_only=True).as_dict()[of])


def _value(test: Count, counted: list[float]) -> float:
    if test.figure == "saving":
        return 100 * (1 - counted[0] / counted[1])
    return counted[0] / counted[1] if test.figure == "ratio" else counted[0] / SCALES[test.of]


def _agrees(value: float, printed: str, tolerance: float | None) -> bool:
    """Whether a number rounds, or is cut off, to the printed one; the paper does both."""
    if tolerance is not None:
        return abs(value - float(printed)) <= tolerance
    unit = Decimal(1).scaleb(-_decimals(printed))
    exact = Decimal(repr(value))
    return Decimal(printed) in {exact.quantize(unit, way) for way in (ROUND_HALF_UP, ROUND_DOWN)}


def _shown_otherwise(test: Count, counted: list[float], root: Path) -> str:
    """What is wrong in our newest table; empty where it shows what is counted, or there is none."""
    if test.shown is None:
        return ""
    for evidence in tables(root, f"table{test.shown.table}"):
        for column, value in zip(test.shown.columns, counted, strict=True):
            cell: Mapping[str, Any] = evidence.cells.get((test.shown.row, column), {})
            expected = value / ROW_SCALES[test.shown.row]
            if cell.get("value") is not None and abs(cell["value"] - expected) > CELL_ROUNDING * expected:
                return (
                    f"{evidence.name} has {cell['value']:g} as {test.shown.row} of {column}, which is {expected:g}: "
                    "make the table again"
                )
    return ""


def _printed(test: Count, root: Path) -> str:
    if not isinstance(test.printed, Printed):
        return test.printed
    name = f"paper/published/table{test.printed.table}.csv"
    place = (test.printed.row, test.printed.column)
    found = published.read_table(root / name).get(place)
    if found is None:
        raise InputError(f"{FILE}: {name} prints no {' of '.join(place)}; give a row and a column that it has")
    return found


def _figure(test: Count, names: list[str]) -> str:
    what = f"{NAMES[test.of]} of a {test.scope}"
    if test.figure == "value":
        return f"{what} of {names[0]}"
    if test.figure == "ratio":
        return f"{what}, {names[0]} / {names[1]},"
    return f"saving of {what}, {names[0]} against {names[1]},"


def _unit(test: Count) -> str:
    if test.figure == "saving":
        return " %"
    return "x" if test.figure == "ratio" else f" {'M' if SCALES[test.of] == MILLION else 'G'}"


def _name(network: Network) -> str:
    label = VARIANTS[network.variant].label if network.variant in VARIANTS else network.variant
    return label if network.kernel == 3 else f"{label} with {network.kernel}x{network.kernel} filters"


def _command(network: Network) -> str:
    return " ".join([network.variant, *(f"--set {key}={value}" for key, value in network.settings.items())])


def _decimals(printed: str) -> int:
    return len(printed.partition(".")[2])
