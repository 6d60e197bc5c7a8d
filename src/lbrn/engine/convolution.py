"""One ternary convolution on its own, from and to ordinary arrays."""

import threading
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from lbrn.engine import layout, machine, weights
from lbrn.engine.layout import Map
from lbrn.engine.pack import Window
from lbrn.engine.prologue import Prologue
from lbrn.engine.steps import Steps
from lbrn.errors import InputError

Arithmetic = Literal["float32", "fixed"]
Path = Literal["auto", "direct", "shared", "dense"]


class TernaryConvolution:
    """A convolution with fixed ternary filters, by additions and subtractions of activations alone.

    In `float32` the result differs from the exact one by rounding only. In `fixed` the input is rounded to 255 steps of
    max|x| / 127 (and of 2^-100 at least); sums are exact, so the result is off by at most half a step for each non-zero
    weight.

    Attributes:
        path: `direct` (signed sums), `shared` (partial sums shared by all output channels and taps), or `dense` where
            a multiplication is faster; `auto` picks by shape and sparsity.
    """

    def __init__(
        self,
        filters: NDArray[np.int8],
        *,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        arithmetic: Arithmetic = "float32",
        threads: int = 1,
        path: Path = "auto",
    ) -> None:
        """Lay down the filter.

        Args:
            filters: (outputs, channels, kernel height, kernel width) of -1, 0 and +1.
            stride: 1 or more.
            padding: Zeros on each side.
            dilation: 1 or more.
            arithmetic: `float32` or `fixed`.
            threads: 1 or more.
            path: See the class.

        Raises:
            InputError: The filter is not ternary, or a setting is not possible.
        """
        filters = np.asarray(filters)
        if filters.ndim != 4 or min(filters.shape, default=0) < 1 or not np.isin(filters, (-1, 0, 1)).all():
            raise InputError("filters must be an array (outputs, channels, height, width) of -1, 0 and +1")
        check_settings(arithmetic, threads)
        if path not in get_args(Path):
            raise InputError(f"path is {path!r}; use one of {', '.join(get_args(Path))}")
        for name, number, least in (("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1)):
            if isinstance(number, bool) or not isinstance(number, int) or number < least:
                raise InputError(f"{name} is {number!r}; give an integer of {least} or more")
        self.window = Window((filters.shape[2], filters.shape[3]), stride, (padding, padding), dilation)
        self.channels, self.outputs, self.threads = filters.shape[1], filters.shape[0], threads
        self.weights = weights.choose(filters.astype(np.int8), shorts=arithmetic == "fixed", path=path)
        self._plans: dict[Any, tuple[Steps, NDArray[np.int64], Any, Any]] = {}
        self._lock = threading.RLock()  # a plan's buffers serve one run at a time

    @property
    def path(self) -> str:
        """The path that was taken."""
        return self.weights.path if isinstance(self.weights, weights.Ternary) else "dense"

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convolve (N, channels, H, W) float32 to (N, outputs, H', W').

        Raises:
            InputError: The shape or type does not fit, or a value is not finite in fixed point.
        """
        check_images(images, self.channels)
        size = Map(*images.shape[2:])
        out = self.window.output(size)
        if min(out.height, out.width) < 1:
            raise InputError(f"a map of {size.height}x{size.width} is smaller than the kernel: enlarge it or pad more")
        with self._lock:
            source = self._prepared(len(images), size)[2]
            layout.fill_lanes(np.ascontiguousarray(images), source.data)
            return layout.from_lanes(self.run_lanes(source.data, size), out)

    def lanes_input(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bring (N, channels, H, W) into the engine's own layout."""
        return layout.to_lanes(images)

    def run_lanes(self, lanes: NDArray[np.float32], size: Map) -> NDArray[np.float32]:
        """Convolve an array in the engine's layout; the result is overwritten by the next call of this shape."""
        with self._lock:
            steps, program, source, target = self._prepared(len(lanes), size)
            if lanes is not source.data:
                source.data[...] = lanes
            machine.run(program, self.threads)
            check_scales(steps)
        return target.data  # type: ignore[no-any-return]

    def _prepared(self, images: int, size: Map) -> tuple[Steps, NDArray[np.int64], Any, Any]:
        if (images, size) not in self._plans:
            self._plans[images, size] = self._plan(images, size)
        return self._plans[images, size]

    def _plan(self, images: int, size: Map) -> tuple[Steps, NDArray[np.int64], Any, Any]:
        steps = Steps(images, self.threads)
        source = steps.value(size, self.channels)
        if isinstance(self.weights, weights.Ternary):
            target = steps.ternary(source, self.weights, self.window, Prologue(), "the convolution")
        else:
            target = steps.dense(source, self.weights, self.window, Prologue())
        return steps, steps.program(), source, target


def check_settings(arithmetic: str, threads: int) -> None:
    """Raise InputError unless arithmetic and threads are possible."""
    if arithmetic not in get_args(Arithmetic):
        raise InputError(f"arithmetic is {arithmetic!r}; use one of {', '.join(get_args(Arithmetic))}")
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise InputError(f"threads is {threads!r}; give an integer of 1 or more")


def check_images(images: NDArray[np.float32], channels: int | None) -> None:
    """Raise InputError unless images are (N, channels, H, W) float32 with N, H and W at least 1.

    Channels of None mean any number.
    """
    if not isinstance(images, np.ndarray) or images.dtype != np.float32:
        kind = getattr(images, "dtype", type(images).__name__)
        raise InputError(f"the input is {kind}; give a numpy array of float32: images.astype(np.float32)")
    if images.ndim != 4 or channels not in (None, images.shape[1]) or min(images.shape) < 1:
        raise InputError(f"the input has shape {images.shape}; give (images, {channels or 'channels'}, height, width)")


def check_scales(steps: Steps) -> None:
    """Raise InputError where a fixed-point convolution met a value that is not finite."""
    for name, scale in steps.scales:
        if not np.isfinite(scale[0]):
            raise InputError(
                f"fixed point: {name} met a value that is not finite; look at the input, or use arithmetic='float32'"
            )
