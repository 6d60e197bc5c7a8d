"""A training step, in torch: what fixed filters spare there (claim C7)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn, optim

from lbrn.engine.bench import networks, peers, tables
from lbrn.engine.bench.networks import Pair
from lbrn.engine.bench.settings import Settings
from lbrn.engine.bench.tables import Row
from lbrn.engine.bench.timing import interleave
from lbrn.models import registry

COLUMNS = (
    "network", "sparsity", "peer", "stacks", "width", "height", "batch", "threads", "peer_ms", "network_ms", "ratio",
    "peer_iqr_ms", "network_iqr_ms", "peer_forward_ms", "network_forward_ms",
)  # fmt: skip

_SMALL = {"stacks": 2, "width": 64}
PAIRS = (Pair("lbrn-s", "shn", 128, _SMALL, (0.5,), (4,)), Pair("lbrn-p", "prm", 128, _SMALL, (0.5,), (4,)))
QUICK_PAIRS = (Pair("lbrn-s", "shn", 64, {"stacks": 1, "width": 32, "depth": 3}, (0.5,), (2,)),)

NOTES = (
    "a step: forward, mean squared error over all stacks, backward, RMSprop; in torch, channels last, both networks. "
    "The fixed filters have no gradients of their own and no state of the optimiser; activations have theirs",
    "*_forward_ms: the forward part by itself, in training mode with what backward needs",
)


def bench(settings: Settings, *, pairs: Sequence[Pair] | None = None) -> None:
    """Write training.csv.

    Args:
        settings: How to measure.
        pairs: Which networks.
    """
    rows: list[Row] = []
    for threads in settings.threads:
        for pair in pairs or (QUICK_PAIRS if settings.quick else PAIRS):
            settings.say(f"training: {pair.network} and {pair.real}, threads {threads}")
            peers.begin(threads)
            rows.append(_measure(pair, threads, settings.repeats))
    tables.write(settings.out / "training.csv", COLUMNS, rows, [*NOTES, *settings.notes(), *tables.machine()])


class _Training:
    """A network in training."""

    def __init__(self, variant: str, pair: Pair, **settings: Any) -> None:
        self.network = registry.build(variant, seed=0, **pair.settings, **settings).train()
        self.images = torch.from_numpy(networks.pictures(pair.batches[0], pair.side))
        self.targets = [torch.zeros_like(output) for output in self.network(self.images)]
        self.optimiser = optim.RMSprop(self.network.parameters(), lr=1e-5)

    def forward(self) -> Tensor:
        """The loss."""
        outputs = self.network(self.images)
        losses = [nn.functional.mse_loss(*both) for both in zip(outputs, self.targets, strict=True)]
        return torch.stack(losses).sum()

    def step(self) -> None:
        """One step."""
        self.optimiser.zero_grad()
        self.forward().backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()


def _measure(pair: Pair, threads: int, repeats: int) -> dict[str, Any]:
    sparsity = pair.sparsities[0]
    real, fixed = _Training(pair.real, pair), _Training(pair.network, pair, sparsity=sparsity)
    calls = {"real": real.step, "fixed": fixed.step, "real forward": real.forward, "fixed forward": fixed.forward}
    times = interleave(calls, repeats)
    return {
        "network": pair.network,
        "sparsity": sparsity,
        "peer": f"{pair.real}:torch-channels-last",
        **pair.settings,
        "height": pair.side,
        "batch": pair.batches[0],
        "threads": threads,
        "peer_ms": times["real"].ms,
        "network_ms": times["fixed"].ms,
        "ratio": times["real"].ms / times["fixed"].ms,
        "peer_iqr_ms": times["real"].iqr_ms,
        "network_iqr_ms": times["fixed"].iqr_ms,
        "peer_forward_ms": times["real forward"].ms,
        "network_forward_ms": times["fixed forward"].ms,
    }
