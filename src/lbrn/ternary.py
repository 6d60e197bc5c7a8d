"""Fixed ternary filters as a function of (seed, layer name, shape, sparsity): draw, pack, unpack, digest.

The draw uses only the raw 64-bit words of numpy's Philox generator, whose stream numpy guarantees, and none of numpy's
distributions, so a seed and a name stand for the same filters on every machine. Everything here is part of the file
format and held by golden digests: a changed draw is a new scheme name, never a changed scheme.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lbrn.errors import InputError

Ternary = NDArray[np.int8]
Words = NDArray[np.uint64]
DEFAULT_SCHEME = "philox-1"


def philox_words(count: int, *key: Any) -> Words:
    """Return the first words of the Philox 4x64 stream that belongs to a key of plain data.

    The 128-bit Philox key is the first 16 bytes (little-endian) of the SHA-256 of the key's compact ASCII JSON list;
    the counter starts at zero.

    Args:
        count: Number of words, >= 0.
        *key: Plain data (text, integers, lists) that names the stream.

    Returns:
        `count` independent words, uniform over 0 .. 2**64 - 1.
    """
    text = json.dumps(list(key), separators=(",", ":"), ensure_ascii=True)
    philox_key = np.frombuffer(hashlib.sha256(text.encode()).digest()[:16], dtype="<u8").astype(np.uint64)
    return np.asarray(np.random.Philox(key=philox_key).random_raw(count), dtype=np.uint64)


def nonzero_count(size: int, sparsity: float) -> int:
    """Return round(sparsity * size), the exact number of non-zeros of a `philox-1` filter.

    The product is exact (the sparsity is read as the decimal number it prints as); halves round to the even number.

    >>> nonzero_count(9, 0.5), nonzero_count(11, 0.5), nonzero_count(147456, 0.1)
    (4, 6, 14746)
    """
    return round(Fraction(repr(float(sparsity))) * size)


def draw(shape: Sequence[int], sparsity: float, *, seed: int, name: str, scheme: str = DEFAULT_SCHEME) -> Ternary:
    """Draw one layer's fixed filter.

    Signs are fair and independent. The stream depends on scheme, seed, name and shape but not on the sparsity, so in
    one layer the non-zeros at a lower sparsity are a subset of those at a higher one, with the same signs.

    Args:
        shape: Shape of the weight, every side >= 1.
        sparsity: Share of NON-zero weights, 0 .. 1 (the paper's word).
        seed: Filter seed, an integer >= 0.
        name: Name of the layer, not empty; different names give independent filters.
        scheme: `philox-1`: exactly round(sparsity * N) non-zeros, positions without replacement. `lbcnn-1`: the draw of
            the LBCNN release, floor(sparsity * N) positions WITH replacement, true density 1 - exp(-sparsity).

    Returns:
        int8 array of -1, 0 and +1.

    Raises:
        InputError: A value is outside these ranges or the scheme is unknown.
    """
    sides = _checked_shape(shape)
    _check_draw(sparsity, seed, name, scheme)
    size = math.prod(sides)
    sign_words = -(-size // 64)
    words = philox_words(sign_words + size, scheme, int(seed), name, list(sides))
    bits = np.unpackbits(words[:sign_words].astype("<u8").view(np.uint8), count=size, bitorder="little")
    signs = bits.astype(np.int8) * np.int8(2) - np.int8(1)
    chosen = SCHEMES[scheme](words[sign_words:], float(sparsity))
    return np.where(chosen, signs, np.int8(0)).reshape(sides)


def _smallest_words(words: Words, sparsity: float) -> NDArray[np.bool_]:
    # One random key a position; the k smallest keys win, equal keys in the order of their positions.
    count = nonzero_count(words.size, sparsity)
    if count == 0:
        return np.zeros(words.size, dtype=np.bool_)
    threshold = np.partition(words, count - 1)[count - 1]
    chosen: NDArray[np.bool_] = words < threshold
    ties = np.flatnonzero(words == threshold)
    chosen[ties[: count - int(chosen.sum())]] = True
    return chosen


def _with_replacement(words: Words, sparsity: float) -> NDArray[np.bool_]:
    count = math.floor(Fraction(repr(sparsity)) * words.size)
    # The high 32 bits scaled to 0 .. N-1: multiply and shift, exact for N < 2**32.
    positions = ((words[:count] >> np.uint64(32)) * np.uint64(words.size)) >> np.uint64(32)
    chosen = np.zeros(words.size, dtype=np.bool_)
    chosen[positions.astype(np.int64)] = True
    return chosen


SCHEMES: dict[str, Callable[[Words, float], NDArray[np.bool_]]] = {
    "philox-1": _smallest_words,
    "lbcnn-1": _with_replacement,
}


def pack_2bit(weights: NDArray[Any]) -> bytes:
    """Pack ternary weights four to a byte: 0 as 00, +1 as 01, -1 as 11; the first weight in the lowest bits.

    Args:
        weights: Array of -1, 0 and +1, any shape, taken in C order; the last byte is filled with zero weights.

    Raises:
        InputError: Another value is present.
    """
    groups = _grouped(weights, 4).astype(np.uint8) & np.uint8(3)
    shifts = np.array([0, 2, 4, 6], dtype=np.uint8)
    octets: NDArray[np.uint8] = np.bitwise_or.reduce(groups << shifts, axis=1).astype(np.uint8)
    return octets.tobytes()


def unpack_2bit(data: bytes, shape: Sequence[int]) -> Ternary:
    """Undo `pack_2bit`.

    Args:
        data: Packed bytes.
        shape: Shape of the weights.

    Raises:
        InputError: The length does not fit the shape, a code is invalid (10) or the filling is not zero.
    """
    octets = _octets(data, math.prod(shape), 4)
    codes = (octets[:, None] >> np.array([0, 2, 4, 6], dtype=np.uint8)) & np.uint8(3)
    if np.any(codes == 2):
        raise InputError("packed weights contain the code 10, which is no ternary weight: the data is damaged")
    return _ungrouped(np.where(codes == 3, -1, codes), shape)


def pack_base3(weights: NDArray[Any]) -> bytes:
    """Pack ternary weights five to a byte as base-3 digits (weight + 1), the first weight the lowest digit.

    Args:
        weights: Array of -1, 0 and +1, any shape, taken in C order; the last byte is filled with zero weights.

    Raises:
        InputError: Another value is present.
    """
    digits = (_grouped(weights, 5) + 1).astype(np.uint8)
    return (digits @ np.array([1, 3, 9, 27, 81], dtype=np.uint8)).astype(np.uint8).tobytes()


def unpack_base3(data: bytes, shape: Sequence[int]) -> Ternary:
    """Undo `pack_base3`.

    Args:
        data: Packed bytes.
        shape: Shape of the weights.

    Raises:
        InputError: The length does not fit the shape, a byte exceeds 242 or the filling is not zero.
    """
    octets = _octets(data, math.prod(shape), 5)
    if octets.size and octets.max() > 242:
        raise InputError(f"packed weights contain the byte {octets.max()}, above 3**5 - 1: the data is damaged")
    digits = octets[:, None] // np.array([1, 3, 9, 27, 81], dtype=np.uint8) % 3
    return _ungrouped(digits.astype(np.int8) - 1, shape)


def digest(filters: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 of named filters in hexadecimal.

    Hashed are, in the order of the names, a line of compact JSON `[name, shape]` and the 2-bit packed weights.

    Args:
        filters: Layer name to ternary array.

    Raises:
        InputError: An array holds something else than -1, 0 and +1.
    """
    running = hashlib.sha256()
    for name in sorted(filters):
        header = json.dumps([name, list(filters[name].shape)], separators=(",", ":"), ensure_ascii=True)
        running.update(header.encode() + b"\n" + pack_2bit(filters[name]))
    return running.hexdigest()


def _checked_shape(shape: Sequence[int]) -> tuple[int, ...]:
    sides = tuple(int(side) for side in shape)
    if not sides or min(sides) < 1:
        raise InputError(f"filter shape {sides} is not possible: every side must be at least 1")
    return sides


def _check_draw(sparsity: float, seed: int, name: str, scheme: str) -> None:
    if isinstance(sparsity, bool) or not 0 <= sparsity <= 1:
        raise InputError(f"sparsity {sparsity} is not possible: it is the share of non-zero weights, from 0 to 1")
    if isinstance(seed, bool) or int(seed) != seed or seed < 0:
        raise InputError(f"filter seed {seed} is not possible: give an integer of 0 or more")
    if not name:
        raise InputError("a fixed filter needs a name: it is drawn from the seed and the name")
    if scheme not in SCHEMES:
        raise InputError(f"filter scheme {scheme!r} is unknown: this version knows {', '.join(SCHEMES)}")


def _grouped(weights: NDArray[Any], width: int) -> Ternary:
    flat = np.asarray(weights).reshape(-1)
    if not np.isin(flat, (-1, 0, 1)).all():
        raise InputError("weights are not ternary: only -1, 0 and +1 can be packed")
    padded = np.zeros(-(-flat.size // width) * width, dtype=np.int8)
    padded[: flat.size] = flat
    return padded.reshape(-1, width)


def _octets(data: bytes, size: int, width: int) -> NDArray[np.uint8]:
    expected = -(-size // width)
    if len(data) != expected:
        raise InputError(f"packed weights have {len(data)} bytes, but {size} weights take {expected}")
    return np.frombuffer(data, dtype=np.uint8)


def _ungrouped(groups: NDArray[Any], shape: Sequence[int]) -> Ternary:
    flat = groups.astype(np.int8).reshape(-1)
    size = math.prod(shape)
    if flat[size:].any():
        raise InputError("packed weights end in a filling that is not zero: the data is damaged")
    return flat[:size].reshape(tuple(shape))
