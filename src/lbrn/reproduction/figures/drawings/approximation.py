"""How well fixed filters and learned 1x1 filters approximate a 3x3 convolution (section 3.6 of the paper, claim C25).

The experiment: a patch x holds 3 x 3 x M independent standard normal values after ReLU, as a fixed convolution sees
them in the network. The target is C = act(W x) of N random Gaussian filters W; the approximation is V act(B x) + b of
P fixed ternary filters B, as Eq. 11 has it, plus the bias of the 1x1 convolution. V and b are the exact least-squares
solution over one set of patches; the error is taken on another set.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr, solve_triangular

from lbrn import ternary
from lbrn.reproduction.figures import spread, style
from lbrn.reproduction.figures.material import Material
from lbrn.reproduction.statistics import estimate

Array = NDArray[np.float64]

INPUTS, OUTPUTS = 8, 64
PATCH = 9 * INPUTS
FILTERS = (8, 16, 36, 72, 144, 288, 576)
"""P, from M, as in the local-binary block itself, to 72 M."""

PATCHES = 8192
"""To solve on, and as many others to take the error on."""

DECIMALS = 6
"""Of an error in percent; what is smaller is rounding, which differs between machines."""

SEEDS = tuple(range(5))
SPARSITIES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Setting:
    """One line of the figure.

    Attributes:
        label: What it is called.
        sparsity: Share of non-zero fixed weights.
        activated: Whether a ReLU follows both 3x3 convolutions, as in Eq. 11.
    """

    label: str
    sparsity: float
    activated: bool


SETTINGS = (
    *(Setting(f"with ReLU, sparsity {sparsity:g}", sparsity, True) for sparsity in SPARSITIES),
    Setting("without ReLU, sparsity 0.5", 0.5, False),
)


@dataclass(frozen=True)
class Point:
    """An error at one number of filters.

    Attributes:
        setting: The line.
        filters: P, the number of intermediate filters.
        errors: The share of the target's variance that is not explained, in percent, one a seed.
    """

    setting: Setting
    filters: int
    errors: tuple[float, ...]


def collect(material: Material) -> list[Point]:
    """Run the experiment; it takes no runs and no knobs.

    Args:
        material: The figure's entry.
    """
    return experiment(FILTERS, SEEDS, PATCHES)


def experiment(counts: Sequence[int], seeds: Sequence[int], patches: int) -> list[Point]:
    """Take the error for every setting and number of filters.

    Args:
        counts: Numbers of filters, rising; the filters of a smaller number are the first of a larger one.
        seeds: Seeds of target, fixed filters and patches.
        patches: How many to solve on, and how many to take the error on.

    Returns:
        Points; without ReLU only up to 9 M filters, which span all that a 3x3 convolution can see.
    """
    points = []
    for setting in SETTINGS:
        shown = [count for count in counts if setting.activated or count <= PATCH]
        errors = [errors_of(setting, shown, seed, patches) for seed in seeds]
        points += [Point(setting, count, tuple(one[place] for one in errors)) for place, count in enumerate(shown)]
    return points


def errors_of(setting: Setting, counts: Sequence[int], seed: int, patches: int) -> list[float]:
    """The errors of one seed, in percent of the target's variance.

    Args:
        setting: The line.
        counts: Numbers of filters, rising.
        seed: Of target, fixed filters and patches.
        patches: How many to solve on, and how many to take the error on.
    """
    generator = np.random.Generator(np.random.Philox(key=[seed, 0]))
    target = generator.standard_normal((OUTPUTS, PATCH)) / np.sqrt(PATCH)
    known, fresh = (np.maximum(generator.standard_normal((patches, PATCH)), 0) for _ in range(2))
    shape = (counts[-1], INPUTS, 3, 3)
    filters = ternary.draw(shape, setting.sparsity, seed=seed, name="approximation").reshape(counts[-1], PATCH)
    act: Callable[[Array], Array] = (lambda maps: np.maximum(maps, 0)) if setting.activated else (lambda maps: maps)
    wanted, responses = (act(known @ target.T), act(fresh @ target.T)), tuple(
        _with_ones(act(maps @ filters.T.astype(float))) for maps in (known, fresh)
    )  # fmt: skip
    return _unexplained(responses, wanted, counts)


def rows(content: Sequence[Point]) -> list[dict[str, Any]]:
    """Mean error and its 95 % interval over seeds, and the error of each seed."""
    return [
        {
            "line": point.setting.label, "sparsity": point.setting.sparsity, "relu": point.setting.activated,
            "filters": point.filters, **spread.columns(estimate(point.errors)),
            **{f"seed{number}": error for number, error in enumerate(point.errors)},
        }
        for point in content
    ]  # fmt: skip


def draw(content: Sequence[Point], *, photographs: bool = False) -> Any:
    """Error against the number of filters, one line a setting, with its interval as a band."""
    figure = style.figure(style.COLUMN, 2.6)
    axis = figure.subplots()
    for number, setting in enumerate(dict.fromkeys(point.setting for point in content)):
        line = [point for point in content if point.setting == setting]
        spread.curve(
            axis, [point.filters for point in line], [estimate(point.errors) for point in line],
            style.line_style(number), label=setting.label, clip_on=False,
        )  # fmt: skip
    for place, name in ((INPUTS, "P = M, as in the LBB"), (PATCH, "P = 9 M")):
        axis.axvline(place, color=style.GREY, linewidth=0.6, linestyle=":")
        axis.annotate(
            name, (place, 1.08), (3, 0), xycoords=("data", "axes fraction"), textcoords="offset points", va="top",
            color=style.GREY, fontsize=style.SMALL,
        )  # fmt: skip
    ticks = sorted({point.filters for point in content})
    axis.set(xscale="log", xlabel="intermediate fixed filters P", ylabel="variance not explained (%)", ylim=(0, None))
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.minorticks_off()
    style.legend_outside(figure, *axis.get_legend_handles_labels(), columns=2)
    return figure


def _with_ones(responses: Array) -> Array:
    return np.concatenate([np.ones((len(responses), 1)), responses], axis=1)


def _unexplained(responses: Sequence[Array], wanted: Sequence[Array], counts: Sequence[int]) -> list[float]:
    """One factorisation serves all numbers of filters: the first columns of Q and R are those of the first filters."""
    kept = _independent(responses[0])
    basis, upper = qr(responses[0][:, kept], mode="economic")
    projected = basis.T @ wanted[0]
    spread = float(((wanted[1] - wanted[1].mean(axis=0)) ** 2).sum())
    errors = []
    for count in counts:
        used = int((kept <= count).sum())  # column 0 is the bias
        solution = solve_triangular(upper[:used, :used], projected[:used])
        left = wanted[1] - responses[1][:, kept[:used]] @ solution
        errors.append(round(100 * float((left**2).sum()) / spread, DECIMALS))
    return errors


def _independent(columns: Array) -> NDArray[np.int64]:
    """Columns that are no combination of those before them: the ReLU of a filter that is all minus is never open."""
    diagonal = np.diagonal(qr(columns, mode="r")[0])
    longest = np.linalg.norm(columns, axis=0).max()
    found: NDArray[np.int64] = np.flatnonzero(np.abs(diagonal) > 1e-9 * longest)
    return found
