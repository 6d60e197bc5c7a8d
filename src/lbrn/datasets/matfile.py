"""MATLAB files from outside: read with one clear message when they are damaged or something else."""

import io
import zlib
from typing import Any

from lbrn.errors import InputError


def load_mat(content: bytes, name: str, variable: str) -> Any:
    """Read one variable of a MATLAB 5 file.

    Args:
        content: The bytes of the .mat file.
        name: What to call it in messages.
        variable: The variable's name.

    Returns:
        The variable as scipy.io.loadmat gives it, not squeezed.

    Raises:
        InputError: The bytes are not a MATLAB file, are damaged, or lack the variable.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    if content.lstrip()[:1] == b"<":
        raise InputError(f"{name} is a web page, not a MATLAB file: the download went wrong, get it again")
    try:
        variables = loadmat(io.BytesIO(content), variable_names=[variable])
    except NotImplementedError as error:
        raise InputError(f"{name} is a MATLAB 7.3 file, only version 5 files are read: get the official one") from error
    except (OSError, ValueError, TypeError, EOFError, MemoryError, MatReadError, zlib.error, KeyError) as error:
        raise InputError(f"{name} is not a MATLAB file or is damaged ({error}): get it again") from error
    if variable not in variables:
        raise InputError(f"{name} has no variable {variable!r}: check that it is the official file")
    return variables[variable]
