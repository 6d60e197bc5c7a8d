"""Slow, independent fractional max-pooling (Graham 2014) with 2x2 regions, for given random samples."""

import math

import numpy as np


def starts(size, count, sample):
    """Return the first pixel of each of `count` regions of two pixels on an axis of `size` pixels."""
    if count == 1:
        return [size - 2]
    step = np.float32(size - 2) / np.float32(count - 1)
    offset = math.floor(np.float32(sample) * step)
    return [math.floor(np.float32(i + np.float32(sample)) * step) - offset for i in range(count - 1)] + [size - 2]


def fractional_max_pool(plane, out_h, out_w, sample_x, sample_y):
    """Pool one (H, W) plane; returns the maxima and, for the gradient, the pixel each came from."""
    maxima, sources = np.zeros((out_h, out_w), plane.dtype), {}
    for row, top in enumerate(starts(plane.shape[0], out_h, sample_y)):
        for column, left in enumerate(starts(plane.shape[1], out_w, sample_x)):
            region = [(top + i, left + j) for i in (0, 1) for j in (0, 1)]
            sources[row, column] = max(region, key=lambda pixel: plane[pixel])
            maxima[row, column] = plane[sources[row, column]]
    return maxima, sources
