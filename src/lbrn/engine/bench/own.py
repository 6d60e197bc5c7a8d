"""The engine's own calls as a bench needs them: in its own layout, as within a network, and part by part."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lbrn.engine import machine
from lbrn.engine.convolution import TernaryConvolution
from lbrn.engine.layout import Map
from lbrn.engine.program import Program

Images = NDArray[np.float32]
Table = NDArray[np.int64]


def convolution_table(convolution: TernaryConvolution, images: Images) -> Table:
    """The kernel calls of a convolution of these pictures, which are in place afterwards."""
    convolution(images)
    return convolution._prepared(len(images), Map(*images.shape[2:]))[1]


def program_table(program: Program, images: Images) -> Table:
    """The kernel calls of a program for these pictures, which are in place afterwards."""
    program.run(images)
    (table,) = program._plans[images.shape].pieces
    if isinstance(table, tuple):
        raise TypeError("torch runs a part of this program: it has no table of kernel calls")
    return table


def runner(owner: TernaryConvolution | Program, table: Table, *, times: int = 1) -> Callable[[], None]:
    """A call that runs a table some times from the pictures in place, without Python in between.

    Args:
        owner: Convolution or program whose buffers the table names by their addresses; the call keeps it alive.
        table: Of `convolution_table` or `program_table`, or some of its rows.
        times: How often.
    """
    whole = np.ascontiguousarray(np.tile(table, (times, 1)))

    def run(owner: TernaryConvolution | Program = owner) -> None:
        machine.run(whole, owner.threads)

    return run


def rows(table: Table, operations: Sequence[str]) -> list[int]:
    """Numbers of the rows that are one of some operations, see `machine.OPERATIONS`."""
    wanted = {machine.OPERATIONS.index(name) for name in operations}
    return [number for number, kind in enumerate(table[:, 0].tolist()) if kind in wanted]
