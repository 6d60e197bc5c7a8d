"""Every public definition of PCK that lbrn prints, in one table: `METRICS`.

"PCKh on MPII" names several numbers. Evaluators differ in the joints averaged, in their weights, in the comparison
(`<` or `<=`) and in what "Head" is. A metric here is named with its definition and computed from stored predictions.
"""

from dataclasses import dataclass
from typing import Literal

JOINTS = (
    "r_ankle", "r_knee", "r_hip", "l_hip", "l_knee", "l_ankle", "pelvis", "thorax",
    "upper_neck", "head_top", "r_wrist", "r_elbow", "r_shoulder", "l_shoulder", "l_elbow", "l_wrist",
)  # fmt: skip
"""The 16 joints in MPII's order; left and right are the person's own."""

PAIRS = {"Shoulder": (12, 13), "Elbow": (11, 14), "Wrist": (10, 15), "Hip": (2, 3), "Knee": (1, 4), "Ankle": (0, 5)}
"""Right and left joint of each printed pair."""

COLUMNS = ("Head", *PAIRS)
"""The seven printed joint groups, in the paper's order."""

ROWS = (*COLUMNS, "Total")
"""What every metric yields."""

HEAD_TOP = (9,)
NECK_AND_HEAD_TOP = (8, 9)
ALL_16 = tuple(range(16))
WITHOUT_TRUNK = tuple(joint for joint in ALL_16 if joint not in (6, 7))

Size = Literal["head", "torso", "box"]
Total = Literal["mean", "weighted", "columns"]

SIZE_TEXT: dict[tuple[str, Size], str] = {
    ("mpii", "head"): "head size (0.6 x diagonal of the annotated head box)",
    ("lsp", "head"): "head length (upper neck to head top)",
    ("lsp", "torso"): "torso (left shoulder to right hip)",
    ("lsp", "box"): "longer side of the tight box around the 14 labelled joints",
}
HEAD_TEXT = {HEAD_TOP: "Head = head top", NECK_AND_HEAD_TOP: "Head = plain mean of upper neck and head top"}


@dataclass(frozen=True)
class Metric:
    """One definition of PCK.

    Attributes:
        id: Its name in files and tables, such as ``pckh@0.5-mean14``.
        dataset: ``mpii`` or ``lsp``.
        size: The reference length that distances are divided by.
        threshold: The largest distance of a correct joint, in reference lengths.
        strict: Correct means ``<`` (true) or ``<=`` (false) the threshold.
        head: Indices of the joints averaged under "Head".
        joints: Indices of the joints in the total; unused where `total` is ``columns``.
        total: ``mean`` = every joint counts alike; ``weighted`` = every labelled joint instance counts alike;
            ``columns`` = plain mean of the seven printed groups.
        evaluator: Which public evaluator or paper uses it.
    """

    id: str
    dataset: str
    size: Size
    threshold: float
    strict: bool
    head: tuple[int, ...]
    joints: tuple[int, ...]
    total: Total
    evaluator: str

    @property
    def definition(self) -> str:
        """The definition in one sentence."""
        sign = "<" if self.strict else "<="
        if self.total == "columns":
            total = "plain mean of the seven printed groups"
        else:
            trunk = " (pelvis and thorax left out)" if self.joints == WITHOUT_TRUNK else ""
            weighting = "plain mean" if self.total == "mean" else "mean weighted by labelled count"
            total = f"{weighting} of {len(self.joints)} joints{trunk}"
        return (
            f"% of labelled joints (occluded ones included) with distance / {SIZE_TEXT[self.dataset, self.size]} "
            f"{sign} {self.threshold:g}; {HEAD_TEXT[self.head]}; pairs = plain mean of left and right; "
            f"Total = {total} [{self.evaluator}]"
        )


def _mpii(name: str, threshold: float, strict: bool, joints: tuple[int, ...], total: Total, evaluator: str) -> Metric:
    return Metric(name, "mpii", "head", threshold, strict, HEAD_TOP, joints, total, evaluator)


def _lsp(name: str, size: Size, threshold: float, evaluator: str) -> Metric:
    return Metric(name, "lsp", size, threshold, False, NECK_AND_HEAD_TOP, WITHOUT_TRUNK, "mean", evaluator)


_ALL = (
    _mpii("pckh@0.5-mean14", 0.5, True, WITHOUT_TRUNK, "mean", "the MPII evaluation of pytorch-pose"),
    _mpii("pckh@0.5-weighted14", 0.5, True, WITHOUT_TRUNK, "weighted", "mmpose"),
    _mpii("pckh@0.5-weighted14-le", 0.5, False, WITHOUT_TRUNK, "weighted", "HRNet"),
    _mpii("pckh@0.5-micro16", 0.5, True, ALL_16, "weighted", "pytorch_stacked_hourglass"),
    _mpii("pckh@0.5-mean16", 0.5, True, ALL_16, "mean", "comparable with the paper's SHN and LBRN-S totals"),
    _mpii("pckh@0.5-mean7", 0.5, True, WITHOUT_TRUNK, "columns", "can be recomputed from any printed row"),
    _mpii("pckh@0.1-mean14", 0.1, True, WITHOUT_TRUNK, "mean", "lbrn"),
    _mpii("pckh@0.1-weighted14", 0.1, True, WITHOUT_TRUNK, "weighted", "mmpose"),
    # HRNet prints "Mean@0.1" but reads entry 11 of its list of thresholds 0.00, 0.01, ...: the threshold is 0.11.
    _mpii("pckh@0.11-weighted14-le", 0.11, False, WITHOUT_TRUNK, "weighted", "printed as Mean@0.1 by HRNet"),
    _lsp("pck@0.2-torso", "torso", 0.2, "the usual LSP metric; fits the paper's Table 7"),
    _lsp("pckh@0.2", "head", 0.2, "the paper's wording for Table 7, which its numbers contradict"),
    _lsp("pckh@0.5", "head", 0.5, "the paper's wording for Table 8"),
    _lsp("pck@0.2-bounding-box", "box", 0.2, "a looser variant, never comparable with the torso one"),
)

METRICS: dict[str, Metric] = {metric.id: metric for metric in _ALL}
"""Every definition by its id."""

PRIMARY = {"mpii": "pckh@0.5-mean14", "lsp": "pck@0.2-torso"}
"""The metric that tables show, per dataset."""
