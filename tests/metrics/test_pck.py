"""PCK against a slow independent oracle, its rules at the edges, and its contents as plain JSON."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbrn.datasets.people import JOINT_NAMES
from lbrn.errors import InputError
from lbrn.metrics.pck import COLUMNS, JOINTS, METRICS, PRIMARY, pck, pck_curve, primary_total, score_matrix
from oracles import pck as oracle


def people(joints, head):
    return SimpleNamespace(joints=np.asarray(joints, dtype=float), head=np.asarray(head, dtype=float))


def random_case(seed, count, missing):
    """Coordinates and sizes on a grid, half of the errors along one axis: distances often equal a threshold."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 80, (count, 16, 2)) / 2
    error = generator.integers(-10, 11, (count, 16, 2)).astype(float)
    error[generator.random((count, 16)) < 0.5, 1] = 0.0
    guess = truth + error
    truth[generator.random((count, 16)) < missing] = np.nan
    guess[generator.random((count, 16)) < missing / 4] = np.nan
    head = generator.integers(0, 24, count).astype(float)
    head[generator.random(count) < missing / 2] = np.nan
    return guess, truth, head


@settings(max_examples=1000, deadline=None)
@given(
    seed=st.integers(0, 2**63),
    count=st.integers(1, 4),
    missing=st.sampled_from([0.0, 0.2, 0.9]),
    dataset=st.sampled_from(["mpii", "lsp"]),
)
def test_every_definition_agrees_with_the_oracle(seed, count, missing, dataset):
    guess, truth, head = random_case(seed, count, missing)
    scores = score_matrix(guess, people(truth, head), dataset)
    assert set(scores["metrics"]) == set(oracle.DEFINITIONS[dataset])
    for metric, found in scores["metrics"].items():
        expected = oracle.rows(guess.tolist(), truth.tolist(), head.tolist(), dataset, metric)
        for row, value in expected.items():
            if value is None:
                assert found[row] is None, (metric, row)
            else:
                assert found[row] == pytest.approx(value, abs=1e-12), (metric, row)


def test_the_grid_of_random_cases_reaches_the_thresholds():
    # Without exact ties, `<` and `<=` could be swapped unseen.
    ties = 0
    for seed in range(20):
        guess, truth, head = random_case(seed, 4, 0.0)
        strict, _ = pck(guess, truth, head, 0.5, strict=True)
        loose, _ = pck(guess, truth, head, 0.5, strict=False)
        ties += int((np.nan_to_num(strict) != np.nan_to_num(loose)).any())
    assert ties > 5


def test_strict_and_loose_differ_exactly_on_the_threshold():
    truth = np.zeros((1, 16, 2))
    guess = truth + np.array([3.0, 4.0])
    size = np.array([10.0])
    assert pck(guess, truth, size, 0.5, strict=True)[0].tolist() == [0.0] * 16
    assert pck(guess, truth, size, 0.5, strict=False)[0].tolist() == [100.0] * 16


def test_pairs_are_the_plain_mean_of_left_and_right():
    # Right ankles: 1 of 1 correct; left ankles: 1 of 3. Pooled they would be 50 %, the plain mean is 66.7 %.
    truth = np.zeros((3, 16, 2))
    truth[1:, 0] = np.nan
    guess = np.zeros((3, 16, 2))
    guess[1:, 5] = 100.0
    scores = score_matrix(guess, people(truth, [10.0] * 3), "mpii")
    assert scores["metrics"]["pckh@0.5-mean14"]["Ankle"] == pytest.approx((100 + 100 / 3) / 2)


def test_head_is_the_head_top_on_mpii_and_the_mean_with_the_neck_on_lsp():
    truth = np.random.default_rng(0).uniform(0, 100, (1, 16, 2))
    guess = truth.copy()
    guess[0, JOINTS.index("upper_neck")] += 1000
    case = people(truth, [10.0])
    assert score_matrix(guess, case, "mpii")["metrics"]["pckh@0.5-mean14"]["Head"] == 100
    assert score_matrix(guess, case, "lsp")["metrics"]["pck@0.2-torso"]["Head"] == 50


def test_nothing_labelled_is_null_and_valid_json():
    truth = np.full((2, 16, 2), np.nan)
    scores = score_matrix(np.zeros((2, 16, 2)), people(truth, [10.0, np.nan]), "lsp")
    json.dumps(scores, allow_nan=False)
    assert scores["left_out"] == {"torso": 2, "head": 1, "box": 2}
    for metric in scores["metrics"].values():
        assert all(metric[row] is None for row in (*COLUMNS, "Total"))
    assert scores["joints"]["head_top"] == {"percent": None, "count": 0}


def test_people_without_a_usable_size_are_left_out():
    truth = np.zeros((4, 16, 2))
    guess = np.zeros((4, 16, 2))
    guess[1:] = 1000.0
    percent, count = pck(guess, truth, np.array([10.0, np.nan, 0.0, -5.0]), 0.5)
    assert percent.tolist() == [100.0] * 16 and count.tolist() == [1] * 16


def test_a_labelled_joint_without_a_finite_prediction_is_wrong():
    guess = np.zeros((2, 16, 2))
    guess[1] = np.nan
    percent, count = pck(guess, np.zeros((2, 16, 2)), np.array([10.0, 10.0]), 0.5)
    assert percent.tolist() == [50.0] * 16 and count.tolist() == [2] * 16


def test_the_curve_ends_in_the_metric_and_never_falls():
    guess, truth, head = random_case(3, 4, 0.1)
    scores = score_matrix(guess, people(truth, head), "mpii")
    curve, primary = scores["curve"], scores["metrics"][PRIMARY["mpii"]]
    assert curve["threshold"][0] == 0 and curve["threshold"][-1] == 0.5
    assert curve["Total"][-1] == primary["Total"]
    assert np.all(np.diff(curve["Total"]) >= 0)
    many = pck_curve(guess, truth, head, np.array([0.1, 0.5]))
    assert np.array_equal(many[1], pck(guess, truth, head, 0.5)[0], equal_nan=True)


@pytest.mark.parametrize("dataset", ["mpii", "lsp"])
def test_the_total_for_following_a_training_is_the_primary_one(dataset):
    guess, truth, head = random_case(5, 4, 0.1)
    case = people(truth, head)
    scores = score_matrix(guess, case, dataset)
    assert primary_total(guess, case, dataset) == scores["metrics"][scores["primary"]]["Total"]
    assert np.isnan(primary_total(guess, people(np.full_like(truth, np.nan), head), dataset))


def test_joint_names_are_those_of_the_datasets():
    # Metrics import no dataset, so the order is written twice.
    assert JOINTS == JOINT_NAMES


def test_every_metric_states_its_definition():
    assert len({metric.definition for metric in METRICS.values()}) == len(METRICS)
    assert "plain mean of 14 joints" in METRICS[PRIMARY["mpii"]].definition
    assert "left shoulder to right hip" in METRICS[PRIMARY["lsp"]].definition
    assert all(METRICS[name].dataset == dataset for dataset, name in PRIMARY.items())


@pytest.mark.parametrize(
    ("guess", "size", "message"),
    [((3, 16, 2), 2, "do not fit the truth"), ((2, 16, 3), 2, "do not fit the truth"), ((2, 16, 2), 3, "one each")],
)
def test_shapes_that_do_not_belong_together(guess, size, message):
    with pytest.raises(InputError, match=message):
        pck(np.zeros(guess), np.zeros((2, 16, 2)), np.ones(size), 0.5)


def test_an_unknown_dataset_is_named():
    with pytest.raises(InputError, match=r"'coco'.*mpii, lsp"):
        score_matrix(np.zeros((1, 16, 2)), people(np.zeros((1, 16, 2)), [1.0]), "coco")
