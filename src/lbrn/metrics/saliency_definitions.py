"""Every number that lbrn prints about saliency maps, with its definition. Loads nothing."""

from dataclasses import dataclass

BETA_SQUARED = 0.3
"""Weight of the precision in the F-measure, as in all of the literature on saliency."""

_F = "F = 1.3 P R / (0.3 P + R), 256 thresholds on the map stretched to 0..255"


@dataclass(frozen=True)
class Metric:
    """One number about saliency maps, 0..1.

    Attributes:
        text: Its definition in one sentence.
        evaluator: Which public evaluator or paper uses it.
    """

    text: str
    evaluator: str

    @property
    def definition(self) -> str:
        """The definition with its user."""
        return f"{self.text} [{self.evaluator}]"


METRICS = {
    "maxf-curve": Metric(
        f"{_F}; F of each picture averaged over the pictures at each threshold, then the largest", "PySODMetrics"
    ),
    "maxf-pr": Metric(
        f"{_F}; precision and recall averaged over the pictures at each threshold, then F, then the largest",
        "older evaluation tools",
    ),
    "mae": Metric(
        "mean absolute difference of the map stretched to 0..1 and the mask (above 128 of 255), each picture counting "
        "alike",
        "PySODMetrics",
    ),
    "s-measure": Metric("structure measure with alpha 0.5, mean over the pictures", "Fan et al. 2017"),
    "adaptive-f": Metric(
        "F = 1.3 P R / (0.3 P + R) where the map is at least twice its mean, mean over the pictures", "PySODMetrics"
    ),
}
"""Every definition by its id."""

PRIMARY = "maxf-curve"
"""The metric that leads a run's scores."""
