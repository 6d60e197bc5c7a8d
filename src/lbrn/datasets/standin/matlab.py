"""Writing MATLAB files with the bytes depending on the content only."""

import io
from typing import Any

import numpy as np
import scipy.io

# A MAT file opens with 116 bytes of free text, into which scipy writes the time of day.
_HEADER = b"MATLAB 5.0 MAT-file, lbrn pose stand-in".ljust(116)


def mat_bytes(variables: dict[str, Any]) -> bytes:
    """Return a level-5 MAT file.

    Args:
        variables: Name -> array, number, text, or array of structs from `struct` and `struct_row`.

    Returns:
        The file's bytes; equal content gives equal bytes.
    """
    stream = io.BytesIO()
    scipy.io.savemat(stream, variables, do_compression=True)
    return _HEADER + stream.getvalue()[len(_HEADER) :]


def struct(**fields: Any) -> np.ndarray:
    """Return a 1 x 1 MATLAB struct."""
    return struct_row([fields])


def struct_row(rows: list[dict[str, Any]]) -> np.ndarray:
    """Return a 1 x N MATLAB struct array; all rows have the same fields.

    Args:
        rows: The structs; none gives MATLAB's empty 0 x 0 array, as the real files have it.
    """
    if not rows:
        return empty()
    array = np.empty((1, len(rows)), dtype=[(name, object) for name in rows[0]])
    for index, row in enumerate(rows):
        array[0, index] = tuple(row.values())
    return array


def cell_column(values: list[Any]) -> np.ndarray:
    """Return an N x 1 MATLAB cell array."""
    array = np.empty((len(values), 1), dtype=object)
    for index, value in enumerate(values):
        array[index, 0] = value
    return array


def scalar(value: float, dtype: type[np.generic]) -> np.ndarray:
    """Return a number as MATLAB keeps one: a 1 x 1 array of a type."""
    return np.array([[value]], dtype=dtype)


def empty() -> np.ndarray:
    """Return MATLAB's empty array []."""
    return np.zeros((0, 0))
