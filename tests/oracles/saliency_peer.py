"""Golden numbers of PySODMetrics, which cannot be installed beside lbrn: it wants an older scikit-image.

    python -m venv peer && peer/bin/pip install pysodmetrics==1.6.2 numpy==2.3.4
    peer/bin/python tests/oracles/saliency_peer.py > tests/oracles/saliency_peer.json

The cases come from raw 64-bit words of Philox, so that they are the same under every numpy.
"""

import json
import warnings

import numpy as np

SIZES = ((300, 400), (97, 131), (64, 64), (33, 7), (400, 267))


def words(seed, count):
    return np.random.Philox(key=[seed, 11]).random_raw(count)


def case(seed):
    """A map (uint8) and a mask (0 and 255) of blobs: the map is the blobs' field with noise, its range varies."""
    height, width = SIZES[seed % len(SIZES)]
    numbers = (words(seed, 64) >> np.uint64(40)).astype(np.float64) / 2**24
    y, x = np.mgrid[:height, :width]
    field = np.zeros((height, width))
    for index in range(3):
        cy, cx, size = numbers[4 * index : 4 * index + 3] * (height, width, 0.3 * min(height, width))
        field += np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * (size + 2) ** 2))
    mask = field > 0.2 + 0.5 * numbers[20]
    noise = (words(seed + 1000, height * width) >> np.uint64(56)).astype(np.float64).reshape(height, width) / 255
    mixed = np.clip(numbers[21] * field + (1 - numbers[21]) * noise, 0, 1)
    low, high = (0, 255) if seed % 3 else (int(40 * numbers[22]), 150 + int(100 * numbers[23]))
    return (low + mixed * (high - low)).astype(np.uint8), mask.astype(np.uint8) * np.uint8(255)


COUNT = 12


def main():
    warnings.simplefilter("ignore")
    import py_sod_metrics as peer

    totals = peer.MAE(), peer.Fmeasure(), peer.Smeasure()
    each = []
    for seed in range(COUNT):
        prediction, mask = case(seed)
        alone = peer.MAE(), peer.Fmeasure(), peer.Smeasure()
        for metric in (*totals, *alone):
            metric.step(prediction, mask)
        each.append(numbers(*alone))
    print(json.dumps({"pysodmetrics": "1.6.2", "each": each, "all": numbers(*totals)}, indent=1))


def numbers(mae, f, s):
    found = f.get_results()
    precision, recall = found["pr"]["p"], found["pr"]["r"]
    mean_pr = 1.3 * precision * recall / np.maximum(0.3 * precision + recall, 1e-300)
    return {
        "mae": float(mae.get_results()["mae"]),
        "maxf-curve": float(found["fm"]["curve"].max()),
        "maxf-pr": float(mean_pr.max()),
        "adaptive-f": float(found["fm"]["adp"]),
        "s-measure": float(s.get_results()["sm"]),
    }


if __name__ == "__main__":
    main()
