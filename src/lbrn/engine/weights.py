"""Weights as the kernels want them, and which path a ternary convolution takes."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lbrn.engine import gemm, lists
from lbrn.engine.lists import LONGEST, Lists, rows_of_group

PATHS = {"direct": (1,), "shared": (2, 3), "auto": (1, 2, 3)}
"""Channels in a group, by path: direct signed sums, or sums shared by all output channels and taps."""

# Nanoseconds of one thread at 128 bytes, fitted to `lbrn bench conv`; only their ratios matter.
_ROW, _SUM, _TABLE_ROW, _MULTIPLY_ADD = 0.62, 3.5, 1.2, 0.6
_GROUPS_AT_ONCE = {1: 128, 2: 32, 3: 22}  # tables of about 76 KiB: measured best
SHORT_LIMIT = 32767
STEPS = 127
"""An activation in fixed point is -127 .. 127 steps."""


@dataclass(frozen=True)
class Dense:
    """Weights of a dense convolution.

    Attributes:
        weights: (outputs, channels, kernel height, kernel width).
        bias: (outputs,).
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    packed: NDArray[np.float32] = field(init=False, repr=False)
    packed_bias: NDArray[np.float32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        outputs, channels = self.weights.shape[:2]
        object.__setattr__(self, "packed", gemm.pack_weights(self.weights.reshape(outputs, channels, -1)))
        object.__setattr__(self, "packed_bias", gemm.pack_bias(self.bias))

    @property
    def channels(self) -> int:
        """Input channels."""
        return int(self.weights.shape[1])

    @property
    def bytes(self) -> int:
        """Bytes in use while running."""
        return self.packed.nbytes + self.packed_bias.nbytes


@dataclass(frozen=True)
class Ternary:
    """Lists of a ternary convolution.

    Attributes:
        kernel: Height and width.
        channels: Input channels.
        outputs: Output channels.
        lists: What each output adds up.
        shorts: Whether it runs in fixed point.
    """

    kernel: tuple[int, int]
    channels: int
    outputs: int
    lists: Lists
    shorts: bool

    @property
    def path(self) -> str:
        """`direct` or `shared`."""
        return "direct" if self.lists.group == 1 else "shared"

    @property
    def bytes(self) -> int:
        """Bytes in use while running."""
        return self.lists.bytes


def choose(filters: NDArray[np.int8], *, shorts: bool, path: str = "auto", positive: bool = False) -> Ternary | Dense:
    """Lay down a ternary filter for the path that should be fastest, or for a given one.

    Kernels so large that one group's sums leave 16 bits are dense in fixed point.

    Args:
        filters: (outputs, channels, kernel height, kernel width) of -1, 0 and +1.
        shorts: Whether to run in fixed point.
        path: `direct`, `shared`, `dense` or `auto`.
        positive: Whether the input is known to have no negative value, so that sums grow less.
    """
    outputs, channels, *kernel = filters.shape
    flat = filters.reshape(outputs, channels, -1)
    if path == "dense":
        return Dense(filters.astype(np.float32), np.zeros(outputs, np.float32))
    terms = _terms(flat, positive) if shorts else None
    possible = [group for group in PATHS[path] if _fits(flat, group, 1, terms)]
    costs = {group: _cost(flat, group) for group in possible}
    best = min(costs, key=lambda group: costs[group], default=None)
    if best is None or (path == "auto" and costs[best] >= flat.size * _MULTIPLY_ADD):
        return choose(filters, shorts=shorts, path="dense")
    return Ternary((kernel[0], kernel[1]), channels, outputs, _lists(flat, best, terms), shorts)


def _cost(filters: NDArray[np.int8], group: int) -> float:
    outputs, channels, taps = filters.shape
    groups = -(-channels // group)
    rows = np.count_nonzero(lists.used(filters, group))
    chunks = -(-groups // _GROUPS_AT_ONCE[group])
    sums = outputs * taps * chunks if rows else 0
    halo = 1.5  # input positions to an output position, at the larger maps
    return float(rows * _ROW + sums * _SUM + groups * rows_of_group(group) * halo * _TABLE_ROW)


def _terms(filters: NDArray[np.int8], positive: bool) -> NDArray[np.int64]:
    """Activations that a sum can gain or lose at most, (1 or 2, outputs, channels): those of one sign, or all."""
    signs = np.stack([np.count_nonzero(filters > 0, axis=2), np.count_nonzero(filters < 0, axis=2)])
    return signs if positive else signs.sum(0, keepdims=True)


def _lists(filters: NDArray[np.int8], group: int, terms: NDArray[np.int64] | None) -> Lists:
    """Lists in as few chunks as caches, list lengths and 16-bit sums allow."""
    groups = -(-filters.shape[1] // group)
    chunks = -(-groups // _GROUPS_AT_ONCE[group])
    while True:
        size = -(-groups // chunks)
        if size == 1 or _fits(filters, group, size, terms):
            return lists.make(filters, group, size)
        chunks += 1


def _fits(filters: NDArray[np.int8], group: int, size: int, terms: NDArray[np.int64] | None) -> bool:
    """Whether chunks of so many groups keep lists short enough, and sums of 8-bit activations within 16 bits."""
    if size > LONGEST:
        used = lists.used(filters, group).astype(np.int32)  # (outputs, groups, taps)
        if np.add.reduceat(used, np.arange(0, used.shape[1], size), axis=1).max() > LONGEST:
            return False
    if terms is None:
        return True
    starts = np.arange(0, filters.shape[1], size * group)
    return int(np.add.reduceat(terms, starts, axis=2).max()) * STEPS <= SHORT_LIMIT
