"""Holistic attention (Wu, Su and Huang 2019): a saliency map, or its blurred copy, as weights of features."""

import torch
from torch import Tensor, nn

BLUR_SIDE, BLUR_SIGMAS = 31, 4
TINY = 1e-8
"""Keeps a map of one value from dividing by nothing."""


class Stretch(nn.Module):
    """Each picture's map stretched to 0..1 over its own range; a module of its own, for `lbrn.trace`."""

    def __init__(self, eps: float = TINY) -> None:
        """Take what is added to the range.

        Args:
            eps: Small and positive.
        """
        super().__init__()
        self.eps = eps

    def forward(self, maps: Tensor) -> Tensor:
        """Stretch (N, C, H, W), each channel by itself."""
        low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
        return (maps - low) / (high - low + self.eps)


class HolisticAttention(nn.Module):
    """Weights features by an attention map or by its blurred copy, whichever is larger.

    The blur is one learned 31x31 filter that begins as a Gaussian of standard deviation 31 / 8 pixels and unit sum.
    """

    def __init__(self) -> None:
        super().__init__()
        self.blur = nn.Conv2d(1, 1, BLUR_SIDE, padding=BLUR_SIDE // 2, bias=False)
        self.stretch = Stretch()

    def reset(self) -> None:
        """Make the filter the Gaussian that it begins as."""
        with torch.no_grad():
            self.blur.weight.copy_(gaussian()[None, None])

    def forward(self, attention: Tensor, features: Tensor) -> Tensor:
        """Weight features.

        Args:
            attention: (N, 1, H, W), 0..1.
            features: (N, C, H, W).
        """
        return features * torch.maximum(self.stretch(self.blur(attention)), attention)


def gaussian() -> Tensor:
    """Return the initial blur (31, 31): a Gaussian integrated over pixels out to 4 standard deviations, of unit sum."""
    edges = torch.linspace(-BLUR_SIGMAS, BLUR_SIGMAS, BLUR_SIDE + 1, dtype=torch.float64)
    mass = torch.special.ndtr(edges).diff()
    kernel = torch.outer(mass, mass)
    return (kernel / kernel.sum()).float()
