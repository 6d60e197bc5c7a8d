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
    possible = [group for group in PATHS[path] if _fits(_grouped(flat, group), 1, shorts, positive)]
    costs = {group: _cost(flat, group) for group in possible}
    best = min(costs, key=lambda group: costs[group], default=None)
    if best is None or (path == "auto" and costs[best] >= flat.size * _MULTIPLY_ADD):
        return choose(filters, shorts=shorts, path="dense")
    return Ternary((kernel[0], kernel[1]), channels, outputs, _lists(flat, best, shorts, positive), shorts)


def _cost(filters: NDArray[np.int8], group: int) -> float:
    outputs, channels, taps = filters.shape
    groups = -(-channels // group)
    rows = np.count_nonzero(_grouped(filters, group).any(2))
    chunks = -(-groups // _GROUPS_AT_ONCE[group])
    sums = outputs * taps * chunks if rows else 0
    halo = 1.5  # input positions to an output position, at the larger maps
    return float(rows * _ROW + sums * _SUM + groups * rows_of_group(group) * halo * _TABLE_ROW)


def _grouped(filters: NDArray[np.int8], group: int) -> NDArray[np.int8]:
    outputs, channels, taps = filters.shape
    groups = -(-channels // group)
    filled = np.zeros((outputs, groups * group, taps), np.int8)
    filled[:, :channels] = filters
    return filled.reshape(outputs, groups, group, taps)


def _lists(filters: NDArray[np.int8], group: int, shorts: bool, positive: bool) -> Lists:
    """Lists in as few chunks as caches, list lengths and 16-bit sums allow."""
    parts = _grouped(filters, group)
    groups = parts.shape[1]
    chunks = -(-groups // _GROUPS_AT_ONCE[group])
    while True:
        size = -(-groups // chunks)
        if size == 1 or _fits(parts, size, shorts, positive):
            return lists.make(filters, group, size)
        chunks += 1


def _fits(parts: NDArray[np.int8], size: int, shorts: bool, positive: bool) -> bool:
    """Whether chunks of so many groups keep lists short enough, and sums of 8-bit activations within 16 bits."""
    used = (parts != 0).any(2).astype(np.int32)  # (outputs, groups, taps)
    starts = np.arange(0, parts.shape[1], size)
    if np.add.reduceat(used, starts, axis=1).max() > LONGEST:
        return False
    if not shorts:
        return True
    up = np.add.reduceat((parts > 0).sum((2, 3), dtype=np.int32), starts, axis=1)
    down = np.add.reduceat((parts < 0).sum((2, 3), dtype=np.int32), starts, axis=1)
    terms = np.maximum(up, down) if positive else up + down
    return int(terms.max()) * STEPS <= SHORT_LIMIT
