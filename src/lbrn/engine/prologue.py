"""What happens to activations between the convolutions: normalisation, activation, and their way into fixed point.

These are the pro- and epilogues of the convolutions: a multiplication an activation where batch normalisation asks for
one, never one a weight.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lbrn.engine import vectors
from lbrn.engine.vectors import read_float

NOTHING, RELU, SIGMOID, SIGN = range(4)
STEP = 128  # bytes from a channel to the next, in each half of the lanes


@dataclass(frozen=True)
class Prologue:
    """activation(scale * x + shift), channel by channel.

    Attributes:
        scale: (C,) or None for 1.
        shift: (C,) or None for 0; scale and shift are both given or both None.
        activation: `NOTHING`, `RELU`, `SIGMOID` or `SIGN`.
    """

    scale: NDArray[np.float32] | None = None
    shift: NDArray[np.float32] | None = None
    activation: int = NOTHING

    @property
    def empty(self) -> bool:
        """Whether it changes nothing."""
        return self.scale is None and self.activation == NOTHING

    def arguments(self) -> tuple[int, int, int]:
        """Addresses of scale and shift (0 = none), and the activation, as the kernels take them."""
        if self.scale is None or self.shift is None:
            return 0, 0, self.activation
        return self.scale.ctypes.data, self.shift.ctypes.data, self.activation


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def activated(value: Any, scale: int, shift: int, activation: int, channel: int) -> Any:
    """One row of 64 lanes through a prologue."""
    if scale != 0:
        factor = vectors.all_lanes(read_float(scale, channel))
        value = vectors.add_floats(
            vectors.multiply_floats(value, factor), vectors.all_lanes(read_float(shift, channel))
        )
    if activation == RELU:
        value = vectors.relu_floats(value)
    elif activation == SIGMOID:
        value = vectors.sigmoid_floats(value)
    elif activation == SIGN:
        value = vectors.sign_floats(value)
    return value


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def apply(
    source: int, source_second: int, target: int, target_second: int, channels: int, scale: int, shift: int,
    activation: int,
) -> None:  # fmt: skip
    """All channels of one position; addresses of first halves, and bytes from there to the second halves."""
    for channel in range(channels):
        here = source + channel * STEP
        value = vectors.load_floats(here, here + source_second)
        value = activated(value, scale, shift, activation, channel)
        there = target + channel * STEP
        vectors.store_floats(there, there + target_second, value)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def largest_magnitude(
    values: int, second: int, first: int, last: int, channels: int, scale: int, shift: int, activation: int
) -> float:
    """Largest |activation(scale * x + shift)| of some rows of 64 lanes; not a number if one of them is none.

    Args:
        values: Address of the first half of row 0.
        second: Bytes from there to the second half.
        first: First row.
        last: End of the rows.
        channels: Rows of a position: row r belongs to channel r modulo this.
        scale: See `Prologue.arguments`.
        shift: See `Prologue.arguments`.
        activation: See `Prologue.arguments`.
    """
    largest = vectors.zero_ints()
    channel = first % channels
    for row in range(first, last):
        here = values + row * STEP
        value = activated(vectors.load_floats(here, here + second), scale, shift, activation, channel)
        largest = vectors.larger_ints(largest, vectors.magnitude_bits(value))
        channel = channel + 1 if channel + 1 < channels else 0
    return vectors.largest_as_float(largest)  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def quantise(values: int, second: int, target: int, factor: float, rows: int) -> None:
    """Rows of 64 lanes times a factor, rounded to int16; the factor keeps them within -127 .. 127."""
    factors = vectors.all_lanes(np.float32(factor))
    for row in range(rows):
        here = values + row * STEP
        value = vectors.multiply_floats(vectors.load_floats(here, here + second), factors)
        vectors.store_shorts(target + row * STEP, vectors.round_to_shorts(value))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def dequantise(planes: int, plane: int, count: int, target: int, second: int, factor: float, rows: int) -> None:
    """The sums of all chunks, widened, added and multiplied back to float32."""
    factors = vectors.all_lanes(np.float32(factor))
    for row in range(rows):
        total = vectors.widen(vectors.load_shorts(planes + row * STEP))
        for chunk in range(1, count):
            total = vectors.add_ints(total, vectors.widen(vectors.load_shorts(planes + chunk * plane + row * STEP)))
        there = target + row * STEP
        vectors.store_floats(there, there + second, vectors.multiply_floats(vectors.to_floats(total), factors))
