"""Saliency metrics against a slow oracle in fractions, the numbers of PySODMetrics, and known values."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbrn.errors import InputError
from lbrn.metrics.saliency import measure, score_sets, summary
from lbrn.metrics.saliency_definitions import METRICS
from oracles import saliency as oracle
from oracles import saliency_peer as peer

GOLDEN = json.loads((Path(peer.__file__).with_suffix(".json")).read_text())
SINGLE = ("mae", "s-measure", "adaptive-f")


def random_case(seed):
    """Small maps of few or many levels, masks from empty to full: ties and constant parts are frequent."""
    generator = np.random.default_rng(seed)
    height, width = generator.integers(1, 9, 2)
    levels = generator.choice([2, 5, 256])
    palette = generator.integers(0, 256, levels)
    prediction = palette[generator.integers(0, levels, (height, width))].astype(np.uint8)
    mask = generator.random((height, width)) < generator.choice([0.0, 0.1, 0.5, 1.0])
    return prediction, mask


@settings(max_examples=150, deadline=None)
@given(seeds=st.lists(st.integers(0, 2**63), min_size=1, max_size=4))
def test_every_number_is_that_of_the_oracle(seeds):
    cases = [random_case(seed) for seed in seeds]
    found = summary([measure(*case) for case in cases])
    plain = [(prediction.tolist(), mask.tolist()) for prediction, mask in cases]
    expected = {
        "mae": sum(oracle.mae(*case) for case in plain) / len(plain),
        "s-measure": sum(oracle.s_measure(*case) for case in plain) / len(plain),
        "adaptive-f": sum(oracle.adaptive_f(*case) for case in plain) / len(plain),
        "maxf-curve": oracle.maxf_curve(plain),
        "maxf-pr": oracle.maxf_pr(plain),
    }
    for metric, value in expected.items():
        assert found[metric] == pytest.approx(value, abs=1e-12), metric


def test_every_number_is_that_of_pysodmetrics():
    cases = [peer.case(seed) for seed in range(peer.COUNT)]
    measures = [measure(prediction, mask > 128) for prediction, mask in cases]
    for one, expected in zip(measures, GOLDEN["each"], strict=True):
        found = summary([one])
        assert {metric: found[metric] for metric in METRICS} == pytest.approx(expected, abs=1e-6)
    together = summary(measures)
    assert {metric: together[metric] for metric in METRICS} == pytest.approx(GOLDEN["all"], abs=1e-6)


def test_the_two_conventions_of_maxf_differ():
    # Else one of them could silently be the other.
    assert abs(GOLDEN["all"]["maxf-curve"] - GOLDEN["all"]["maxf-pr"]) > 0.001


def test_a_perfect_map_has_perfect_scores():
    _, mask = peer.case(0)
    found = summary([measure(mask, mask > 128)])
    assert found["mae"] == 0
    assert all(found[metric] == pytest.approx(1, abs=1e-12) for metric in METRICS if metric != "mae")


def test_a_constant_map_is_not_stretched():
    mask = np.zeros((4, 4), bool)
    mask[:2] = True
    assert measure(np.full((4, 4), 51, np.uint8), mask).mae == pytest.approx(0.5)
    assert measure(np.zeros((4, 4), np.uint8), mask).mae == pytest.approx(0.5)


def test_scores_of_several_sets_name_their_definitions():
    one = measure(*random_case(3))
    scores = score_sets({"ecssd": [one], "hku-is": [one, one]})
    assert scores["sets"] == {"ecssd": 1, "hku-is": 2} and scores["images"] == 3 and scores["headline"] == "ecssd"
    assert scores["metrics"]["mae"]["ecssd"] == scores["metrics"]["mae"]["hku-is"] == one.mae
    assert set(scores["metrics"]) == set(METRICS)
    assert len(scores["curves"]["ecssd"]["recall"]) == 256
    json.dumps(scores, allow_nan=False)


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="sizes must agree"):
        measure(np.zeros((2, 3), np.uint8), np.zeros((3, 2), bool))
    with pytest.raises(InputError, match="sizes must agree"):
        measure(np.zeros((0, 3), np.uint8), np.zeros((0, 3), bool))
    with pytest.raises(InputError, match="uint8"):
        measure(np.zeros((2, 3)), np.zeros((2, 3), bool))
    with pytest.raises(InputError, match="the test set is empty"):
        summary([])


def test_a_thousand_maps_of_ecssd_size_take_seconds():
    prediction, mask = peer.case(0)
    began = time.process_time()
    for _ in range(20):
        measure(prediction, mask > 128)
    assert (time.process_time() - began) * 50 < 30
