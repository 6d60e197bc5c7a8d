"""Targets, decoding and the flip test against slow independent code."""

import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lbrn.tasks import heatmaps


def slow_target(x: float, y: float, size: int, sigma: float) -> list[list[float]]:
    """One map, pixel by pixel."""
    rows = [[0.0] * size for _ in range(size)]
    if math.isnan(x):
        return rows
    column, row = math.floor(x + 0.5), math.floor(y + 0.5)
    for v in range(size):
        for u in range(size):
            if abs(u - column) <= 3 and abs(v - row) <= 3:
                rows[v][u] = math.exp(-((u - column) ** 2 + (v - row) ** 2) / (2 * sigma**2))
    return rows


positions = st.floats(-6, 22, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(positions, positions, st.sampled_from([1.0, 1.75]))
def test_targets_equal_slow_code(x: float, y: float, sigma: float) -> None:
    drawn = heatmaps.targets(np.array([[[x, y], [math.nan, math.nan]]]), 16, sigma)
    assert drawn.dtype == torch.float32
    np.testing.assert_allclose(drawn[0, 0], slow_target(x, y, 16, sigma), atol=1e-6)
    assert not drawn[0, 1].any()


@settings(max_examples=60, deadline=None)
@given(st.floats(0.6, 14.4), st.floats(0.6, 14.4))
def test_decoding_a_continuous_gaussian_is_better_than_half_a_pixel(x: float, y: float) -> None:
    yy, xx = np.mgrid[:16, :16]
    blob = torch.tensor(np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 2))[None, None]
    points, score = heatmaps.decode(blob)
    assert abs(points[0, 0, 0] - x) <= 0.2501 + 1e-6
    assert abs(points[0, 0, 1] - y) <= 0.2501 + 1e-6
    assert score[0, 0] == np.float32(blob.max())


def test_decoding_moves_towards_the_larger_neighbour_only_inside() -> None:
    maps = torch.zeros(1, 3, 5, 5)
    maps[0, 0, 2, 3], maps[0, 0, 2, 2], maps[0, 0, 3, 3] = 1.0, 0.5, 0.4  # neighbours to the left and below
    maps[0, 1, 0, 2], maps[0, 1, 0, 3] = 1.0, 0.5  # on the border: no refinement
    points, _ = heatmaps.decode(maps)
    np.testing.assert_array_equal(points[0, 0], [2.75, 2.25])
    np.testing.assert_array_equal(points[0, 1], [2, 0])
    np.testing.assert_array_equal(points[0, 2], [0, 0])  # a flat map


def test_unflip_undoes_a_mirrored_picture() -> None:
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(2, 16, 6, 6, generator=generator)
    mirrored = maps[:, list(heatmaps.MIRRORED)].flip(-1)
    torch.testing.assert_close(heatmaps.unflip(mirrored), maps, rtol=0, atol=0)
    assert [heatmaps.MIRRORED[other] for other in heatmaps.MIRRORED] == list(range(16))
