"""Slow, independent convolution by its definition, for tests of layers and kernels."""

import numpy as np


def ternary_convolution(images, weights, *, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlate (N, C, H, W) with ternary (F, C / groups, kh, kw) by adding and subtracting pixels only."""
    count, _, height, width = images.shape
    filters, per_group, kernel_h, kernel_w = weights.shape
    padded = np.pad(images, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    out_h = (height + 2 * padding - dilation * (kernel_h - 1) - 1) // stride + 1
    out_w = (width + 2 * padding - dilation * (kernel_w - 1) - 1) // stride + 1
    result = np.zeros((count, filters, out_h, out_w))
    for f in range(filters):
        first = f // (filters // groups) * per_group
        for c in range(per_group):
            for i in range(kernel_h):
                for j in range(kernel_w):
                    sign = int(weights[f, c, i, j])
                    if sign == 0:
                        continue
                    for y in range(out_h):
                        for x in range(out_w):
                            pixel = padded[:, first + c, y * stride + i * dilation, x * stride + j * dilation]
                            result[:, f, y, x] += pixel if sign > 0 else -pixel
    return result


def convolution(images, weights, *, stride=1, padding=0, dilation=1):
    """Cross-correlate (N, C, H, W) with (F, C, kh, kw) in float64, tap by tap; fast enough for whole maps."""
    height, width = images.shape[2:]
    taps_y, taps_x = weights.shape[2:]
    padded = np.pad(images.astype(np.float64), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = (height + 2 * padding - dilation * (taps_y - 1) - 1) // stride + 1
    columns = (width + 2 * padding - dilation * (taps_x - 1) - 1) // stride + 1
    result = np.zeros((len(images), len(weights), rows, columns))
    for y in range(taps_y):
        for x in range(taps_x):
            top, left = y * dilation, x * dilation
            seen = padded[
                :, :, top : top + (rows - 1) * stride + 1 : stride, left : left + (columns - 1) * stride + 1 : stride
            ]
            result += np.einsum("fc,nchw->nfhw", weights[:, :, y, x].astype(np.float64), seen)
    return result
