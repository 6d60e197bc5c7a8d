"""Examples of fixed filters (Fig. 3 of the paper): one layer of LBRN-S as the project's seed draws it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lbrn import models, ternary
from lbrn.layers import LocalBinaryConv2d
from lbrn.reproduction.figures import style
from lbrn.reproduction.figures.material import Material

VARIANT, LAYER = "lbrn-s", "stack0.level4.up.conv3x3"
EXAMPLES = 8
OTHERS = (0.1, 0.9)
"""Sparsities shown beside the project's: the ends of Table 2."""

SIGNS = {-1: style.BLUE, 0: "#EEEEEE", 1: style.YELLOW}


@dataclass(frozen=True)
class Filters:
    """Examples from one layer at several sparsities.

    Attributes:
        seed: The filter seed.
        shape: Shape of the whole layer's weight.
        examples: Sparsity to (EXAMPLES, EXAMPLES, 3, 3): the first output channels by the first input channels.
        nonzero: Sparsity to the share of non-zero weights in the whole layer.
    """

    seed: int
    shape: tuple[int, ...]
    examples: dict[float, NDArray[np.int8]]
    nonzero: dict[float, float]


def collect(material: Material) -> Filters:
    """Draw the layer of the full-size network with the project's filter seed.

    Args:
        material: The figure's entry and settings.
    """
    knobs = material.book.params
    seed = knobs.seeds[0] if knobs.filter_seed is None else knobs.filter_seed
    layer = _layer(knobs.sparsity, seed)
    weights = {
        sparsity: ternary.draw(layer.weight.shape, sparsity, seed=layer.seed, name=layer.name, scheme=layer.scheme)
        for sparsity in sorted({knobs.sparsity, *OTHERS})
    }
    return Filters(
        seed=layer.seed,
        shape=tuple(layer.weight.shape),
        examples={sparsity: weight[:EXAMPLES, :EXAMPLES] for sparsity, weight in weights.items()},
        nonzero={sparsity: float(np.mean(weight != 0)) for sparsity, weight in weights.items()},
    )


def rows(content: Filters) -> list[dict[str, Any]]:
    """Every weight that is shown."""
    return [
        {"sparsity": sparsity, "output": out, "input": into, "row": row, "column": column, "weight": int(value)}
        for sparsity, weights in content.examples.items()
        for (out, into, row, column), value in np.ndenumerate(weights)
    ]


def draw(content: Filters, *, photographs: bool = False) -> Any:
    """One block of 3x3 patterns a sparsity: output channels downwards, input channels to the right."""
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    figure = style.figure(style.COLUMN, 1.75)
    colours = ListedColormap(list(SIGNS.values()))
    axes = figure.subplots(1, len(content.examples), squeeze=False)[0]
    for axis, (sparsity, weights) in zip(axes, content.examples.items(), strict=True):
        sheet = _sheet(weights)
        axis.pcolormesh(sheet, cmap=colours, vmin=-1, vmax=1, edgecolors="white", linewidth=0.2)
        axis.set(xlim=(0, len(sheet)), ylim=(len(sheet), 0), aspect="equal", title=f"sparsity {sparsity:g}")
        axis.set(xticks=[], yticks=[], xlabel="input channels")
        axis.spines[:].set_visible(False)
    axes[0].set_ylabel("output channels")
    patches = [Patch(facecolor=colour, edgecolor=style.GREY, linewidth=0.4) for colour in SIGNS.values()]
    style.legend_outside(figure, patches, ["\N{MINUS SIGN}1", "0", "+1"], columns=3)
    return figure


def _layer(sparsity: float, seed: int) -> LocalBinaryConv2d:
    # A filter depends on its seed, name, shape and sparsity only, so that one stack shows what eight would.
    network = models.build(VARIANT, seed=0, filter_seed=seed, stacks=1, sparsity=sparsity)
    layers = (module for module in network.modules() if isinstance(module, LocalBinaryConv2d))
    return next(layer for layer in layers if layer.name == LAYER)


def _sheet(weights: NDArray[np.int8]) -> NDArray[np.float64]:
    """All patterns in one square with a weight's width between them, which is NaN and stays white."""
    side = 4 * EXAMPLES - 1
    sheet = np.full((side, side), np.nan)
    for (out, into), pattern in ((place, weights[place]) for place in np.ndindex(EXAMPLES, EXAMPLES)):
        sheet[4 * out : 4 * out + 3, 4 * into : 4 * into + 3] = pattern
    return sheet
