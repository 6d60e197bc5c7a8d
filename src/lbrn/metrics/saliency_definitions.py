"""Every number that lbrn prints about saliency maps, with its definition. Loads nothing."""

BETA_SQUARED = 0.3
"""Weight of the precision in the F-measure, as in all of the literature on saliency."""

_F = "F = 1.3 P R / (0.3 P + R), 256 thresholds on the map stretched to 0..255"

DEFINITIONS = {
    "maxf-curve": f"{_F}; F of each picture averaged over the pictures at each threshold, then the largest "
    "[PySODMetrics]",
    "maxf-pr": f"{_F}; precision and recall averaged over the pictures at each threshold, then F, then the largest "
    "[older evaluation tools]",
    "mae": "mean absolute difference of the map stretched to 0..1 and the mask (above 128 of 255), each picture "
    "counting alike",
    "s-measure": "structure measure with alpha 0.5 [Fan et al. 2017], mean over the pictures",
    "adaptive-f": "F = 1.3 P R / (0.3 P + R) where the map is at least twice its mean, mean over the pictures",
}
"""Metric id to its definition in one sentence; all values are 0..1."""

PRIMARY = "maxf-curve"
"""The metric that leads a run's scores."""
