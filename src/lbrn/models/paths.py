"""The convolutions of a residual block in their order, as plain data: the bottleneck and what ablations leave of it.

Loads no torch.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One convolution on the way through a block, behind its normalisation and activation.

    Attributes:
        name: What it is called; fixed filters are drawn from this name.
        kernel: 1 or 3.
        narrow: Whether half of the block's channels come out, or all of them.
    """

    name: str
    kernel: int
    narrow: bool


_REDUCE, _EXPAND = Part("reduce", 1, narrow=True), Part("expand", 1, narrow=False)
_NARROW_3X3, _WIDE_3X3 = Part("conv3x3", 3, narrow=True), Part("conv3x3", 3, narrow=False)

BOTTLENECK = (_REDUCE, _NARROW_3X3, _EXPAND)

NO_3X3 = (_REDUCE, _EXPAND)

ONE_1X1 = {
    "3x3-1x1": (_NARROW_3X3, _EXPAND),
    "wide3x3-1x1": (_WIDE_3X3, _EXPAND),
    "1x1-3x3": (_REDUCE, _WIDE_3X3),
}
"""Readings of "one 1x1 convolution" (Table 3). The first halves the 1x1 filters, as the paper's argument has it; the
second is the order of LBCNN."""
