"""Pickles from outside that hold arrays, numbers and text: read without ever running what they name.

Python's pickles are programs. This reader knows the three names that an array of numpy needs, under numpy's old and new
addresses, and refuses every other.
"""

import io
import pickle
from typing import Any

from lbrn.errors import InputError

_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


class _Restricted(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}, which no array of numbers needs")
        import numpy

        if global_name == "_reconstruct":
            return numpy._core.multiarray._reconstruct  # type: ignore[attr-defined]
        return getattr(numpy, global_name)


def load(content: bytes, name: str) -> dict[str, Any]:
    """Read a pickled mapping whose keys are text.

    Args:
        content: The pickle; of Python 2 or 3.
        name: What to call it in messages.

    Returns:
        The mapping; text of Python 2 in it as bytes, except for the keys.

    Raises:
        InputError: It asks for anything but numpy's arrays, is damaged, or is no mapping.
    """
    try:
        found = _Restricted(io.BytesIO(content), encoding="bytes").load()
    except pickle.UnpicklingError as error:
        raise InputError(f"{name} is refused as a pickle: {error}; get the official archive again") from error
    except Exception as error:  # a damaged pickle can fail in any way
        raise InputError(
            f"{name} is a damaged pickle ({type(error).__name__}: {error}); get the archive again"
        ) from error
    if not isinstance(found, dict):
        raise InputError(f"{name} holds a {type(found).__name__}, not a mapping; check that it is the right archive")
    return {key.decode("latin1") if isinstance(key, bytes) else str(key): value for key, value in found.items()}
