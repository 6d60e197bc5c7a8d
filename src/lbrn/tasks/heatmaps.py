"""Heatmaps: Gaussian targets, decoding to sub-pixel positions, and the flip test (architectures 9.1, 10.1)."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# MPII's 16 joints: which joint a joint becomes in the mirror.
MIRRORED = (5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 15, 14, 13, 12, 11, 10)
RADIUS = 3  # the target's support is 7 x 7 pixels


def targets(points: NDArray[np.float64], size: int, sigma: float) -> Tensor:
    """Draw one Gaussian of peak 1 and 7x7 support per joint, centred on the pixel that holds the joint.

    Args:
        points: (N, J, 2) x, y in heatmap pixels (0-based centres); NaN where unlabelled.
        size: Side of the heatmap in pixels.
        sigma: Standard deviation in heatmap pixels (pytorch-pose: 1; Newell's and PyraNet's Torch code: 1.75).

    Returns:
        (N, J, size, size) float32; all zero where the joint is unlabelled or farther than 3 pixels outside.
    """
    pixel = np.floor(points + 0.5)
    distance = np.arange(size) - pixel[..., None]  # (N, J, 2, size)
    with np.errstate(invalid="ignore"):
        near = np.abs(distance) <= RADIUS
        profile = np.where(near, np.exp(-(distance**2) / (2 * sigma**2)), 0.0)
    along_x, along_y = torch.from_numpy(profile.astype(np.float32)).unbind(2)
    return along_y[..., :, None] * along_x[..., None, :]


def decode(maps: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Find each map's maximum and refine it by a quarter of a pixel towards the larger neighbour.

    Args:
        maps: (N, J, S, S).

    Returns:
        (N, J, 2) x, y in heatmap pixels (0-based centres; the public code's "+0.5" is this same convention counted
        from the pixel's corner), and (N, J) peak heights.
    """
    size = maps.shape[-1]
    flat = maps.flatten(2)
    score, index = flat.max(-1)
    x, y = index % size, index // size
    inside = (x > 0) & (x < size - 1) & (y > 0) & (y < size - 1)

    def slope(step: int) -> Tensor:
        ahead = flat.gather(-1, (index + step).clamp(0, size * size - 1)[..., None])
        behind = flat.gather(-1, (index - step).clamp(0, size * size - 1)[..., None])
        return torch.where(inside, torch.sign(ahead - behind)[..., 0], 0.0)

    points = torch.stack([x + 0.25 * slope(1), y + 0.25 * slope(size)], -1)
    return points.double().numpy(), score.float().numpy()


def unflip(maps: Tensor) -> Tensor:
    """Turn the maps of mirrored pictures back: mirror them and swap left with right joints (no one-pixel shift).

    Args:
        maps: (N, 16, S, S) in MPII's joint order.
    """
    return maps.flip(-1)[:, list(MIRRORED)]
