"""The CPU engine: fixed ternary convolutions by additions alone, and whole networks of them.

`compile` turns a torch network into a program, `load` a model file without torch; `Program.run` takes and gives numpy
arrays. Kernels are compiled by Numba at their first use and kept in the user's cache.
"""

from lbrn.engine import cache as _cache
from lbrn.engine import isa as _isa

_cache.set_up()
_isa.restrict()

from lbrn.engine.compiler import compile, load  # noqa: E402
from lbrn.engine.convolution import TernaryConvolution  # noqa: E402
from lbrn.engine.program import Program  # noqa: E402

__all__ = ["Program", "TernaryConvolution", "compile", "load"]
