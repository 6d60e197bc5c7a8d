"""The ternary convolution on its own against float64, over all that a caller can ask for."""

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lbrn.engine import TernaryConvolution
from oracles.convolution import convolution, ternary_convolution

PATHS = ("direct", "shared", "dense", "auto")
EPSILON = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Case:
    """One convolution; weights and pixels are drawn from the seed."""

    size: tuple[int, int] = (16, 16)
    channels: int = 4
    outputs: int = 4
    kernel: tuple[int, int] = (3, 3)
    sparsity: float = 0.5
    images: int = 1
    geometry: dict[str, int] = field(default_factory=lambda: {"padding": 1})
    scale: float = 1.0
    seed: int = 0

    def filters(self) -> Any:
        shape = (self.outputs, self.channels, *self.kernel)
        generator = np.random.default_rng(self.seed)
        signs = generator.choice(np.array([-1, 1], np.int8), shape)
        return np.where(generator.random(shape) < self.sparsity, signs, np.int8(0))

    def pixels(self) -> Any:
        generator = np.random.default_rng(self.seed + 1)
        return (self.scale * generator.standard_normal((self.images, self.channels, *self.size))).astype(np.float32)

    def expected(self) -> Any:
        return convolution(self.pixels(), self.filters(), **self.geometry)

    def fits(self) -> bool:
        reach = [side + 2 * self.geometry.get("padding", 0) for side in self.size]
        dilation = self.geometry.get("dilation", 1)
        return all(side > dilation * (taps - 1) for side, taps in zip(reach, self.kernel, strict=True))


cases = st.builds(
    Case,
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    channels=st.integers(1, 20),
    outputs=st.integers(1, 20),
    kernel=st.sampled_from([(1, 1), (3, 3), (5, 5), (1, 3), (3, 1), (2, 4)]),
    sparsity=st.sampled_from([0.0, 0.02, 0.1, 0.5, 0.9, 1.0]),
    images=st.integers(1, 3),
    geometry=st.fixed_dictionaries(
        {
            "stride": st.sampled_from([1, 2, 3]),
            "padding": st.integers(0, 7),
            "dilation": st.sampled_from([1, 2, 3, 5, 7]),
        }
    ),
    scale=st.sampled_from([1e-30, 1e-3, 1.0, 1e20]),
    seed=st.integers(0, 1000),
)

# The shapes of our networks, where whole vectors are copied and not single pixels.
NETWORKS = [
    Case((64, 64), 128, 128, sparsity=0.1),
    Case((32, 32), 64, 64),
    Case((16, 16), 128, 64, sparsity=0.9, images=2),
    Case((8, 8), 64, 128, sparsity=1.0),
    Case((48, 24), 33, 5, (1, 1), geometry={}),
    Case((40, 40), 50, 7, (5, 5), geometry={"padding": 2}),
    Case((32, 32), 20, 6, geometry={"padding": 3, "dilation": 3}),
    Case((56, 56), 9, 4, geometry={"padding": 7, "dilation": 7}),
    Case((32, 48), 16, 16, geometry={"padding": 1, "stride": 2}),
]


def _check(case, path, arithmetic, threads=1):
    filters, images, expected = case.filters(), case.pixels(), case.expected()
    convolve = TernaryConvolution(filters, path=path, arithmetic=arithmetic, threads=threads, **case.geometry)
    assert path in ("auto", convolve.path)
    result = convolve(images)
    assert result.dtype == np.float32 and result.shape == expected.shape
    weights = np.count_nonzero(filters, axis=(1, 2, 3))[None, :, None, None]
    largest = float(np.abs(images).max())
    bound = 4 * EPSILON * weights * largest
    if convolve.path != "dense" and arithmetic == "fixed":
        # Half a step a weight; pixels just beside the middle of two steps may go to either.
        bound = (0.5 + 127 * 2 * EPSILON) * weights * max(largest / 127, 2.0**-100) + EPSILON * np.abs(expected)
    assert np.all(np.abs(result - expected) <= bound)
    return result


@settings(max_examples=250, deadline=None)
@given(cases, st.sampled_from(PATHS), st.sampled_from(["float32", "fixed"]), st.sampled_from([1, 2, 3]))
def test_any_convolution(case, path, arithmetic, threads):
    assume(case.fits())
    _check(case, path, arithmetic, threads)


@pytest.mark.parametrize("arithmetic", ["float32", "fixed"])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("case", NETWORKS, ids=lambda case: f"{case.channels}-{case.outputs}-{case.size}")
def test_shapes_of_networks(case, path, arithmetic):
    _check(case, path, arithmetic)


def test_the_oracle_is_right():
    case = Case((7, 6), 3, 4, (2, 3), images=2, geometry={"padding": 2, "stride": 2, "dilation": 2})
    np.testing.assert_allclose(case.expected(), ternary_convolution(case.pixels(), case.filters(), **case.geometry))


@settings(max_examples=40, deadline=None)
@given(cases, st.sampled_from(PATHS), st.sampled_from(["float32", "fixed"]))
@example(NETWORKS[1], "shared", "float32")
def test_same_bits_from_any_number_of_threads_and_every_time(case, path, arithmetic):
    assume(case.fits())
    results = []
    for threads in (1, 2, 3):
        convolve = TernaryConvolution(
            case.filters(), path=path, arithmetic=arithmetic, threads=threads, **case.geometry
        )
        results += [convolve(case.pixels()), convolve(case.pixels())]
    for result in results[1:]:
        assert np.array_equal(result.view(np.int32), results[0].view(np.int32))


@pytest.mark.parametrize("side", [8, 16, 13])
@pytest.mark.parametrize("path", ["direct", "shared"])
@pytest.mark.parametrize(("channels", "kernel"), [(128, 3), (512, 3), (128, 5), (300, 5)])
@pytest.mark.parametrize("sign", [1, -1])
def test_sums_leave_16_bits_nowhere(channels, kernel, path, side, sign):
    # All pixels are 127 steps and all weights +1: the largest sums that there are, and exact in fixed point.
    filters = np.ones((2, channels, kernel, kernel), np.int8)
    filters[1] = -1
    images = np.full((1, channels, side, side), sign * 2.0, np.float32)
    result = TernaryConvolution(filters, padding=kernel // 2, arithmetic="fixed", path=path)(images)
    expected = convolution(images, filters, padding=kernel // 2)
    np.testing.assert_allclose(result, expected, rtol=2 * EPSILON)


def test_16_bits_are_not_left_by_one_enormous_kernel():
    filters = np.ones((1, 3, 19, 19), np.int8)
    images = np.ones((1, 3, 20, 20), np.float32)
    for path in PATHS:
        result = TernaryConvolution(filters, arithmetic="fixed", path=path)(images)
        np.testing.assert_allclose(result, np.full((1, 1, 2, 2), 3 * 19 * 19), rtol=1e-5)


def _transposed(images):
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


VIEWS = {
    "transposed": _transposed,
    "stepping": lambda images: np.repeat(images, 2, axis=3)[..., ::2],
    "backwards": lambda images: images[..., ::-1].copy()[..., ::-1],
    "repeated": lambda images: np.broadcast_to(images[:1], images.shape),
    "read-only": lambda images: np.frombuffer(images.tobytes(), np.float32).reshape(images.shape),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("arithmetic", ["float32", "fixed"])
def test_input_that_is_not_contiguous(view, arithmetic):
    case = Case((9, 17), 7, 5, images=2)
    images = VIEWS[view](case.pixels())
    convolve = TernaryConvolution(case.filters(), arithmetic=arithmetic, padding=1)
    assert np.array_equal(convolve(images), convolve(np.array(images, order="C")))


@pytest.mark.parametrize("arithmetic", ["float32", "fixed"])
@pytest.mark.parametrize("value", [0.0, -0.0, 1e-45, -1e-38, 3e38])
def test_extreme_values(value, arithmetic):
    filters = np.zeros((1, 2, 1, 1), np.int8)
    filters[0, 0], filters[0, 1] = 1, -1
    images = np.zeros((1, 2, 8, 8), np.float32)
    images[0, 0, 3, 4] = value
    result = TernaryConvolution(filters, arithmetic=arithmetic, path="direct")(images)
    assert np.abs(result - images[:, :1]).max() <= 2 * EPSILON * abs(value) + (
        2.0**-100 if arithmetic == "fixed" else 0
    )


def test_the_input_is_left_as_it_is_and_results_are_the_callers():
    case = Case()
    convolve = TernaryConvolution(case.filters(), padding=1)
    images = case.pixels()
    first = convolve(images)
    kept = first.copy()
    convolve(images * 2)
    assert np.array_equal(images, case.pixels()) and np.array_equal(first, kept)


def test_alternating_shapes():
    case = Case((16, 16), 5, 6)
    others = [Case((16, 16), 5, 6, images=3), Case((11, 30), 5, 6), Case((8, 8), 5, 6)]
    for arithmetic in ("float32", "fixed"):
        for path in PATHS:
            convolve = TernaryConvolution(case.filters(), padding=1, arithmetic=arithmetic, path=path)
            first = convolve(case.pixels())
            for other in others:
                convolve(1000 * other.pixels())
                assert np.array_equal(convolve(case.pixels()), first)


def test_in_its_own_layout():
    case = Case((13, 21), 5, 6, images=2)
    convolve = TernaryConvolution(case.filters(), padding=1)
    from lbrn.engine import layout

    lanes = convolve.lanes_input(case.pixels())
    result = layout.from_lanes(convolve.run_lanes(lanes, layout.Map(13, 21)), layout.Map(13, 21))
    assert np.array_equal(result, convolve(case.pixels()))


@pytest.mark.parametrize("threads", [1, 2])
def test_several_callers_at_once(threads):
    case = Case((32, 32), 12, 12)
    convolve = TernaryConvolution(case.filters(), padding=1, threads=threads)
    expected = {factor: convolve(factor * case.pixels()) for factor in (np.float32(1), np.float32(3))}
    wrong = []

    def call(factor):
        for _ in range(100):
            if not np.array_equal(convolve(factor * case.pixels()), expected[factor]):
                wrong.append(factor)

    callers = [threading.Thread(target=call, args=(factor,)) for factor in expected]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong
