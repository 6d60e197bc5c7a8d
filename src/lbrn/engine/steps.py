"""Writes programs: plans the buffers and lays down the operations for one shape of input."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lbrn.engine import layout, ternary_kernel
from lbrn.engine.layout import Map
from lbrn.engine.machine import OPERATIONS, WIDTH
from lbrn.engine.pack import Region, Window, region
from lbrn.engine.prologue import NOTHING, Prologue
from lbrn.engine.vectors import aligned
from lbrn.engine.weights import Dense, Ternary

FIRST_HALF = 2
"""How `operations.ternary` is told that a map has no pixel in the second half of the lanes."""

ROW = 128  # bytes of one channel of one position, in each half of the lanes


@dataclass(eq=False)
class Value:
    """A map of activations in the lane layout.

    Attributes:
        size: Its size.
        channels: Channels.
        data: (images, 2, positions, channels, 32) float32.
        flat: Whether it stands for (images, channels) and not for a map.
    """

    size: Map
    channels: int
    data: NDArray[np.float32]
    flat: bool = False

    @property
    def image(self) -> int:
        """Bytes of one image."""
        return int(self.data[0].nbytes)

    @property
    def second(self) -> int:
        """Bytes from the first half of the lanes to the second."""
        return int(self.data[0, 0].nbytes)

    @property
    def address(self) -> int:
        """Address of the first element."""
        return int(self.data.ctypes.data)


class Steps:
    """Collects the operations of a program for a number of images.

    Attributes:
        rows: One row of numbers an operation, see `lbrn.engine.machine`.
        scales: For each fixed-point convolution its name and the place where the size of its steps will stand.
    """

    def __init__(self, images: int, threads: int) -> None:
        self.images, self.threads = images, threads
        self.rows: list[list[int]] = []
        self.scales: list[tuple[str, NDArray[np.float32]]] = []
        self._kept: list[Any] = []  # what operations point to
        self._buffers: list[NDArray[np.float32]] = []  # of all values, also of those that nobody knows any more
        self._free: dict[tuple[int, ...], list[NDArray[np.float32]]] = defaultdict(list)
        self._scratch: dict[Any, NDArray[Any]] = {}

    def program(self) -> NDArray[np.int64]:
        """The operations so far, as the machine runs them."""
        table = aligned((len(self.rows), WIDTH), np.int64)
        for number, row in enumerate(self.rows):
            table[number, : len(row)] = row
        return table

    def buffers(self) -> int:
        """Bytes of all activations and scratch."""
        return sum(buffer.nbytes for buffer in (*self._buffers, *self._scratch.values()))

    def value(self, size: Map, channels: int) -> Value:
        """Room for a map; its content is undefined."""
        shape = (self.images, 2, size.positions, channels, 32)
        free = self._free[shape]
        if not free:
            self._buffers.append(aligned(shape, np.float32))
            free.append(self._buffers[-1])
        return Value(size, channels, free.pop())

    def zeros(self, size: Map, channels: int) -> Value:
        """A map of zeros, whose room nothing else ever gets."""
        self._buffers.append(aligned((self.images, 2, size.positions, channels, 32), np.float32))
        return Value(size, channels, self._buffers[-1])

    def release(self, value: Value) -> None:
        """Give the room of a map to later values."""
        self._free[value.data.shape].append(value.data)

    def dense(
        self,
        source: Value,
        weights: Dense,
        window: Window,
        prologue: Prologue,
        *,
        residual: Value | None = None,
        relu: bool = False,
    ) -> Value:
        """A dense convolution of activation(scale * source + shift), with a residual to add and ReLU at the end."""
        size = window.output(source.size)
        target = self.value(size, len(weights.bias))
        pointwise = window == Window((1, 1))
        if pointwise:
            address, image, second = source.address, source.image, source.second
            step, column, taps = size.block_width, 1, np.zeros(1, np.int64)
            scratch = 0 if prologue.empty else self._shared("prologue", (self.threads, 2, source.channels, 32))
        else:
            room, where = self._pack(source, window, prologue, source.channels)
            address, image, second = room.ctypes.data, room[0].nbytes, room[0, 0].nbytes
            step, column = where.width * window.stride, window.stride
            rows, columns = np.divmod(np.arange(window.kernel[0] * window.kernel[1]), window.kernel[1])
            taps = (rows * where.width + columns) * window.dilation * source.channels * ROW
            scratch, prologue = 0, Prologue()
        taps = self._keep(np.ascontiguousarray(taps, np.int64))
        self._keep(weights)
        self._emit(
            "dense", self.images, weights.packed.ctypes.data, address, image, second, taps.ctypes.data, len(taps),
            source.channels, len(weights.bias), weights.packed_bias.ctypes.data, residual.address if residual else 0,
            target.address, target.image, target.second, int(relu), size.block_height, size.block_width, step, column,
            *self._prologue(prologue), scratch, 2 * source.channels * ROW,
        )  # fmt: skip
        return target

    def ternary(self, source: Value, weights: Ternary, window: Window, prologue: Prologue, name: str) -> Value:
        """A ternary convolution of activation(scale * source + shift)."""
        size, lists = window.output(source.size), weights.lists
        target = self.value(size, weights.outputs)
        shape = ternary_kernel.Geometry(
            size.block_height, size.block_width, window.stride, *window.kernel, window.dilation, lists.channels,
            weights.outputs,
        )  # fmt: skip
        self._keep(lists)
        table = self._shared("table", (self.threads, lists.table_rows * ROW), np.uint8)
        common = (table, lists.table_rows * ROW)
        numbers = (*shape, *ternary_kernel.flatten(lists))
        if not weights.shorts:
            kind = FIRST_HALF if size.height <= 4 else 0
            room, _ = self._pack(source, window, prologue, lists.channels, halves=kind == 0 and self.threads > 1)
            self._emit(
                "ternary", self.images, room.ctypes.data, room[0].nbytes, room[0, 0].nbytes, target.address,
                target.image, target.second, 0, *common, kind, *numbers, 0,
            )  # fmt: skip
            return target
        steps = self._packed_shorts(source, window, prologue, lists.channels, name)
        planes = len(lists.chunks) - 1
        sums = (self.images, planes, size.positions * weights.outputs * ROW)
        address = self._shared("sums", sums, np.uint8)
        self._emit(
            "ternary", self.images, steps[0], steps[1], 0, address, planes * sums[2], 0, sums[2], *common, 1, *numbers,
            steps[3],
        )  # fmt: skip
        self._emit(
            "dequantise", self.images, address, planes * sums[2], sums[2], planes, target.address, target.image,
            target.second, size.positions, weights.outputs, steps[2],
        )  # fmt: skip
        return target

    def transform(self, source: Value, prologue: Prologue, into: Value | None = None, first: int = 0) -> Value:
        """activation(scale * source + shift), into a new map or into some channels of a wider one."""
        target = into or self.value(source.size, source.channels)
        self._emit(
            "transform", self.images, source.size.positions, source.address, source.image, source.second,
            source.channels, target.address + first * ROW, target.image, target.second, target.channels,
            source.channels, *self._prologue(prologue),
        )  # fmt: skip
        return target

    def add(self, left: Value, right: Value, *, factor: int = 1, relu: bool = False) -> Value:
        """Sum of two maps, the right map enlarged by a factor in which both lie in the same lanes."""
        target = self.value(left.size, left.channels)
        self._add(left, left.address, right, target, factor, relu)
        return target

    def combine(self, left: Value, right: Value, kind: int) -> Value:
        """Product (kind 0) or maximum (1) of two maps of one size; a map of one channel meets all of the other."""
        target = self.value(left.size, max(left.channels, right.channels))
        lanes = [number for one in (left, right, target) for number in (one.address, one.image, one.second)]
        self._emit(
            "combine", self.images, left.size.positions, target.channels, *lanes, left.channels, right.channels, kind
        )
        return target

    def stretch(self, source: Value, eps: float) -> Value:
        """(x - min) / (max - min + eps) of each channel."""
        target = self.value(source.size, source.channels)
        tiny = aligned((1,), np.float32)
        tiny[0] = eps
        self._emit(
            "stretch", self.images, source.channels, source.size.height * source.size.width, source.address,
            source.image, target.address, target.image, self._places(source), self._keep(tiny).ctypes.data,
        )  # fmt: skip
        return target

    def enlarge(self, source: Value, factor: int) -> Value:
        """A map enlarged by nearest neighbour."""
        size = source.size.enlarged(factor)
        if in_lanes(source.size, size, factor):
            target = self.value(size, source.channels)
            self._add(target, 0, source, target, factor, False)
            return target
        rows, columns = (np.arange(side) // factor for side in (size.height, size.width))
        none = np.zeros(max(size.height, size.width), np.float32)
        return self._resize(source, size, (rows, rows, none), (columns, columns, none))

    def bilinear(self, source: Value, size: Map, scale: float | None, align_corners: bool) -> Value:
        """A map resized bilinearly to a size, by torch's conventions; `scale` is the factor that led to the size."""
        rows = _blend(source.size.height, size.height, scale, align_corners)
        return self._resize(source, size, rows, _blend(source.size.width, size.width, scale, align_corners))

    def pool(self, source: Value, window: Window, kind: int) -> Value:
        """Max-pooling (kind 0), or the mean with (1) or without (2) the padding."""
        size = window.output(source.size)
        target = self.value(size, source.channels)
        if kind == 0 and window == Window((2, 2), 2) and in_lanes(size, source.size, 2):
            self._emit(
                "halve", self.images, size.block_height, size.block_width, source.channels, source.address,
                source.image, source.second, target.address, target.image, target.second,
            )  # fmt: skip
            return target
        self._emit(
            "pool", self.images, source.channels, source.size.height, source.size.width, source.address, source.image,
            self._places(source), size.height, size.width, target.address, target.image, self._places(target),
            *window.kernel, window.stride, *window.padding, kind,
        )  # fmt: skip
        return target

    def pool_regions(self, source: Value, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Value:
        """Max-pooling 2 x 2 at each channel's own first rows (channels, height) and columns (channels, width)."""
        size = Map(rows.shape[1], columns.shape[1])
        target = self.value(size, source.channels)
        first = [self._keep(np.ascontiguousarray(part, np.int64)).ctypes.data for part in (rows, columns)]
        self._emit(
            "pool_regions", self.images, source.channels, source.size.width, source.address, source.image,
            self._places(source), size.height, size.width, target.address, target.image, self._places(target), *first,
        )  # fmt: skip
        return target

    def _resize(self, source: Value, size: Map, rows: tuple[Any, ...], columns: tuple[Any, ...]) -> Value:
        target = self.value(size, source.channels)
        kinds = (np.int64, np.int64, np.float32)
        blends = [
            self._keep(np.ascontiguousarray(part, kind)).ctypes.data
            for side in (rows, columns)
            for part, kind in zip(side, kinds, strict=True)
        ]
        self._emit(
            "resize", self.images, source.channels, source.size.width, source.address, source.image,
            self._places(source), size.height, size.width, target.address, target.image, self._places(target), *blends,
        )  # fmt: skip
        return target

    def _add(self, left: Value, address: int, right: Value, target: Value, factor: int, relu: bool) -> None:
        self._emit(
            "add", self.images, target.size.block_height, target.size.block_width, target.channels, address,
            right.address, target.address, left.image, left.second, right.image, right.second, target.image,
            target.second, factor, int(relu),
        )  # fmt: skip

    def _pack(
        self, source: Value, window: Window, prologue: Prologue, channels: int, *, halves: bool = False
    ) -> tuple[NDArray[np.float32], Region]:
        where = self._keep(region(source.size, window))
        # Channels beyond the source's stay zero for ever, so rooms are shared only by equal numbers of channels.
        key = ("packed", source.channels)
        shape = (self.images, 2, where.positions, channels, 32)
        self._shared(key, shape)
        room = self._scratch[key, shape]
        general = where.places.ctypes.data if len(where.places) else 0
        self._emit(
            "pack_input", self.images, source.address, source.image, source.second, source.channels, room.ctypes.data,
            room[0].nbytes, room[0, 0].nbytes, channels, where.source.ctypes.data, where.shift.ctypes.data,
            *self._prologue(prologue), general, where.height, where.width, window.output(source.size).block_height,
            window.stride, halves and not general,
        )  # fmt: skip
        return room, where

    def _packed_shorts(
        self, source: Value, window: Window, prologue: Prologue, channels: int, name: str
    ) -> tuple[int, int, int, int]:
        """The packed input in fixed point.

        Returns:
            Its address, bytes of an image, address of the size of a step, bytes of a thread's room (0: all share one).
        """
        where = self._keep(region(source.size, window))
        largest, step = self._keep(aligned((self.threads,), np.float32)), aligned((1,), np.float32)
        self.scales.append((name, step))
        ends = (largest.ctypes.data, step.ctypes.data)
        image = where.positions * channels * ROW
        # As in `_pack`: channels beyond the source's stay zero.
        key = ("shorts", source.channels, channels)
        if not len(where.places):
            room = self.images * image
            target = self._shared(key, (self.threads, room), np.uint8)
            lanes = (source.address, source.image, source.second)
            sizes = (source.size.positions, source.channels)
            self._emit("measure", self.images, *lanes, *sizes, *self._prologue(prologue), ends[0])
            self._emit(
                "pack_shorts", self.images, *lanes, source.channels, target, image, channels,
                where.source.ctypes.data, where.shift.ctypes.data, *self._prologue(prologue), where.height,
                where.width, window.output(source.size).block_height, window.stride, *ends, room,
            )  # fmt: skip
            return target, image, ends[1], room
        # Lanes outside the map hold anything: measure what is packed.
        target = self._shared(key, (self.images, image), np.uint8)
        values, _ = self._pack(source, window, prologue, channels)
        packed = (values.ctypes.data, values[0].nbytes, values[0, 0].nbytes)
        self._emit("measure", self.images, *packed, where.positions, channels, 0, 0, NOTHING, ends[0])
        self._emit("quantise", self.images, *packed, where.positions * channels, ends[0], target, image, ends[1])
        return target, image, ends[1], 0

    def _places(self, value: Value) -> int:
        return int(self._keep(layout.offsets(value.size, value.channels)).ctypes.data)

    def _prologue(self, prologue: Prologue) -> tuple[int, int, int]:
        self._keep(prologue)
        return prologue.arguments()

    def _shared(self, key: Any, shape: tuple[int, ...], dtype: Any = np.float32) -> int:
        """Address of scratch that all operations of one shape share: it holds nothing from one step to the next."""
        if (key, shape) not in self._scratch:
            self._scratch[key, shape] = aligned(shape, dtype)
        return int(self._scratch[key, shape].ctypes.data)

    def _keep(self, thing: Any) -> Any:
        self._kept.append(thing)
        return thing

    def _emit(self, operation: str, *arguments: int) -> None:
        self.rows.append([OPERATIONS.index(operation), *(int(argument) for argument in arguments)])


def in_lanes(small: Map, large: Map, factor: int) -> bool:
    """Whether each pixel of the small map lies in the lane of the pixels of the large one that it stands for."""
    return (small.block_height * factor, small.block_width * factor) == (large.block_height, large.block_width)


def _blend(
    source: int, target: int, scale: float | None, align_corners: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], Any]:
    """First and second source pixel of each target pixel, and the weight of the second."""
    numbers = np.arange(target, dtype=np.float64)
    if align_corners:
        place = numbers * ((source - 1) / (target - 1) if target > 1 else 0.0)
    else:
        step = 1 / scale if scale and source != target else source / target  # torch copies where the size stays
        place = np.maximum((numbers + 0.5) * step - 0.5, 0.0)
    first = np.minimum(place.astype(np.int64), source - 1)
    return first, np.minimum(first + 1, source - 1), (place - first).astype(np.float32)
