"""lbrn: local-binarized very deep residual networks (Liu et al., Neurocomputing 2021), reproduced and usable.

The library is `LocalBinaryConv2d`, `localize`, `save` and `load`; each loads torch only when it is asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lbrn.convert import localize
    from lbrn.layers import LocalBinaryConv2d
    from lbrn.networkfile import load, save

__version__ = "0.1.0"
__all__ = ["LocalBinaryConv2d", "__version__", "load", "localize", "save"]

_PLACES = {
    "LocalBinaryConv2d": "lbrn.layers",
    "load": "lbrn.networkfile",
    "localize": "lbrn.convert",
    "save": "lbrn.networkfile",
}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
