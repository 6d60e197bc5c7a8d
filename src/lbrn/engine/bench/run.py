"""All measurements by name."""

from collections.abc import Callable, Sequence
from pathlib import Path

from lbrn.engine.bench import block, conv, memory, network, plots, training
from lbrn.engine.bench.settings import Settings


def _network(settings: Settings) -> None:
    memory.bench(settings)
    network.bench(settings)


BENCHES: dict[str, Callable[[Settings], None]] = {
    "conv": conv.bench,
    "block": block.bench,
    "network": _network,
    "training": training.bench,
}


def run(names: Sequence[str], settings: Settings) -> list[Path]:
    """Measure, and draw what is measured.

    Args:
        names: Keys of `BENCHES`.
        settings: How.

    Returns:
        The tables and pictures in the folder.
    """
    for name in names:
        BENCHES[name](settings)
        plots.draw(settings.out, name)
    return sorted(path for path in settings.out.iterdir() if path.suffix in (".csv", ".png", ".svg"))
