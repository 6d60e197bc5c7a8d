"""Fractional max-pooling (Graham 2014) whose random regions are under control in training and in evaluation."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lbrn.ternary import philox_words


class FractionalPooling(nn.Module):
    """Max-pool 2x2 regions to several reduced sizes, the regions at random places that cover a map of even sides.

    To make m of n places, with u uniform in [0, 1) and a = (n - 2) / (m - 1), region i < m - 1 starts at
    floor((i + u) a) - floor(u a), the last at n - 2; each sample, channel, scale and axis has its own u.

    In training u comes from the layer's own generator, whose state is in `state_dict()`. In evaluation it comes from
    a fixed table, the same for every picture; `draw` selects the table, so that several can be averaged.

    Attributes:
        draw: Index of the evaluation table, >= 0.
    """

    def __init__(self, ratios: Sequence[float], *, name: str, seed: int) -> None:
        """Make the layer.

        Args:
            ratios: Share of the side that is kept, for each output.
            name: Name of the layer, from which its random streams are made.
            seed: Training seed of the network; the evaluation tables do not depend on it.
        """
        super().__init__()
        self.ratios = tuple(ratios)
        self.name = name
        self.draw = 0
        self.generator = torch.Generator(device="cpu")
        self.generator.manual_seed(int(philox_words(1, "fractional-training-1", seed, name)[0] >> np.uint64(1)))
        self._tables: dict[tuple[int, int], Tensor] = {}

    def forward(self, features: Tensor) -> list[Tensor]:
        """Map (N, C, H, W) to one tensor (N, C, floor(H ratio), floor(W ratio)) for each ratio."""
        samples = self._samples(features).to(device=features.device, dtype=features.dtype)
        height, width = features.shape[-2:]
        pooled = []
        for ratio, sample in zip(self.ratios, samples, strict=True):
            size = (max(1, int(height * ratio)), max(1, int(width * ratio)))
            pooled.append(F.fractional_max_pool2d(features, 2, output_size=size, _random_samples=sample))
        return pooled

    def get_extra_state(self) -> Tensor:
        """Return the state of the training generator, for checkpoints."""
        return self.generator.get_state()

    def set_extra_state(self, state: Tensor) -> None:
        """Put the training generator into a stored state.

        Args:
            state: What `get_extra_state` returned, on any device.
        """
        self.generator.set_state(state.cpu())

    def extra_repr(self) -> str:
        """Describe scales and name."""
        return f"ratios=({', '.join(f'{ratio:.3f}' for ratio in self.ratios)}), name={self.name!r}"

    def _samples(self, features: Tensor) -> Tensor:
        count, channels = features.shape[:2]
        if self.training:
            return torch.rand(len(self.ratios), count, channels, 2, generator=self.generator, device="cpu")
        key = (self.draw, channels)
        if key not in self._tables:
            words = philox_words(len(self.ratios) * channels * 2, "fractional-evaluation-1", self.name, self.draw)
            # The upper 24 bits are what a float32 in [0, 1) holds exactly.
            values = ((words >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)).reshape(-1, 1, channels, 2)
            self._tables[key] = torch.from_numpy(values)
        return self._tables[key].expand(-1, count, -1, -1)


def set_eval_draw(network: nn.Module, draw: int) -> None:
    """Select the evaluation table of every fractional pooling in a network, to average over several draws.

    Args:
        network: Any network; one without fractional pooling is left as it is.
        draw: Index of the table, >= 0; 0 is what networks start with.
    """
    for module in network.modules():
        if isinstance(module, FractionalPooling):
            module.draw = draw
