"""Single convolutions: the ternary one of the engine against a dense one in public engines."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from lbrn import ternary
from lbrn.engine import TernaryConvolution
from lbrn.engine.bench import own, peers, tables
from lbrn.engine.bench.settings import Settings
from lbrn.engine.bench.tables import Row
from lbrn.engine.bench.timing import Timing, fastest, interleave

COLUMNS = (
    "channels", "height", "width", "kernel", "sparsity", "arithmetic", "threads", "dense_engine", "dense_ms",
    "ternary_path", "ternary_ms", "ratio", "dense_iqr_ms", "ternary_iqr_ms", "plain_ms", "plain_ratio", "own_dense_ms",
)  # fmt: skip

CHAIN, SMALL_CHAIN, SMALL = 4, 16, 16
"""Convolutions in a row in one call, at maps of more than `SMALL` rows and at others, where a call is soon over: what
it costs by itself, a network does not pay for each layer."""

ARITHMETICS: tuple[Literal["float32", "fixed"], ...] = ("float32", "fixed")


@dataclass(frozen=True)
class Shape:
    """A convolution's input.

    Attributes:
        channels: In and out.
        height: Rows.
        width: Columns.
        kernel: Side of the filter; the map keeps its size.
    """

    channels: int
    height: int
    width: int
    kernel: int = 3

    @property
    def chain(self) -> int:
        """Convolutions in one call."""
        return SMALL_CHAIN if self.height <= SMALL else CHAIN

    def __str__(self) -> str:
        return f"{self.channels} channels, {self.height}x{self.width}, {self.kernel}x{self.kernel}"


# Blocks of LBRN-S, its stem, the pyramids of LBRN-P (an eighth of the channels on reduced maps), ResNets for CIFAR.
SHAPES = (
    *(Shape(128, side, side) for side in (64, 32, 16, 8, 4)),
    *(Shape(64, side, side) for side in (128, 64, 32, 16, 8)),
    Shape(128, 32, 32, 5),
    Shape(128, 32, 32, 1),
    *(Shape(32, side, side) for side in (53, 38, 32, 16)),
    *(Shape(16, side, side) for side in (107, 32)),
)
SPARSITIES = (0.1, 0.3, 0.5, 0.9)
QUICK_SHAPES, QUICK_SPARSITIES = (Shape(128, 32, 32), Shape(64, 16, 16)), (0.1, 0.5)

NOTES = (
    f"dense_ms: {CHAIN} dense convolutions one behind the other in one call ({SMALL_CHAIN} of maps of up to {SMALL} "
    f"rows), divided by their number, in the fastest of {', '.join(peers.PUBLIC)}; these may keep their own layout in "
    "between",
    "ternary_ms: in the engine's own layout, as within a network, packing of the input (and rounding and widening in "
    "fixed point) included; as many runs in one call. plain_ms: from and to ordinary NCHW arrays",
    "ternary_path: what `auto` chose; dense: multiplied, because that is faster. own_dense_ms: the engine's own dense "
    "convolution",
)


def bench(
    settings: Settings, *, shapes: Sequence[Shape] | None = None, sparsities: Sequence[float] | None = None
) -> None:
    """Write conv.csv.

    Args:
        settings: How to measure.
        shapes: Which inputs; by default those of our networks.
        sparsities: Shares of non-zero weights.
    """
    shapes = shapes or (QUICK_SHAPES if settings.quick else SHAPES)
    sparsities = sparsities or (QUICK_SPARSITIES if settings.quick else SPARSITIES)
    rows: list[Row] = []
    notes: list[str] = []
    for threads in settings.threads:
        for shape in shapes:
            settings.say(f"conv: {shape}, threads {threads}")
            rows += _measure(shape, sparsities, threads, settings.repeats, notes)
            head = [*NOTES, *settings.notes(), *tables.machine(), *notes]
            tables.write(settings.out / "conv.csv", COLUMNS, rows, head)


def filters(shape: Shape, sparsity: float) -> NDArray[np.int8]:
    """The ternary filter that is measured."""
    sides = (shape.channels, shape.channels, shape.kernel, shape.kernel)
    return ternary.draw(sides, sparsity=sparsity, seed=0, name="bench")


def _measure(
    shape: Shape, sparsities: Sequence[float], threads: int, repeats: int, notes: list[str]
) -> list[dict[str, Any]]:
    values = np.random.default_rng(0).standard_normal((1, shape.channels, shape.height, shape.width), np.float32)
    peers.begin(threads)
    found = peers.prepare(_dense_chain(shape), values, threads, str(shape))
    notes += [note for note in found.notes if note not in notes]
    calls = dict(found.calls)
    own_dense = TernaryConvolution(filters(shape, 0.5), padding=shape.kernel // 2, threads=threads, path="dense")
    calls["own"] = own.runner(own_dense, own.convolution_table(own_dense, values), times=shape.chain)
    ternaries: dict[tuple[float, str], TernaryConvolution] = {}
    for sparsity in sparsities:
        for arithmetic in ARITHMETICS:
            convolution = TernaryConvolution(
                filters(shape, sparsity), padding=shape.kernel // 2, arithmetic=arithmetic, threads=threads
            )
            ternaries[sparsity, arithmetic] = convolution
            table = own.convolution_table(convolution, values)
            calls[f"{sparsity} {arithmetic}"] = own.runner(convolution, table, times=shape.chain)
            calls[f"{sparsity} {arithmetic} plain"] = partial(convolution, values)
    times = interleave(calls, repeats, pool=peers.pool if threads > 1 else None)
    dense = fastest({name: times[name] for name in found.calls})
    return [
        {
            "channels": shape.channels,
            "height": shape.height,
            "width": shape.width,
            "kernel": shape.kernel,
            "sparsity": sparsity,
            "arithmetic": arithmetic,
            "threads": threads,
            "dense_engine": dense,
            "ternary_path": convolution.path,
            "own_dense_ms": times["own"].ms / shape.chain,
            **_compared(
                times[dense], times[f"{sparsity} {arithmetic}"], times[f"{sparsity} {arithmetic} plain"], shape.chain
            ),
        }
        for (sparsity, arithmetic), convolution in ternaries.items()
    ]


def _compared(dense: Timing, ours: Timing, plain: Timing, chain: int) -> dict[str, float]:
    return {
        "dense_ms": dense.ms / chain,
        "dense_iqr_ms": dense.iqr_ms / chain,
        "ternary_ms": ours.ms / chain,
        "ternary_iqr_ms": ours.iqr_ms / chain,
        "ratio": dense.ms / ours.ms,
        "plain_ms": plain.ms,
        "plain_ratio": dense.ms / chain / plain.ms,
    }


def _dense_chain(shape: Shape) -> nn.Module:
    layer = nn.Conv2d(shape.channels, shape.channels, shape.kernel, padding=shape.kernel // 2, bias=False)
    # Numbers keep their size through the chain: tiny ones would be slow.
    nn.init.normal_(layer.weight, std=(shape.channels * shape.kernel**2) ** -0.5)
    return nn.Sequential(*[layer] * shape.chain)
